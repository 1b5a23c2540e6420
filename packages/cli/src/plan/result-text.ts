/**
 * What came of a plan, for people: a line for each host, and the end.
 *
 * Owns: those lines and the exit code. Does not own: the preview and the JSON (`print.ts`).
 * Invariants: nothing that came from a host can move the cursor; what was cut says how to see it whole; nothing is loaded for it that a
 * command which begins at once would have to wait for.
 */
import type { Schema } from "effect"
import { changes, dataRows } from "@signalbox/tui/plan/data.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { style } from "../paint.ts"

/** Of one host. */
export interface Ended {
  readonly host: string
  readonly state: string
  readonly summary?: string
  readonly tookMs?: number
  readonly proven?: boolean
  readonly data?: Schema.Json
}
/** Of the whole plan. */
export interface Outcome {
  readonly status: string
  readonly counts?: Readonly<Record<string, number>>
  readonly reason?: string
  readonly rejected?: { readonly reason?: string }
}

const glyphs: { readonly [state: string]: readonly [string, "green" | "red" | "yellow" | "dim"] } = {
  succeeded: ["✓", "green"],
  failed: ["✗", "red"],
  "rolled-back": ["↩", "red"],
  refused: ["✗", "red"],
  unknown: ["…", "yellow"],
  expired: ["⏱", "red"],
  skipped: ["–", "dim"]
}

/** Of how many hosts the answers are shown, and so many lines of each; a summary stands for the others. */
const several = 5
const mostLines = 12

/** One host's end, in a line; below it what was read, or what an act changed. @param of the plan and how many hosts it is shown for */
export const targetText = (target: Ended, of: { readonly planId: string; readonly hosts: number }): string => {
  const [glyph, kind] = glyphs[target.state] ?? ["▸", "dim"]
  const proof =
    target.proven === undefined
      ? ""
      : target.proven
        ? style("green", "  proven")
        : target.state === "succeeded"
          ? style("yellow", "  not proven")
          : ""
  const took = target.tookMs === undefined ? "" : style("dim", `  ${target.tookMs} ms`)
  const line = `${style(kind, glyph)} ${style("bold", target.host)}  ${oneLine(target.summary ?? target.state, 400)}${proof}${took}`
  const changed = target.data === undefined ? undefined : changes(target.data)
  if (changed !== undefined && changed.length > 0) return `${line}\n    ${style("dim", changed.join(" · "))}`
  const data = target.data === undefined ? "" : dataText(target.data)
  if (data === "") return line
  const cut = of.hosts === 1 ? 2_000 : of.hosts <= several ? mostLines : 0
  const lines = data.split("\n")
  const whole = `signalbox plan result ${of.planId} ${target.host}`
  const more = lines.length > cut && cut > 0 ? [style("dim", `… ${lines.length - cut} more lines: ${whole}`)] : []
  return [line, ...[...lines.slice(0, cut), ...more].map((one) => `    ${one}`)].join("\n")
}

/** Whatever an agent answered, as lines. */
export const dataText = (data: Schema.Json): string =>
  dataRows(data)
    .map((row) => row.map(({ text, dim = false }) => (dim ? style("dim", text) : text)).join(""))
    .join("\n")

export const exitCode = ({ status }: Pick<Outcome, "status">, noWait: boolean): 0 | 1 | 2 => {
  if (["succeeded", "previewed", "skipped"].includes(status)) return 0
  if (noWait && ["approved", "running"].includes(status)) return 0
  return ["failed", "rejected", "expired", "not-understood", "cancelled"].includes(status) ? 1 : 2
}

export const ending = (plan: Outcome): string => {
  const counts = Object.entries(plan.counts ?? {}).filter(([, count]) => count > 0)
  const said = counts.map(([name, count]) => `${count} ${name === "rolledBack" ? "rolled back" : name}`).join(", ")
  const { reason = plan.rejected?.reason } = plan
  return [plan.status, said === "" ? "" : ` (${said})`, reason === undefined ? "" : `: ${reason}`].join("")
}
