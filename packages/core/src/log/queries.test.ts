import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import postgres from "postgres"
import { DbTest } from "../../../../test/support/database.ts"
import { explain } from "../../../../test/support/explain.ts"
import { Db } from "../postgres/Db.ts"
import { sendAppend } from "./append.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"
import { startQuery } from "./follow.ts"
import { headQuery, pageQuery } from "./read.ts"
import { toStorable } from "./storable.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))
const EVENTS = 50_000

const seed = Effect.gen(function* () {
  const log = yield* EventLog
  const db = yield* Db
  yield* Effect.forEach(
    Array.from({ length: EVENTS / 500 }, (_, n) => n),
    (n) =>
      log.append({
        stream: `stream-${n % 10}`,
        expected: "any",
        commandId: randomUUID(),
        events: Array.from({ length: 500 }, (_, i) => ({
          type: i % 100 === 0 ? "Rare" : `Type${i % 20}`,
          data: { n, i }
        })),
        actor: "hub"
      }),
    { concurrency: 10 }
  )
  yield* db.query("analyze", (sql) => sql`analyze log.event`)
})

/** Walks the index and stops: no scan of the table, no sort of what the index has in order, no row read in vain. */
const walks = (plan: string, index: string) => {
  assert.include(plan, `using ${index}`)
  assert.notMatch(plan, /Seq Scan|Sort|Bitmap|Rows Removed by Filter: \d{4}/, plan)
}

describe("the hot queries on 50,000 events", () => {
  it.live(
    "walk an index in order",
    () =>
      Effect.gen(function* () {
        yield* seed
        const from = EVENTS - 5_000
        walks(yield* explain((sql) => pageQuery(sql, { _tag: "Log", from }, 1_000)), "event_pkey")
        walks(yield* explain((sql) => pageQuery(sql, { _tag: "Log", from: 1 }, 1_000)), "event_pkey")
        walks(yield* explain((sql) => pageQuery(sql, { _tag: "Log", from: EVENTS + 1 }, 64)), "event_pkey")
        walks(yield* explain((sql) => pageQuery(sql, { _tag: "Log", from: 9, type: "Rare" }, 100)), "event_type")
        const stream = "stream-3"
        walks(
          yield* explain((sql) => pageQuery(sql, { _tag: "Stream", stream, from: 3_000 }, 500)),
          "event_stream_version_key"
        )
        walks(
          yield* explain((sql) => pageQuery(sql, { _tag: "Stream", stream, from: 5_001 }, 64)),
          "event_stream_version_key"
        )
        walks(yield* explain((sql) => headQuery(sql)), "event_pkey")
        walks(yield* explain((sql) => startQuery(sql, stream, from)), "event_stream_version_key")
      }).pipe(Effect.provide(LogTest)),
    300_000
  )

  it.live(
    "inside the append look up streams, receipts and the head by index",
    () =>
      Effect.gen(function* () {
        yield* seed
        const db = yield* Db
        const plans = yield* Effect.promise(async () => {
          const notices: Array<string> = []
          const sql = postgres(db.url, {
            max: 1,
            fetch_types: false,
            onnotice: (notice) => notices.push(notice["message"] ?? "")
          })
          await sql
            .unsafe(
              `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
               set auto_explain.log_level = notice; set auto_explain.log_analyze = on; set auto_explain.log_timing = off`
            )
            .simple()
          const checked = ["stream-1", "stream-new"].map((stream) =>
            toStorable({
              stream,
              expected: "any",
              commandId: randomUUID(),
              events: [{ type: "Type1", data: 1 }],
              actor: "hub"
            })
          )
          await sendAppend(
            sql,
            checked.flatMap((one) => (one._tag === "Success" ? [one.success] : []))
          )
          await sql.end()
          return notices.join("\n")
        })
        assert.match(
          plans,
          /Index Scan Backward using event_stream_version_key|Index Only Scan Backward using event_stream_version_key/
        )
        assert.match(plans, /using receipt_pkey/)
        assert.match(plans, /Index Scan Backward using event_pkey/)
        assert.notMatch(plans, /Seq Scan on/)
      }).pipe(Effect.provide(LogTest)),
    300_000
  )
})
