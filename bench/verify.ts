/** How fast the chain is proven, against one running SHA-256 over the same bytes. */
import { createHash } from "node:crypto"
import { Effect } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { seed } from "./child/seed.ts"
import { type Row, count, freshDatabase, logLayer, median } from "./support.ts"

const events = 200_000
const rounds = 3

export const rows = async (): Promise<ReadonlyArray<Row>> =>
  Effect.runPromise(
    Effect.gen(function* () {
      yield* seed(events)
      const log = yield* EventLog
      const ours: Array<number> = []
      const read: Array<number> = []
      const memory: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        const verdict = yield* timed(log.verify())
        if (!verdict.value.ok || verdict.value.events !== events)
          return yield* Effect.die(new Error("the log is broken"))
        ours.push(events / verdict.seconds)
        const pass = yield* timed(readAndHash)
        read.push(events / pass.seconds)
        const hashing = yield* timed(Effect.sync(() => createHash("sha256").update(pass.value).digest()))
        memory.push(events / hashing.seconds)
      }
      const [toRead, toMemory] = [median(ours) / median(read), median(ours) / median(memory)]
      return [
        {
          what: "chain verification, against reading the same rows and one running sha256 over their bytes",
          ours: `${count(median(ours))} events/s`,
          against: `${count(median(read))} events/s`,
          ratio: toRead,
          target: "≥ 0.2×",
          ok: toRead >= 0.2
        },
        {
          what: "chain verification, against sha256 over the same bytes when they lie in memory already (no database)",
          ours: `${count(median(ours))} events/s`,
          against: `${count(median(memory))} events/s`,
          ratio: toMemory,
          target: "told, no target",
          ok: true
        }
      ]
    }).pipe(Effect.provide(logLayer(await freshDatabase())))
  )

/** The driver's own cursor over the columns that the hash covers, in pages of the size that verification uses at most. */
const readAndHash = Effect.gen(function* () {
  const db = yield* Db
  return yield* db.query("read everything", async (sql) => {
    const hash = createHash("sha256")
    const parts: Array<Buffer> = []
    const cursor = sql<Array<Record<string, string | number | null>>>`
      select position::text, stream, version, type, data::text as data, actor, command_id, correlation_id, causation_id::text,
        (extract(epoch from at) * 1000000)::bigint::text as micros from log.event order by position`.cursor(2000)
    for await (const page of cursor) {
      for (const row of page) {
        const bytes = Buffer.from(Object.values(row).join("\n"))
        hash.update(bytes)
        parts.push(bytes)
      }
    }
    hash.digest()
    return Buffer.concat(parts)
  })
})

const timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<{ readonly value: A; readonly seconds: number }, E, R> =>
  Effect.gen(function* () {
    const began = performance.now()
    const value = yield* effect
    return { value, seconds: (performance.now() - began) / 1000 }
  })
