/** From an event to its job on an idle system, against graphile-worker's `addJob` → task. */
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Deferred, Effect, Layer, Schema } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Reactors } from "@signalbox/core/projection/Reactor.ts"
import { layer as reactorsLayer } from "@signalbox/core/projection/ReactorsLive.ts"
import { layer as queueLayer } from "@signalbox/core/queue/JobQueueLive.ts"
import { JobQueue, jobHandler, queue } from "@signalbox/core/queue/Queue.ts"
import { type Row, emptyDatabase, freshDatabase, logLayer, median, millis, quantile } from "./support.ts"

const samples = 200
const rounds = 2

const Ping = Schema.Struct({ id: Schema.String })
const pings = reactorsLayer([
  {
    name: "bench-ping",
    types: ["BenchPinged"],
    from: "now",
    react: (event) => [{ queue: "bench-ping", data: { id: event.commandId } }]
  }
])

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const [ours, theirs]: [Array<number>, Array<number>] = [[], []]
  const [mine, peer] = [await freshDatabase(), await emptyDatabase()]
  for (let round = 0; round < rounds; round++) {
    ours.push(...(await measure(mine)))
    const script = fileURLToPath(new URL("peers/graphile.mjs", import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [script, peer, String(samples)])
    theirs.push(...(JSON.parse(stdout.trim().split("\n").at(-1) ?? "[]") as Array<number>))
  }
  const [p50, p99] = [median(ours) / median(theirs), quantile(ours, 0.99) / quantile(theirs, 0.99)]
  const shown = (times: ReadonlyArray<number>): string =>
    `p50 ${millis(median(times))}, p99 ${millis(quantile(times, 0.99))}`
  return [
    {
      what: "event appended → job handler starts, idle system, against graphile-worker addJob → task runs (ratio of p50; of p99 in the target column)",
      ours: shown(ours),
      against: shown(theirs),
      ratio: p50,
      target: `≤ 3× its p50, ≤ 2× its p99 (${p99.toFixed(2)}×)`,
      ok: p50 <= 3 && p99 <= 2
    }
  ]
}

const measure = (url: string): Promise<ReadonlyArray<number>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const log = yield* EventLog
        const waiting = new Map<string, Deferred.Deferred<number>>()
        const handler = jobHandler({
          queue: "bench-ping",
          data: Ping,
          run: ({ id }) => {
            const arrived = waiting.get(id)
            return arrived === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(arrived, performance.now()))
          }
        })
        yield* Effect.forkScoped((yield* Reactors).run)
        yield* Effect.forkScoped((yield* JobQueue).work([handler]))
        const once = Effect.gen(function* () {
          const commandId = randomUUID()
          const arrived = yield* Deferred.make<number>()
          waiting.set(commandId, arrived)
          const began = performance.now()
          yield* log.append({
            stream: `bench/${commandId}`,
            expected: "new",
            commandId,
            actor: "bench",
            events: [{ type: "BenchPinged", data: {} }]
          })
          const took = (yield* Deferred.await(arrived)) - began
          waiting.delete(commandId)
          yield* Effect.sleep("25 millis")
          return took
        })
        yield* Effect.sleep("2 seconds") // the reactor begins at the head of now: both are up before the first event
        yield* Effect.replicateEffect(once, 20)
        return yield* Effect.replicateEffect(once, samples)
      })
    ).pipe(
      Effect.provide(
        pings.pipe(
          Layer.provideMerge(queueLayer([queue("bench-ping", { heartbeatSeconds: 10 })])),
          Layer.provideMerge(logLayer(url))
        )
      )
    )
  )
