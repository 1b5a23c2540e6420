/** A process that writes: performs the operations of a seed, eight at a time, reports each outcome, and may kill itself after so many. */
import { flushCompileCache } from "node:module"
import { Effect, Layer } from "effect"
import { layer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { operations, perform } from "./log-operations.ts"

flushCompileCache() // of a child that is killed nothing is kept (`temporary.ts` says where)

const [url = "", seed = "1", count = "100", killAfter = "Infinity"] = process.argv.slice(2)
let left = Number(killAfter)
await Effect.runPromise(
  Effect.forEach(
    operations(Number(seed), Number(count)),
    (item) =>
      Effect.map(perform(item), (reported) => {
        process.send?.(reported)
        if (--left === 0) process.kill(process.pid, "SIGKILL")
      }),
    { concurrency: 8, discard: true }
  ).pipe(Effect.provide(layer.pipe(Layer.provide(Db.layer(url, { max: 1 })))))
)
process.send?.("finished")
process.disconnect()
