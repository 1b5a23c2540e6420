/** Plans through the real queue of a real worker, which asks models by their real SDKs. */
import { randomUUID } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Stream } from "effect"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { runWorker, workerServices } from "@signalbox/worker/Worker.ts"
import { type AskedKind, modelsOn } from "./asked-models.ts"
import { CatalogPlain } from "./catalog-plain.ts"
import { DbTest } from "./database.ts"
import type { makeFleet } from "./fleet.ts"
import type { StandIn } from "./providers/stand-in.ts"

export type TestFleet = ReturnType<typeof makeFleet>

export const PlannedTest = (of: TestFleet) =>
  Layer.mergeAll(Plans.layer, PlanOutcomes.layer("hub"), PlanTail.layer, LiveTextLive).pipe(
    Layer.provideMerge(Layer.mergeAll(Commands.layer, of.layer)),
    Layer.provideMerge(eventLogLayer),
    Layer.provideMerge(Layer.fresh(DbTest))
  )

export const startPlanner = (kind: AskedKind, server: StandIn, of: TestFleet) =>
  Effect.gen(function* () {
    const localHome = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-home-")))
    const services = workerServices({ name: randomUUID(), localHome, fleet: of.layer }).pipe(
      Layer.provideMerge(Layer.merge(modelsOn(kind, server), CatalogPlain))
    )
    return yield* Effect.forkScoped(runWorker.pipe(Effect.provide(services)))
  })

export const planEventsOf = (planId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* decodeAll(planEvents, yield* log.read({ stream: planStream(planId), limit: 10_000 }))
  })

/** Waits on the log until the plan is as wanted; default: it does not wait for a model any more. */
export const planSettled = (planId: string, wanted: (plan: PlanView) => boolean = (plan) => plan.status !== "asked") =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const plans = yield* Plans
    const seen = yield* log.follow({ stream: planStream(planId) }).pipe(
      Stream.mapEffect(() => plans.load(planId)),
      Stream.filter(wanted),
      Stream.runHead
    )
    return yield* Effect.fromOption(seen)
  }).pipe(
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () =>
        Effect.flatMap(planEventsOf(planId), (all) =>
          Effect.die(new Error(`still ${JSON.stringify(all).slice(-2000)}`))
        )
    })
  )
