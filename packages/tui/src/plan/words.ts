/**
 * What the screens say of plans.
 *
 * Owns: those words and marks. Does not own: selectors, conditions and steps in words (core's `plan/words.ts`).
 * Invariant: pure; what others wrote is not cleaned here: whoever draws it does.
 */
import { Result } from "effect"
import type { Risk, RiskReason } from "@signalbox/core/action/Action.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { type Counts, type PlanEvent, planEvents } from "@signalbox/core/plan/events.ts"
import { gateOf } from "@signalbox/core/plan/gate.ts"
import { isRunning } from "@signalbox/core/plan/progress.ts"
import type { PlanView, TargetState, TargetView } from "@signalbox/core/plan/view.ts"
import { actText, draftText } from "@signalbox/core/plan/words.ts"
import { count, duration } from "../format.ts"
import { type Color, say, type Span, type Style } from "../row.ts"
import { mark, type Mark } from "../theme.ts"

const colors: Readonly<Record<Risk, Color>> = { low: "green", medium: "yellow", high: "red", critical: "red" }
export const riskSpan = (risk: Risk, style: Style = {}): Span =>
  say(`▲ ${risk}`, { color: colors[risk], ...(risk === "critical" ? { bold: true } : {}), ...style })

/** `14:58`; nothing is left of what is over. */
export const left = (until: string, now: number): string => {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

export const shortHash = (hash: string): string => `${hash.slice(0, 4)}…${hash.slice(-4)}`

export const originText = ({ origin, status, model }: PlanView): string | undefined => {
  if (status === "asked") return `the phrasebook does not know it; asking ${model ?? "a model"}`
  switch (origin?.by) {
    case "phrasebook":
      return `understood by the phrasebook in ${origin.tookMs ?? 0} ms`
    case "model":
      return `proposed by ${origin.model ?? "a model"}${origin.tookMs === undefined ? "" : ` in ${duration(origin.tookMs)}`}`
    case "draft":
      return "given as a draft"
    case undefined:
      return undefined
  }
}

/** `restart a service (medium) + 6 of 20 hosts (high)` */
export const sumText = (reasons: ReadonlyArray<RiskReason>): string =>
  reasons.map(({ reason, risk }) => `${reason} (${risk})`).join(" + ")

/** Who has to agree, and why now. */
export const gateText = (view: PlanView): string | undefined => {
  if (view.plan === undefined) return undefined
  const gate = gateOf(view.plan)
  if (gate.approval === "none") return "Nobody has to approve it: it only reads, and its risk is low."
  const who = `an account with the role ${gate.role}${gate.role === "admin" ? "" : " or above"}`
  const second = gate.approval === "second" ? `, not by who asked for it unless there is one account alone` : ""
  const typed = gate.typed ? ", who types the short code" : ""
  return `Risk ${view.plan.risk}: approved by ${who}${typed}${second}, within ${gate.minutes} minutes of the proposal.`
}

/** Why somebody is asked for a code. */
export const needsCode = (view: PlanView): boolean => view.plan !== undefined && gateOf(view.plan).typed

const outcomes: ReadonlyArray<readonly [keyof Counts, string]> = [
  ["succeeded", "succeeded"],
  ["failed", "failed"],
  ["rolledBack", "rolled back"],
  ["refused", "refused"],
  ["expired", "came too late"],
  ["unknown", "unknown"],
  ["skipped", "skipped"]
]
export const countsText = (counts: Counts): string =>
  outcomes.flatMap(([name, word]) => (counts[name] === 0 ? [] : [`${count(counts[name])} ${word}`])).join(", ")

/** Why it ended as it did, or why it has not. */
export const reasonOf = (view: PlanView): string | undefined =>
  view.reason ??
  view.rejected?.reason ??
  (isRunning(view) && view.cancel !== undefined ? `${view.cancel.by} stops it` : undefined)

export const targetMark = (state: TargetState): Mark => mark(state === "waiting" ? "pending" : state)

/** What its agent said, or what it waits for. */
export const targetText = (target: TargetView): string => {
  if (target.summary !== undefined) return target.summary
  if (target.state === "asking") return target.reads?.at(-1)?.summary ?? "its condition is being looked at"
  if (target.state === "dispatched") return "sent to its agent"
  if (target.state === "accepted") return "its agent is at it"
  return ""
}

/** An event of a plan in words, for the timeline; undefined: it is none, or of a newer version. */
export const planWords = (event: RecordedEvent, view: PlanView | undefined): string | undefined => {
  if (!event.stream.startsWith("plan/")) return undefined
  const decoded = Result.getOrUndefined(planEvents.decode(event))
  return decoded === undefined ? undefined : wordsOf(decoded, view)
}

type Acted = Extract<PlanEvent, { readonly step: number }>

const wordsOf = (event: PlanEvent, view: PlanView | undefined): string => {
  switch (event._tag) {
    case "InstructionGiven":
      return `"${event.text}"${event.dryRun ? " · dry run" : ""}${event.ask === "model" ? " · a model is asked" : ""}`
    case "PlanProposed":
      return `▲ ${event.plan.risk}  ${draftText({ steps: event.plan.steps.map((step) => ({ ...step, targets: step.selector })) })}  ${shortHash(event.hash)}`
    case "PlanNotUnderstood":
      return event.reason
    case "PlanApproved":
      return `by ${event.by}  ${shortHash(event.hash)}`
    case "PlanRejected":
    case "PlanCancelRequested":
      return `by ${event.by}${event.reason === undefined ? "" : `: ${event.reason}`}`
    case "PlanExpired":
      return "nobody approved it in time"
    case "StepDispatched": {
      const step = view?.plan?.steps[event.step]
      const act = actText({ action: event.action, args: event.args ?? step?.args ?? {} })
      return `${event.host}  ${act}${event.purpose === "act" ? "" : event.purpose === "condition" ? "  for a condition" : "  a look before"}`
    }
    case "StepAccepted":
      return `${whereOf(event, view)}  ${actOf(event, view)}`
    case "StepSkipped":
      return `${whereOf(event, view)}  ${event.reason}`
    case "StepRelapsed":
      return `${whereOf(event, view)}  ${event.summary}  ${actOf(event, view)}`
    case "LogsExplanationRequested":
      return `by ${event.by}: a model reads the logs`
    case "LogsExplained": {
      const [first] = event.findings
      const kinds = event.findings.map((one) => `${count(one.count)} ${one.kind}`).join(", ")
      return first === undefined ? "nothing was found in the logs" : `${kinds}  "${first.quote}"`
    }
    case "LogsExplanationFailed":
      return event.reason
    case "PlanFinished":
      return `${event.outcome}  ${countsText(event.counts)}${event.reason === undefined ? "" : `  ${event.reason}`}`
    default: {
      const took =
        event.startedAt === undefined || event.finishedAt === undefined
          ? ""
          : `  ${count(Math.max(0, event.finishedAt - event.startedAt))} ms`
      const proof = event.proven === undefined ? "" : event.proven ? "  proven" : "  not proven"
      return `${whereOf(event, view)}  ${event.summary}${took}${proof}  ${actOf(event, view)}`
    }
  }
}

/** The host by its name, where the plan is known. */
const whereOf = (event: Pick<Acted, "step" | "agentId">, view: PlanView | undefined): string => {
  const step = view?.plan?.steps[event.step]
  const known = [...(step?.targets ?? []), ...(step?.asks ?? [])].find((one) => one.agentId === event.agentId)
  return known?.host ?? event.agentId
}

const actOf = (
  event: { readonly step: number; readonly purpose: string; readonly commandId: string },
  view: PlanView | undefined
): string => {
  const read = view?.steps[event.step]
    ?.flatMap((target) => target.reads ?? [])
    .find((one) => one.commandId === event.commandId)
  const step = event.purpose === "act" ? view?.plan?.steps[event.step] : read
  return step === undefined ? `step ${event.step + 1}` : actText(step)
}
