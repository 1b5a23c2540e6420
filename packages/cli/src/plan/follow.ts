/**
 * A plan as it happens, from the hub's event stream.
 *
 * Owns: folding it here, until it waits for a person or is over. Does not own: the fold (core's plan view), printing.
 * Invariant: a hub that goes away and comes back is waited for; nothing is told twice.
 */
import { Effect, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { follow, StreamRefused } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { isSettledPlan } from "@signalbox/core/plan/progress.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { HubConnection } from "../client/HubConnection.ts"
import { cannotTell, talk } from "../output.ts"

const decodeEvent = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))

/**
 * @param seen called with the plan after each event
 * @returns the plan when `stops` says so; default: when it is over, or waits for somebody's yes
 */
export const followPlan = <E, R>(
  first: PlanView,
  position: number,
  seen: (plan: PlanView, before: PlanView) => Effect.Effect<void, E, R>,
  stops: (plan: PlanView) => boolean = settledOrWaiting
) =>
  Effect.gen(function* () {
    if (stops(first)) return first
    const { url, token } = yield* HubConnection
    const query = new URLSearchParams({ stream: planStream(first.planId), from: String(position + 1) })
    let plan = first
    let down = false
    yield* follow({ url: `${url}${streams.events}?${query}`, token }).pipe(
      Stream.tap((line) => {
        if (line._tag === "Frame" || (line._tag === "Down") === down) return Effect.void
        down = line._tag === "Down"
        return talk(line._tag === "Down" ? `The hub is away (${line.reason}); waiting for it.` : "The hub is back.")
      }),
      Stream.mapEffect((line) => {
        const event = line._tag === "Frame" ? decodeEvent(line.frame.data) : undefined
        if (event === undefined || Result.isFailure(event)) return Effect.succeed(false)
        const before = plan
        plan = fold(plan, event.success)
        return plan === before ? Effect.succeed(false) : Effect.as(seen(plan, before), stops(plan))
      }),
      Stream.takeUntil((stopped) => stopped),
      Stream.runDrain,
      Effect.mapError((error) => (error instanceof StreamRefused ? cannotTell(error.message) : error))
    )
    return plan
  })

const settledOrWaiting = (plan: PlanView): boolean => isSettledPlan(plan) || plan.status === "proposed"

const fold = (plan: PlanView, event: RecordedEvent): PlanView => {
  const decoded = planEvents.decode(event)
  return event.version <= plan.version || Result.isFailure(decoded) || decoded.success === undefined
    ? plan
    : (evolvePlan(plan, decoded.success, event) ?? plan)
}
