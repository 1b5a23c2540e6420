/** A process that writes: performs the operations of a seed, eight at a time, and reports each outcome to its parent. */
import { Effect, Layer } from "effect"
import { layer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { operations, perform } from "./log-operations.ts"

const [url = "", seed = "1", count = "100"] = process.argv.slice(2)
await Effect.runPromise(
  Effect.forEach(
    operations(Number(seed), Number(count)),
    (item) => Effect.map(perform(item), (reported) => process.send?.(reported)),
    { concurrency: 8, discard: true }
  ).pipe(Effect.provide(layer.pipe(Layer.provide(Db.layer(url, { max: 1 })))))
)
process.send?.("finished")
process.disconnect()
