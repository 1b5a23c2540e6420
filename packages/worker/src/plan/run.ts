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
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { graceMillis } from "@signalbox/core/plan/acts.ts"
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

/** @param ready succeeds when this process may dispatch; reading goes on meanwhile */
export const carryOut = <E, R>(planId: string, ready: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const commands = yield* PlanCommands
    const fleet = yield* Fleet
    const heard = yield* Queue.sliding<void>(1)
    yield* (yield* PlanTail).watch(planId, () => Queue.offerUnsafe(heard, undefined))
    const look = Effect.all([commands.load(planId), fleet.members], { concurrency: 2 })
    const [first] = yield* Effect.all([look, ready], { concurrency: 2 })
    let [view, members] = first
    const fault = view === undefined ? undefined : unfit(view, yield* Clock.currentTimeMillis)
    if (fault !== undefined) view = yield* commands.run(planId, { _tag: "Cancel", by: "policy", reason: fault })
    while (view !== undefined && isRunning(view)) {
      const now = yield* Clock.currentTimeMillis
      const byId = new Map(members.map((member) => [member.agentId, member]))
      const { moves, lookAt } = nextMoves(view, { members: byId, now })
      if (moves.length > 0) {
        const after: PlanView | undefined = yield* commands.run(planId, { _tag: "Advance", moves })
        if (after?.version !== view.version) {
          view = after
          continue
        }
      }
      const wait = Math.min(lookMillis, Math.max(10, (lookAt ?? Number.POSITIVE_INFINITY) - now))
      yield* Effect.timeoutOption(Queue.take(heard), wait)
      ;[view, members] = yield* look
    }
  }).pipe(Effect.scoped)

/** Why it must not be gone on with. */
const unfit = (view: PlanView, now: number): string | undefined => {
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
