/**
 * Small changes of a report that all parsers share.
 *
 * Owns: setting and clearing fields, notes for lines that are no events. Does not own: what a vendor's event means.
 * Invariant: a report stays JSON without undefined, so that stored and continued reports are equal.
 */
import { jsonLineLimit, oneLine } from "./json.ts"
import type { OutputParser, Shown, ToolReport } from "../Tool.ts"

export interface Step {
  readonly report: ToolReport
  readonly shown: ReadonlyArray<Shown>
}

/** Sets what is defined and leaves the rest as it is. */
export const withFields = (
  report: ToolReport,
  fields: { readonly [K in keyof ToolReport]?: ToolReport[K] | undefined }
): ToolReport => {
  const next: Record<string, unknown> = { ...report }
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) next[name] = value
  return next as ToolReport
}

export const without = (report: ToolReport, ...names: ReadonlyArray<keyof ToolReport>): ToolReport => {
  if (names.every((name) => report[name] === undefined)) return report
  const next: Record<string, unknown> = { ...report }
  for (const name of names) delete next[name]
  return next as ToolReport
}

export const add = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined && b === undefined ? undefined : Math.min((a ?? 0) + (b ?? 0), Number.MAX_SAFE_INTEGER)

export const unchanged = (report: ToolReport): Step => ({ report, shown: [] })

export const show = (kind: Shown["kind"], text: string): ReadonlyArray<Shown> => (text === "" ? [] : [{ kind, text }])

/** A line that is not of the format: programs print warnings among their events. */
export const noteOf = (line: string): ReadonlyArray<Shown> =>
  line.length > jsonLineLimit
    ? show("note", `(a line of ${(line.length / 1024 / 1024).toFixed(1)} million characters was left out)`)
    : show("note", oneLine(line))

/** A parser of formats that have no unfinished lines worth reading. */
export const lineParser = (line: (report: ToolReport, line: string) => Step): OutputParser => ({
  initial: {},
  line,
  partial: (report) => report
})

/** A small number with its unit: "$0.0421", "12.3k". */
export const money = (dollars: number): string => `$${dollars < 1 ? dollars.toFixed(4) : dollars.toFixed(2)}`

/** The line under a finished run: what it took. */
export const summary = (report: ToolReport): string =>
  [
    report.turns === undefined ? undefined : `${report.turns} ${report.turns === 1 ? "turn" : "turns"}`,
    report.inputTokens === undefined ? undefined : `${report.inputTokens} tokens in`,
    report.outputTokens === undefined ? undefined : `${report.outputTokens} out`,
    report.costUsd === undefined ? undefined : money(report.costUsd)
  ]
    .filter((part) => part !== undefined)
    .join(" · ")
