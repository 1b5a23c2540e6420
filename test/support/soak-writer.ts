/**
 * A process that writes without rest: the operations of a seed, some of them large, 1 to 200 at a time, always two flights in the
 * air where there is company; now and then a caller gives up. Reports each outcome to its parent.
 */
import { Effect, Layer, Option } from "effect"
import { defaultOptions } from "@signalbox/core/log/Batcher.ts"
import type { Append } from "@signalbox/core/log/EventLog.ts"
import { layerWith } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { operations, perform } from "./log-operations.ts"

const [url = "", seed = "1", count = "100"] = process.argv.slice(2)

/** By its id alone, so that a repeat of the command is the same command. */
const sized = (item: Append): Append => {
  const dice = Number.parseInt(item.commandId.slice(0, 4), 16)
  if (dice % 40 !== 0) return item
  const padding = "x".repeat(((dice / 40) % 20) * 10_000)
  return { ...item, events: item.events.map(({ type, data }) => ({ type, data: { data, padding } })) }
}
const spread = (item: Append): Append => ({ ...item, stream: `${item.stream}-${item.commandId.slice(0, 2)}` })

const lanes = [1, 4, 40, 200][Number(seed) % 4] ?? 1
const work = operations(Number(seed), Number(count)).map((item) =>
  Number(seed) % 2 === 0 ? sized(spread(item)) : sized(item)
)
await Effect.runPromise(
  Effect.forEach(
    work,
    (item, n) =>
      (n % 17 === 0 ? Effect.timeoutOption(perform(item), n % 5) : Effect.asSome(perform(item))).pipe(
        Effect.map((done) => process.send?.(Option.isSome(done) ? done.value : "gave up"))
      ),
    { concurrency: lanes, discard: true }
  ).pipe(
    Effect.provide(
      layerWith({ ...defaultOptions, line: 300, patienceWithDisk: Number.MAX_SAFE_INTEGER }).pipe(
        Layer.provide(Db.layer(url, { max: 1 }))
      )
    )
  )
)
process.send?.("finished")
process.disconnect()
