/**
 * Plans for people and for programs.
 *
 * Owns: the preview, the result of each host, the JSON of the command line (design §8). Does not own: words of selectors and steps (core's
 * `plan/words.ts`), what was done.
 * Invariants: nothing that came from a host can move the cursor; what was cut says how to see it whole.
 */
import { Schema } from "effect"
import { type Action, risks } from "@signalbox/core/action/Action.ts"
import { catalog, isActionName } from "@signalbox/core/action/catalog.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { shortCode } from "@signalbox/core/plan/hash.ts"
import type { PlanView, TargetView } from "@signalbox/core/plan/view.ts"
import { actText, batchText, conditionText, selectorText } from "@signalbox/core/plan/words.ts"
import { changes, dataRows } from "@signalbox/tui/plan/data.ts"
import { oneLine, wrap } from "@signalbox/tui/text.ts"
import { beforeOf } from "@signalbox/tui/plan/words.ts"
import { style } from "../paint.ts"

export const planJson = (view: PlanView): Schema.Json => ({
  planId: view.planId,
  status: view.status,
  risk: view.plan?.risk ?? null,
  hash: view.hash ?? null,
  expiresAt: view.plan?.expiresAt ?? null,
  instruction: view.text,
  origin: view.origin === undefined ? null : { ...view.origin },
  approvedBy: view.approved?.by ?? null,
  reason: view.reason ?? view.rejected?.reason ?? view.question?.reason ?? null,
  readings: view.question === undefined ? [] : [...view.question.readings],
  steps: (view.plan?.steps ?? []).map((step, at) => ({
    action: step.action,
    args: step.args,
    risk: step.risk,
    reasons: step.reasons.map((one) => ({ ...one })),
    selector: selectorText(step.selector),
    ...(step.when === undefined ? {} : { when: conditionText(step.when) }),
    targets: step.targets.map((one) => one.host),
    results: (view.steps[at] ?? []).map((target) => ({
      host: target.host,
      state: target.state,
      summary: target.summary ?? null,
      proven: target.proven ?? null,
      tookMs: target.tookMs ?? null,
      data: target.data ?? null,
      ...(target.more === true ? { more: true } : {}),
      ...(target.commandId === undefined ? {} : { commandId: target.commandId })
    }))
  }))
})

const color = { low: "green", medium: "yellow", high: "red", critical: "red" } as const
const riskText = (risk: (typeof risks)[number]): string => style(color[risk], `▲ ${risk}`)

/** Of a terminal; anything else takes lines as long as they are. */
export const widthOf = (stream: NodeJS.WriteStream): number => (stream.isTTY ? Math.max(40, stream.columns) : 100_000)

const indent = 4
const label = 9
/** `name  text`, broken at words where the terminal ends. */
const fact = (name: string, text: string, columns: number): ReadonlyArray<string> =>
  wrap(oneLine(text, 100_000), columns - indent - label).map(
    (line, at) => `${" ".repeat(indent)}${(at === 0 ? name : "").padEnd(label)}${line}`
  )

/** What would be done, where, at which risk and why. */
export const preview = (view: PlanView, columns: number): string => {
  const { plan, question } = view
  const how =
    view.origin?.by === "phrasebook"
      ? `understood by the phrasebook in ${view.origin.tookMs ?? 0} ms`
      : view.origin?.by === "model"
        ? `proposed by ${oneLine(view.origin.model ?? "a model", 100)}`
        : ""
  const lines = (text: string, most: number): ReadonlyArray<string> => wrap(oneLine(text, most), columns)
  const head = [
    style("bold", `Plan ${view.planId}`),
    ...lines(`"${oneLine(view.text, 200)}"`, 202),
    ...(how === "" ? [] : [style("dim", how)])
  ]
  if (question !== undefined)
    return [
      ...head,
      ...lines(question.reason, 2_000),
      ...question.questions.flatMap((one) => lines(`  ${one}`, 500)),
      ...question.readings.flatMap((one) => lines(`  · ${one}`, 1_000))
    ].join("\n")
  if (plan === undefined) return [...head, "A model is being asked."].join("\n")
  const steps = plan.steps.flatMap((step, at) => {
    const entry: Pick<Action<never>, "proof" | "undo" | "effect"> | undefined = isActionName(step.action)
      ? catalog[step.action]
      : undefined
    const hosts = step.targets.map((one) => one.host)
    const names = hosts.join(" ")
    const which = selectorText(step.selector)
    const why = step.reasons.map((one) => one.reason).join("; ")
    return [
      `${String(at + 1).padStart(2)}  ${style("bold", oneLine(actText(step), 10_000))}  ${riskText(step.risk)}`,
      ...fact("on", which === names ? names : `${names}  (${which})`, columns),
      ...(step.when === undefined ? [] : fact("if", conditionText(step.when), columns)),
      ...fact("why", why, columns),
      ...beforeOf(view.steps[at] ?? []).flatMap(([told, of], nth) =>
        fact(nth === 0 ? "before" : "", `${told}  (${of.join(" ")})`, columns)
      ),
      ...(entry?.effect === "acts"
        ? [...fact("proof", entry.proof, columns), ...fact("undo", entry.undo, columns)]
        : [])
    ]
  })
  const targets = Math.max(...plan.steps.map((step) => step.targets.length))
  const unjudged = view.unjudged.flatMap((one) => fact("not", `${one.host}: ${oneLine(one.reason, 200)}`, columns))
  const acts = gateOf(plan).approval !== "none"
  const foot = acts
    ? [
        ...fact("batch", batchText(plan.batch, targets), columns),
        style(
          "dim",
          `    risk ${plan.risk}${view.status === "proposed" ? ` · until ${plan.expiresAt.slice(11, 19)} UTC` : ""} · hash ${view.hash?.slice(0, 4)}…${view.hash?.slice(-4)}`
        )
      ]
    : []
  return [...head, ...steps, ...unjudged, ...foot].join("\n")
}

/** How to agree from another prompt. */
export const howToApprove = (view: PlanView): string =>
  view.plan !== undefined && gateOf(view.plan).typed
    ? `signalbox plan approve ${view.planId} --code ${shortCode(view.hash ?? "")}`
    : `signalbox plan approve ${view.planId}`

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
export const targetText = (target: TargetView, of: { readonly planId: string; readonly hosts: number }): string => {
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
