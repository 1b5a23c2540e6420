/** Rebuilding the tasks' read model, against reading the same events with no projection. */
import { Effect, Layer, Stream } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { layer as projectionsLayer } from "@signalbox/core/projection/ProjectionsLive.ts"
import { taskProjection } from "@signalbox/core/task/projection.ts"
import { seed } from "./child/seed.ts"
import { type Row, count, freshDatabase, logLayer, median } from "./support.ts"

const events = 100_000
const rounds = 3

export const rows = async (): Promise<ReadonlyArray<Row>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      yield* seed(events)
      const log = yield* EventLog
      const projections = yield* Projections
      const ours: Array<number> = []
      const reading: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        let began = performance.now()
        const rebuilt = yield* projections.rebuild(taskProjection.name)
        ours.push(events / ((performance.now() - began) / 1000))
        if (rebuilt.position !== events || rebuilt.parked !== 0)
          return yield* Effect.die(new Error(`the rebuild ended at ${rebuilt.position} with ${rebuilt.parked} parked`))
        began = performance.now()
        const seen = yield* Stream.runCount(log.readAll())
        reading.push(events / ((performance.now() - began) / 1000))
        if (seen !== events) return yield* Effect.die(new Error(`read ${seen} events`))
      }
      const ratio = median(ours) / median(reading)
      return [
        {
          what: "rebuild of the tasks' read model, against reading the same events",
          ours: `${count(median(ours))} events/s`,
          against: `${count(median(reading))} events/s`,
          ratio,
          target: "≥ 0.25×, and ≥ 30,000 events/s",
          ok: ratio >= 0.25 && median(ours) >= 30_000
        }
      ]
    }).pipe(
      Effect.provide(projectionsLayer([taskProjection]).pipe(Layer.provideMerge(logLayer(await freshDatabase()))))
    )
  )
