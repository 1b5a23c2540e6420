/**
 * Plans for people and for programs.
 *
 * Owns: the preview, the JSON of the command line (design §8). Does not own: words of selectors and steps (core's `plan/words.ts`), the
 * result of each host (`result-text.ts`), what was done.
 * Invariant: nothing that came from a host can move the cursor.
 */
import { Schema } from "effect"
import { type Action, risks } from "@signalbox/core/action/Action.ts"
import { catalog, isActionName } from "@signalbox/core/action/catalog.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { shortCode } from "@signalbox/core/plan/hash.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { actText, batchText, conditionText, selectorText } from "@signalbox/core/plan/words.ts"
import { oneLine } from "@signalbox/tui/text.ts"
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

/** What would be done, where, at which risk and why. */
export const preview = (view: PlanView): string => {
  const { plan, question } = view
  const how =
    view.origin?.by === "phrasebook"
      ? `understood by the phrasebook in ${view.origin.tookMs ?? 0} ms`
      : view.origin?.by === "model"
        ? `proposed by ${oneLine(view.origin.model ?? "a model", 100)}`
        : ""
  const head = [style("bold", `Plan ${view.planId}`), `"${oneLine(view.text, 200)}"`, style("dim", how)].filter(Boolean)
  if (question !== undefined)
    return [
      head.join("  "),
      oneLine(question.reason, 2_000),
      ...question.questions.map((one) => `  ${oneLine(one, 500)}`),
      ...question.readings.map((one) => `  · ${oneLine(one, 1_000)}`)
    ].join("\n")
  if (plan === undefined) return [head.join("  "), "A model is being asked."].join("\n")
  const steps = plan.steps.flatMap((step, at) => {
    const entry: Pick<Action<never>, "proof" | "undo" | "effect"> | undefined = isActionName(step.action)
      ? catalog[step.action]
      : undefined
    const hosts = step.targets.map((one) => one.host)
    const shown = hosts.length > 12 ? `${hosts.slice(0, 12).join(" ")} and ${hosts.length - 12} more` : hosts.join(" ")
    const why = step.reasons.map((one) => one.reason).join("; ")
    return [
      `${String(at + 1).padStart(2)}  ${style("bold", actText(step))}  ${shown}  ${riskText(step.risk)}  ${style("dim", why)}`,
      ...(step.when === undefined ? [] : [`    if       ${conditionText(step.when)}`]),
      ...(entry?.effect === "acts" ? [`    proof    ${entry.proof}`, `    undo     ${entry.undo}`] : [])
    ]
  })
  const targets = Math.max(...plan.steps.map((step) => step.targets.length))
  const unjudged = view.unjudged.map((one) => `  not judged: ${one.host}, ${oneLine(one.reason, 200)}`)
  const acts = gateOf(plan).approval !== "none"
  const foot = acts
    ? [
        `    batch    ${batchText(plan.batch, targets)}`,
        style(
          "dim",
          `    risk ${plan.risk} · until ${plan.expiresAt.slice(11, 19)} UTC · hash ${view.hash?.slice(0, 4)}…${view.hash?.slice(-4)}`
        )
      ]
    : []
  return [head.join("  "), ...steps, ...unjudged, ...foot].join("\n")
}

/** How to agree from another prompt. */
export const howToApprove = (view: PlanView): string =>
  view.plan !== undefined && gateOf(view.plan).typed
    ? `signalbox plan approve ${view.planId} --code ${shortCode(view.hash ?? "")}`
    : `signalbox plan approve ${view.planId}`
