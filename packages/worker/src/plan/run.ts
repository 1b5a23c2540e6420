/**
 * Carries an approved plan out: dispatches what may begin, waits on the log for what came of it, until the plan is over.
 *
 * Owns: that loop, and when a plan is left alone because it was left lying. Does not own: what comes next (`moves.ts`), the end (the
 * decider, in the append that brings it about), delivery to agents (hub), who runs the loop (`PlanRuns.ts`).
 * Invariants: nothing is in this loop's memory that is not in the log, so it may be killed and taken over at any point: whoever goes on
 * finds what was dispatched and dispatches it no more; only what was approved is dispatched; what was not begun for a long time is not
 * begun late.
 */
import { Clock, Effect, Queue } from "effect"
import { Fleet, type FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { graceMillis } from "@signalbox/core/plan/acts.ts"
import { missingContent } from "@signalbox/core/plan/contents.ts"
import type { Move } from "@signalbox/core/plan/decider.ts"
import { planHash } from "@signalbox/core/plan/hash.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { isRunning } from "@signalbox/core/plan/progress.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { nextMoves } from "./moves.ts"
import { PlanCommands } from "./PlanCommands.ts"

/** Longer than workers take to be replaced. */
const leftLyingMillis = 15 * 60_000
/** The fleet is looked at anew at least so often: who is connected is no event of the plan. */
const lookMillis = 15_000

export interface Start<E, R> {
  /** Succeeds when this process is the one to go on with it. */
  readonly ready: Effect.Effect<void, E, R>
  /** The plan as it was just heard of: its first moves do not wait for `ready`, for whoever else makes them makes the same ones. */
  readonly heard?: PlanView
}

export const carryOut = <E, R>(planId: string, start: Start<E, R>) =>
  Effect.gen(function* () {
    const commands = yield* PlanCommands
    const fleet = yield* Fleet
    const news = yield* Queue.sliding<void>(1)
    yield* (yield* PlanTail).watch(planId, () => Queue.offerUnsafe(news, undefined))
    const stop = (reason: string) => commands.run(planId, { _tag: "Cancel", by: "policy", reason })
    const look = Effect.all([commands.load(planId), fleet.members], { concurrency: 2 })

    /** @returns the plan after what can be done now, or nothing when there is nothing to do but wait */
    const advance = Effect.fnUntraced(function* (view: PlanView, members: ReadonlyArray<FleetMember>) {
      const now = yield* Clock.currentTimeMillis
      const { moves, lookAt } = nextMoves(view, { members: new Map(members.map((one) => [one.agentId, one])), now })
      const gone = yield* contentGone(view, moves)
      if (gone !== undefined) return { after: (yield* stop(gone)) ?? view }
      const after = moves.length === 0 ? undefined : yield* commands.run(planId, { _tag: "Advance", moves }, view)
      return after === undefined || after.version === view.version
        ? { wait: (lookAt ?? Number.POSITIVE_INFINITY) - now }
        : { after }
    })
    const first = Effect.gen(function* () {
      if (start.heard === undefined || unfit(start.heard, yield* Clock.currentTimeMillis) !== undefined) return
      yield* advance(start.heard, yield* fleet.members)
    })

    yield* Effect.all([first, start.ready], { concurrency: 2 })
    let [view, members] = yield* look
    const fault = view === undefined ? undefined : unfit(view, yield* Clock.currentTimeMillis)
    if (fault !== undefined) view = yield* stop(fault)
    while (view !== undefined && isRunning(view)) {
      const { after, wait } = yield* advance(view, members)
      if (after !== undefined) view = after
      else {
        yield* Effect.timeoutOption(Queue.take(news), Math.min(lookMillis, Math.max(10, wait)))
        ;[view, members] = yield* look
      }
    }
  }).pipe(Effect.scoped)

/** A content that a step is about to carry out, and that is not kept any more. */
const contentGone = (view: PlanView, moves: ReadonlyArray<Move>) => {
  const begun = new Set(
    moves.flatMap((move) => (move._tag === "StepDispatched" && move.purpose === "act" ? [move.step] : []))
  )
  const steps = view.plan?.steps.filter((step, nth) => step.contents !== undefined && begun.has(nth)) ?? []
  return steps.length === 0
    ? Effect.succeed(undefined)
    : Effect.map(missingContent(view.planId, steps), (missing) => missing?.message)
}

/** Why it must not be gone on with, or begun now. */
export const unfit = (view: PlanView, now: number): string | undefined => {
  const { plan, hash } = view
  if (plan === undefined || !isRunning(view)) return undefined
  if (planHash(view.planId, view.by, plan) !== hash) return "the plan is not the one whose hash was approved"
  const ends = view.steps.flatMap((targets) =>
    targets.flatMap((target) => [target.until ?? 0, ...(target.reads ?? []).map((read) => read.until)])
  )
  const idleSince = ends.reduce((last, end) => Math.max(last, end + graceMillis), Date.parse(view.updatedAt))
  const minutes = Math.round((now - idleSince) / 60_000)
  return now - idleSince > leftLyingMillis
    ? `no worker went on with it for ${minutes} minutes, and what was meant for then is not begun now`
    : undefined
}
