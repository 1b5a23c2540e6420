/**
 * How far a plan is: which step it is at, who may begin, when it is over.
 *
 * Owns: the order of steps, the sliding batch, the limit of failures, the end. Does not own: conditions, drift, dispatching (worker).
 * Invariants: pure; a step begins when the one before has ended everywhere; never more than `batch.size` at once; after more failures in a
 * step than `batch.maxFailures`, and after a cancel, nothing further begins; what cannot be known counts as a failure.
 */
import type { PlanEvent } from "./events.ts"
import type { Plan } from "./plan.ts"
import { countsOf, outcomeOf } from "./evolve.ts"
import type { PlanView, TargetState, TargetView } from "./view.ts"

const overStates: ReadonlySet<TargetState> = new Set([
  "succeeded",
  "failed",
  "rolled-back",
  "refused",
  "expired",
  "unknown",
  "skipped"
])
const failureStates: ReadonlySet<TargetState> = new Set(["failed", "rolled-back", "refused", "expired", "unknown"])

export const isOver = (target: TargetView): boolean => overStates.has(target.state)
export const isFailure = (target: TargetView): boolean => failureStates.has(target.state)
/** Its agent may be at it. */
export const isActing = (target: TargetView): boolean => target.state === "dispatched" || target.state === "accepted"

/** Nothing more happens to it by itself. */
export const isSettledPlan = (view: PlanView): boolean => view.finishedAt !== undefined || view.status === "previewed"
/** It was approved and is not over. */
export const isRunning = (view: PlanView): boolean => view.status === "approved" || view.status === "running"

/** The first step that is not over everywhere. */
export const currentStep = (view: PlanView): number | undefined => {
  const at = view.steps.findIndex((targets) => !targets.every(isOver))
  return at < 0 ? undefined : at
}

/** Why nothing further begins. */
export const stopped = (view: PlanView, plan: Plan): string | undefined => {
  if (view.cancel !== undefined)
    return `${view.cancel.by} stopped it${view.cancel.reason === undefined ? "" : `: ${view.cancel.reason}`}`
  for (const [nth, targets] of view.steps.entries()) {
    const failures = targets.filter(isFailure).length
    if (failures > plan.batch.maxFailures)
      return `step ${nth + 1} did not succeed on ${failures} ${failures === 1 ? "host" : "hosts"}, which is more than the ${plan.batch.maxFailures} that may fail`
  }
  return undefined
}

/** The targets of a step that may begin now, or whose condition is being looked at, in the order of the plan. */
export const mayBegin = (
  view: PlanView
): { readonly step: number; readonly targets: ReadonlyArray<TargetView> } | undefined => {
  const { plan } = view
  const step = currentStep(view)
  if (plan === undefined || step === undefined || !isRunning(view) || stopped(view, plan) !== undefined)
    return undefined
  const targets = view.steps[step] ?? []
  const asking = targets.filter((target) => target.state === "asking")
  const free = plan.batch.size - targets.filter(isActing).length - asking.length
  const next = free <= 0 ? [] : targets.filter((target) => target.state === "waiting").slice(0, free)
  return asking.length + next.length === 0 ? undefined : { step, targets: [...asking, ...next] }
}

/** The earlier step that did not succeed there, from 0. */
export const failedBefore = (view: PlanView, step: number, agentId: string): number | undefined => {
  const at = view.steps
    .slice(0, step)
    .findIndex((targets) => targets.some((target) => target.agentId === agentId && isFailure(target)))
  return at < 0 ? undefined : at
}

/** The end, once it has come. */
export const conclusion = (view: PlanView): Extract<PlanEvent, { readonly _tag: "PlanFinished" }> | undefined => {
  const { plan } = view
  if (plan === undefined || !isRunning(view)) return undefined
  const reason = stopped(view, plan)
  const over =
    reason === undefined ? currentStep(view) === undefined : !view.steps.some((targets) => targets.some(isActing))
  if (!over) return undefined
  const counts = countsOf(view.steps)
  const left = view.steps.some((targets) => !targets.every(isOver))
  return {
    _tag: "PlanFinished",
    outcome: outcomeOf(counts, view.cancel !== undefined && left),
    counts,
    ...(reason === undefined || !left ? {} : { reason })
  }
}
