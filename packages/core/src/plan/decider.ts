/**
 * What may happen to a plan: commands in, events or a rejection out. Pure.
 *
 * Owns: the rules of one plan's life: proposed, approved once, carried out once, over. Does not own: who must agree (`gate.ts`), how far it
 * is (`progress.ts`), what a target's state becomes (`view.ts`), when anything is tried (worker), who is signed in (edges).
 * Invariants: an approval names the hash of what is carried out; a command is dispatched once, an agent's word on it counts once; what a
 * worker or agent says twice, or late, is accepted without an event, except that an agent's word replaces a deadline's; a person's
 * click that comes twice is harmless; the end is an event of the same append as what ended it.
 */
import { Result, Schema } from "effect"
import { canonicalJson } from "../agent/canonical.ts"
import type { PlanEvent } from "./events.ts"
import { type Approval, approvalFault, gateOf } from "./gate.ts"
import { conclusion, isOver, isRunning, isSettledPlan, mayBegin } from "./progress.ts"
import { effectOf } from "../action/told.ts"
import { evolvePlan } from "./evolve.ts"
import type { PlanView, ReadView, TargetView } from "./view.ts"

export class PlanRejection extends Schema.TaggedError<PlanRejection>()("PlanRejection", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

type Of<Tag extends PlanEvent["_tag"]> = Extract<PlanEvent, { readonly _tag: Tag }>
type Fields<Tag extends PlanEvent["_tag"]> = Omit<Of<Tag>, "_tag">
export type Ended = Of<
  "StepSucceeded" | "StepFailed" | "StepRolledBack" | "StepRefused" | "StepOutcomeUnknown" | "StepExpired"
>
/** What an agent, or the deadline, says of a command. */
export type Said = Of<"StepAccepted" | "StepRelapsed"> | Ended
export type Move = Of<"StepDispatched" | "StepSkipped"> | Ended

export type PlanCommand =
  | {
      readonly _tag: "Give"
      readonly given: Fields<"InstructionGiven">
      readonly answer?: Of<"PlanProposed" | "PlanNotUnderstood">
    }
  /** What the model that was asked made of it. */
  | { readonly _tag: "Answer"; readonly with: Of<"PlanProposed" | "PlanNotUnderstood"> }
  | {
      readonly _tag: "Approve"
      readonly approval: Approval
      readonly hash: string
      readonly now: number
      /** What has changed since it was proposed, in one sentence. */
      readonly drift?: string
    }
  | { readonly _tag: "Reject"; readonly by: string; readonly reason?: string }
  | { readonly _tag: "Expire"; readonly now: number }
  | { readonly _tag: "Cancel"; readonly by: string; readonly reason?: string }
  /** What the dispatcher does next, in order. */
  | { readonly _tag: "Advance"; readonly moves: ReadonlyArray<Move> }
  | { readonly _tag: "Hear"; readonly said: ReadonlyArray<Said> }
  | { readonly _tag: "Explain"; readonly asked: Fields<"LogsExplanationRequested"> }
  | { readonly _tag: "Explained"; readonly with: Of<"LogsExplained" | "LogsExplanationFailed"> }

type Decision = Result.Result<ReadonlyArray<PlanEvent>, PlanRejection>
const events = (...list: ReadonlyArray<PlanEvent>): Decision => Result.succeed(list)
const reject = (reason: string): Decision => Result.fail(new PlanRejection({ reason }))

export const decidePlan = (view: PlanView | undefined, command: PlanCommand): Decision => {
  if (command._tag === "Give") return give(view, command)
  if (view === undefined) return reject("There is no such plan. See plan list.")
  switch (command._tag) {
    case "Answer":
      return view.status === "asked" ? events(...proposal(view.dryRun, command.with)) : events()
    case "Approve":
      return approve(view, command)
    case "Reject":
      return rejectPlan(view, command)
    case "Expire":
      return isProposed(view) && isExpired(view, command.now) ? events({ _tag: "PlanExpired" }) : events()
    case "Cancel":
      return cancel(view, command)
    case "Advance":
      return Result.succeed(step(view, command.moves, isSound))
    case "Hear":
      return Result.succeed(step(view, command.said, isNews))
    case "Explain":
      return explain(view, command.asked)
    case "Explained":
      return isAskedToExplain(view, command.with.explanationId) ? events(command.with) : events()
  }
}

const give = (
  view: PlanView | undefined,
  { given, answer }: Extract<PlanCommand, { readonly _tag: "Give" }>
): Decision => {
  if (view !== undefined) return reject(`There is a plan ${given.planId} already.`)
  return events({ _tag: "InstructionGiven", ...given }, ...(answer === undefined ? [] : proposal(given.dryRun, answer)))
}

/** What changes nothing needs nobody's yes. */
const proposal = (dryRun: boolean, proposed: Of<"PlanProposed" | "PlanNotUnderstood">): ReadonlyArray<PlanEvent> =>
  proposed._tag === "PlanProposed" && !dryRun && gateOf(proposed.plan).approval === "none"
    ? [proposed, { _tag: "PlanApproved", hash: proposed.hash, by: "policy" }]
    : [proposed]

const isProposed = (view: PlanView): boolean => view.status === "proposed"
export const isExpired = (view: PlanView, now: number): boolean =>
  view.plan !== undefined && now >= Date.parse(view.plan.expiresAt)

const approve = (
  view: PlanView,
  { approval, hash, now, drift }: Extract<PlanCommand, { readonly _tag: "Approve" }>
): Decision => {
  if (view.plan === undefined || view.hash === undefined)
    return reject(
      view.status === "asked"
        ? `${view.planId} is not planned yet; wait for its plan.`
        : `${view.planId} was not understood, so there is nothing to approve.`
    )
  if (hash !== view.hash)
    return reject(
      `What was approved is not what ${view.planId} would do: its hash is ${shown(view.hash)}, not ${shown(hash)}. Look at it again.`
    )
  if (view.approved !== undefined) return events() // a second click
  if (view.dryRun) return reject(`${view.planId} was a dry run. Give the instruction again without it.`)
  if (!isProposed(view))
    return reject(`${view.planId} was ${view.status} and cannot be approved any more. Give the instruction again.`)
  if (isExpired(view, now))
    return reject(`${view.planId} could be approved until ${view.plan.expiresAt}. Give the instruction again.`)
  const fault = approvalFault({ plan: view.plan, hash, by: view.by }, approval)
  if (fault !== undefined) return reject(fault)
  if (drift !== undefined) return reject(`${drift} What was proposed is not true any more; give the instruction again.`)
  return events({
    _tag: "PlanApproved",
    hash,
    by: approval.by,
    ...(approval.code === undefined ? {} : { typed: true })
  })
}

const shown = (hash: string): string => `${hash.slice(0, 4)}…${hash.slice(-4)}`

const rejectPlan = (view: PlanView, { by, reason }: Extract<PlanCommand, { readonly _tag: "Reject" }>): Decision => {
  if (view.status === "rejected") return events()
  if (view.status !== "proposed" && view.status !== "asked")
    return reject(
      `${view.planId} is ${view.status}, so it cannot be rejected${isRunning(view) ? "; stop it with plan cancel" : ""}.`
    )
  return events({ _tag: "PlanRejected", by, ...(reason === undefined ? {} : { reason }) })
}

const cancel = (view: PlanView, command: Extract<PlanCommand, { readonly _tag: "Cancel" }>): Decision => {
  const { by, reason } = command
  if (view.status === "proposed" || view.status === "asked") return rejectPlan(view, { ...command, _tag: "Reject" })
  if (isSettledPlan(view))
    return view.cancel === undefined && view.status !== "rejected"
      ? reject(`${view.planId} is over (${view.status}).`)
      : events()
  if (view.cancel !== undefined) return events()
  return Result.succeed(
    ending(view, [{ _tag: "PlanCancelRequested", by, ...(reason === undefined ? {} : { reason }) }])
  )
}

const isAskedToExplain = ({ explanation }: PlanView, explanationId: string): boolean =>
  explanation?.status === "asked" && explanation.explanationId === explanationId

const explain = (view: PlanView, asked: Fields<"LogsExplanationRequested">): Decision => {
  if (!hasLogs(view))
    return reject(
      `${view.planId} has read no logs, so there is nothing to explain. Ask for some, like "show errors since today".`
    )
  if (view.explanation?.status === "asked") return events() // a second click
  return events({ _tag: "LogsExplanationRequested", ...asked })
}

export const logAction = "log.query"
const hasLogs = (view: PlanView): boolean =>
  view.steps.some(
    (targets, nth) =>
      view.plan?.steps[nth]?.action === logAction && targets.some((target) => target.state === "succeeded")
  )

/** Each in the state that the ones before it have left; what does not fit is left out. */
const step = <E extends PlanEvent>(
  view: PlanView,
  wanted: ReadonlyArray<E>,
  fits: (view: PlanView, event: E) => boolean
): ReadonlyArray<PlanEvent> => {
  const kept: Array<E> = []
  let state = view
  for (const event of wanted) {
    if (!fits(state, event)) continue
    kept.push(event)
    state = after(state, event)
  }
  return ending(view, kept)
}

/** With the end of the plan, when they bring it about. */
const ending = (view: PlanView, list: ReadonlyArray<PlanEvent>): ReadonlyArray<PlanEvent> => {
  if (list.length === 0) return list
  const end = conclusion(list.reduce(after, view))
  return end === undefined ? list : [...list, end]
}

const after = (view: PlanView, event: PlanEvent): PlanView =>
  evolvePlan(view, event, { at: view.updatedAt, actor: view.actor, version: view.version + 1 }) ?? view

const isSound = (view: PlanView, move: Move): boolean => {
  if (move._tag !== "StepDispatched" && move._tag !== "StepSkipped") return isNews(view, move)
  const targetId = move._tag === "StepSkipped" ? move.agentId : (move.targetId ?? move.agentId)
  const target = view.steps[move.step]?.find((one) => one.agentId === targetId)
  if (target === undefined || (move._tag === "StepDispatched" && !isGranted(view, move))) return false
  if (move._tag === "StepDispatched" && move.purpose === "before")
    return (view.status === "proposed" || view.status === "previewed") && !isDispatched(target, move.commandId)
  const begin = mayBegin(view)
  if (begin?.step !== move.step || !begin.targets.some((one) => one.agentId === targetId)) return false
  return move._tag === "StepSkipped" || move.purpose === "act" || !isDispatched(target, move.commandId)
}

/** What was approved acts, on the target itself; beside it there are only reads. */
const isGranted = (view: PlanView, move: Of<"StepDispatched">): boolean => {
  const approved = view.plan?.steps[move.step]
  if (approved === undefined || move.hash !== view.hash) return false
  if (move.purpose !== "act") return effectOf(move.action) === "reads"
  const sameArgs =
    move.args === undefined || // a content is put in only when it is sent
    (approved.contents === undefined && canonicalJson(move.args) === canonicalJson(approved.args))
  return move.targetId === undefined && move.action === approved.action && sameArgs
}

const isDispatched = (target: TargetView, commandId: string): boolean =>
  target.reads?.some((read) => read.commandId === commandId) === true

const isNews = (view: PlanView, said: Said): boolean => {
  const target = view.steps[said.step]?.find((one) => one.agentId === (said.targetId ?? said.agentId))
  if (target === undefined) return false
  if (said._tag === "StepRelapsed")
    return (
      said.purpose === "act" &&
      target.agentId === said.agentId &&
      target.commandId === said.commandId &&
      target.state === "succeeded"
    )
  if (said.purpose !== "act") {
    const read = target.reads?.find((one) => one.commandId === said.commandId && one.agentId === said.agentId)
    return read !== undefined && (said._tag === "StepAccepted" ? read.state === "dispatched" : isOpenRead(read))
  }
  if (target.commandId !== said.commandId || target.agentId !== said.agentId) return false
  if (said._tag === "StepAccepted") return target.state === "dispatched"
  return !isOver(target) || (target.said === "deadline" && said.said === "agent")
}

export const isOpenRead = (read: ReadView): boolean => read.state === "dispatched" || read.state === "accepted"
