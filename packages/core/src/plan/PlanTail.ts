/**
 * One follower of the plans' events for everybody in this process: dispatchers in a worker, agents' desks in a hub.
 *
 * Owns: which events those are. Does not own: following (`log/type-tail.ts`), what came before somebody watched (the log).
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import type { EventLog } from "../log/EventLog.ts"
import { makeTypeTail } from "../log/type-tail.ts"
import type { Db } from "../postgres/Db.ts"
import { planEvents, planStream } from "./events.ts"

export class PlanTail extends Context.Service<
  PlanTail,
  {
    /** As long as the scope lives, `hear` is told every new event of the plan. */
    readonly watch: (planId: string, hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
    /** The same for every plan. */
    readonly watchAll: (hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@signalbox/core/plan/PlanTail") {
  static readonly layer: Layer.Layer<PlanTail, never, Db | EventLog> = Layer.effect(
    PlanTail,
    Effect.map(makeTypeTail("plans", planEvents.types), ({ watch, watchAll }) =>
      PlanTail.of({ watch: (planId, hear) => watch(planStream(planId), hear), watchAll })
    )
  )
}
