/**
 * The jobs of plans: `plan.run` carries one out, `plan.proposal` looks at what one would find and lets it expire.
 *
 * Owns: those handlers, and the head start of `plan.run`. Does not own: the loop (`run.ts`), the rules (core's decider).
 * Invariants: the job makes sure; the head start only saves its way through the queue; whatever comes twice finds it done.
 */
import { Clock, Effect, Queue } from "effect"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { planIdOf } from "@signalbox/core/plan/events.ts"
import { isExpired } from "@signalbox/core/plan/decider.ts"
import { PlanJob } from "@signalbox/core/plan/jobs.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { looks } from "./moves.ts"
import { PlanCommands } from "./PlanCommands.ts"
import { PlanRuns } from "./PlanRuns.ts"

export const planRunHandler = jobHandler({
  queue: queues.planRun.name,
  data: PlanJob,
  run: ({ planId }) => Effect.flatMap(PlanRuns, (runs) => runs.finish(planId)),
  onExhausted: ({ planId }, { reason }) =>
    Effect.gen(function* () {
      const why = `it could not be carried out, however often it was tried: ${reason.slice(0, 500)}`.toWellFormed()
      yield* (yield* PlanRuns).giveUp(planId, why)
    }).pipe(
      Effect.catch((error) => Effect.logError(`${planId}: that it was given up was not recorded: ${error.message}`))
    )
})

export const planProposalHandler = jobHandler({
  queue: queues.planProposal.name,
  data: PlanJob,
  run: ({ planId, expires }) => (expires === true ? expire(planId) : lookBefore(planId))
})

const expire = (planId: string) =>
  Effect.gen(function* () {
    const commands = yield* PlanCommands
    const view = yield* commands.load(planId)
    if (view?.status !== "proposed" || view.plan === undefined) return
    // The queue's clock and ours may differ by a little.
    yield* Effect.sleep(Math.max(0, Date.parse(view.plan.expiresAt) - (yield* Clock.currentTimeMillis)))
    yield* commands.run(planId, { _tag: "Expire", now: yield* Clock.currentTimeMillis })
  })

const lookBefore = (planId: string) =>
  Effect.gen(function* () {
    const commands = yield* PlanCommands
    const [view, members, now] = yield* Effect.all(
      [commands.load(planId), Effect.flatMap(Fleet, (fleet) => fleet.members), Clock.currentTimeMillis],
      { concurrency: 3 }
    )
    if (view === undefined || (view.status !== "proposed" && view.status !== "previewed") || isExpired(view, now))
      return
    const moves = looks(view, { members: new Map(members.map((member) => [member.agentId, member])), now })
    if (moves.length > 0) yield* commands.run(planId, { _tag: "Advance", moves })
  })

const begins = new Set(["PlanApproved"])

/** Hears of approvals, and begins before the job has come through the queue. */
export const beginPlansEagerly = Effect.gen(function* () {
  const runs = yield* PlanRuns
  const approved = yield* Queue.sliding<RecordedEvent>(queues.planRun.concurrency)
  yield* (yield* PlanTail).watchAll((event) => {
    if (begins.has(event.type)) Queue.offerUnsafe(approved, event)
  })
  return yield* Effect.forever(Effect.flatMap(Queue.take(approved), (event) => runs.begin(planIdOf(event.stream))))
}).pipe(Effect.scoped)
