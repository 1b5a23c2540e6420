/**
 * What the jobs of plans need beside the log and the queue.
 *
 * Invariant: what a person waits for has connections of its own and never stands in line behind projections.
 */
import { Effect, Layer, Schedule } from "effect"
import type { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { forgetOldContents } from "@signalbox/core/plan/contents.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { layer as leasesLayer } from "@signalbox/core/queue/LeasesLive.ts"
import { PlanCommands } from "./PlanCommands.ts"
import { PlanRuns } from "./PlanRuns.ts"

const ownDb = Layer.unwrap(Effect.map(Db, ({ url }) => Db.layer(url, { max: 3, name: "signalbox-plan" })))

const forgetting = Layer.effectDiscard(
  forgetOldContents.pipe(
    Effect.catch((error) => Effect.logDebug(`old contents of plans were not forgotten: ${error.message}`)),
    Effect.repeat(Schedule.spaced("10 minutes")),
    Effect.forkScoped
  )
)

/** @param options.name under which this worker holds leases; @param options.fleet default: the enrolled agents */
export const planServices = (options: { readonly name: string; readonly fleet?: Layer.Layer<Fleet, never, Db> }) =>
  Layer.mergeAll(PlanRuns.layer, Plans.layer, forgetting).pipe(
    Layer.provide(leasesLayer(options.name)),
    Layer.provideMerge(Layer.mergeAll(PlanCommands.layer, PlanTail.layer, options.fleet ?? FleetLive)),
    Layer.provide(ownDb)
  )
