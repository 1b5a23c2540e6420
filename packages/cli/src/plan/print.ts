/**
 * Plans for people and for programs.
 *
 * Owns: the preview, the result of each host, the JSON of the command line (design §8). Does not own: words of selectors and steps (core's
 * `plan/words.ts`), what was done.
 * Invariants: nothing that came from a host can move the cursor; what was cut says how to see it whole; nothing is loaded for it that a
 * command which begins at once would have to wait for.
 */
import type { Schema } from "effect"
import type { Risk } from "@signalbox/core/action/Action.ts"
import { toldOf } from "@signalbox/core/action/told.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import type { Batch, Condition, Selector } from "@signalbox/core/plan/plan.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { actText, batchText, conditionText, selectorText } from "@signalbox/core/plan/words.ts"
import { beforeOf, type Looked } from "@signalbox/tui/plan/before.ts"
import { oneLine, wrap } from "@signalbox/tui/text.ts"
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

/** What a preview shows of a plan. */
export interface Proposal {
  readonly planId: string
  readonly text: string
  readonly status: string
  readonly origin?: { readonly by: string; readonly model?: string; readonly tookMs?: number }
  readonly question?: {
    readonly reason: string
    readonly questions: ReadonlyArray<string>
    readonly readings: ReadonlyArray<string>
  }
  readonly unjudged: ReadonlyArray<{ readonly host: string; readonly reason: string }>
  readonly plan?: {
    readonly steps: ReadonlyArray<ProposedStep>
    readonly batch: Batch
    readonly risk: Risk
    readonly expiresAt: string
  }
  readonly hash?: string
  readonly steps: ReadonlyArray<ReadonlyArray<Looked>>
}
interface ProposedStep {
  readonly action: string
  readonly args: Readonly<Record<string, Schema.Json>>
  readonly selector: Selector
  readonly targets: ReadonlyArray<{ readonly host: string }>
  readonly when?: Condition
  readonly risk: Risk
  readonly reasons: ReadonlyArray<{ readonly reason: string }>
}

const color = { low: "green", medium: "yellow", high: "red", critical: "red" } as const
const riskText = (risk: Risk): string => style(color[risk], `▲ ${risk}`)

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
export const preview = (view: Proposal, columns: number): string => {
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
    const entry = toldOf(step.action)
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
export const howToApprove = (view: Pick<Proposal, "planId" | "plan" | "hash">): string =>
  view.plan !== undefined && gateOf(view.plan).typed
    ? `signalbox plan approve ${view.planId} --code ${shortCode(view.hash ?? "")}`
    : `signalbox plan approve ${view.planId}`
