import { createHash, randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Schema, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { EventLog } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { chunksQuery, OutputHint, outputPieceLimit, TaskOutput } from "./output.ts"

const id = "task-20261120-143022-abc123"
const text = (s: string) => new TextEncoder().encode(s)

/** The hints that were published, and nothing else of a log. */
const hints = Effect.runSync(Queue.unbounded<Schema.Json>())
const Hints = Layer.mock(EventLog, { publish: (_topic, payload) => Effect.asVoid(Queue.offer(hints, payload)) })
const live = TaskOutput.layer.pipe(Layer.provide(Hints), Layer.provideMerge(DbTest))

const collect = (output: TaskOutput["Service"], stream: "out" | "err" = "out") =>
  Effect.gen(function* () {
    const size = (yield* output.sizes(id))[stream]
    return Buffer.concat(yield* Stream.runCollect(output.bytes(id, stream, 0, size)))
  })

describe("task output", () => {
  it.live("keeps bytes as they came, on each stream from byte 0, and says where it stands", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const bytes = randomBytes(1_000_003)
      assert.deepStrictEqual(yield* output.append(id, "out", 0, bytes), { _tag: "Committed", nextByte: 1_000_003 })
      assert.deepStrictEqual(yield* output.append(id, "err", 0, text("oh\0no")), { _tag: "Committed", nextByte: 5 })
      assert.deepStrictEqual(yield* output.sizes(id), { out: 1_000_003, err: 5 })
      assert.isTrue((yield* collect(output)).equals(bytes))
      assert.deepStrictEqual(yield* output.digest(id, "out"), {
        bytes: 1_000_003,
        sha256: createHash("sha256").update(bytes).digest("hex")
      })
      const middle = yield* output.read(id, "out", 262_100, 100)
      assert.isTrue(Buffer.from(middle).equals(bytes.subarray(262_100, 262_200)), "across two chunks")
      assert.strictEqual((yield* output.read(id, "out", 1_000_003, 100)).length, 0)
      const db = yield* Db
      const [largest] = yield* db.query(
        "look",
        (sql) => sql<{ n: number }[]>`select max(octet_length(bytes)) as n from output.chunk`
      )
      assert.strictEqual(largest?.n, 262_144)
    }).pipe(Effect.provide(live))
  )

  it.live("writes nothing at a stale offset and tells where to go on", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      assert.deepStrictEqual(yield* output.append(id, "out", 3, text("xyz")), { _tag: "Stale", nextByte: 0 })
      yield* output.append(id, "out", 0, text("abc"))
      for (const from of [0, 1, 2, 4, 1000])
        assert.deepStrictEqual(yield* output.append(id, "out", from, text("xyz")), { _tag: "Stale", nextByte: 3 })
      assert.deepStrictEqual(yield* output.append(id, "out", 3, text("")), { _tag: "Committed", nextByte: 3 })
      assert.strictEqual((yield* collect(output)).toString(), "abc")
    }).pipe(Effect.provide(live))
  )

  it.live("never doubles a byte when eight writers copy the same file at once", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const file = randomBytes(200_000)
      const writer = (step: number) =>
        Effect.gen(function* () {
          for (let at = 0; at < file.length;) {
            const written = yield* output.append(id, "out", at, file.subarray(at, at + step))
            at = written.nextByte
          }
        })
      yield* Effect.all([997, 1500, 4096, 10_000, 333, 65_536, 7777, 2048].map(writer), { concurrency: "unbounded" })
      assert.isTrue((yield* collect(output)).equals(file))
    }).pipe(Effect.provide(live))
  )

  it.live("is undone with the transaction it joined, which also tells nobody", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const db = yield* Db
      yield* Queue.clear(hints)
      yield* Effect.flip(
        db.transaction(Effect.andThen(output.append(id, "out", 0, text("abc")), Effect.fail("the worker died")))
      )
      assert.deepStrictEqual(yield* output.sizes(id), { out: 0, err: 0 })
      yield* output.append(id, "out", 0, text("ab"))
      const told = yield* Queue.takeAll(hints)
      assert.deepStrictEqual(
        told.map((hint) => Schema.decodeUnknownSync(OutputHint)(hint)),
        [{ taskId: id, stream: "out", nextByte: 2 }]
      )
    }).pipe(Effect.provide(live))
  )

  it.live("finds where the last lines begin, also in one-byte chunks and without a last newline", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const whole = "eins\nzwei\n\nvier"
      for (let at = 0; at < whole.length; at++) yield* output.append(id, "out", at, text(whole[at] ?? ""))
      const from = (lines: number) => Effect.map(output.tail(id, "out", lines), (at) => whole.slice(at))
      assert.strictEqual(yield* from(0), "")
      assert.strictEqual(yield* from(1), "vier")
      assert.strictEqual(yield* from(2), "\nvier")
      assert.strictEqual(yield* from(3), "zwei\n\nvier")
      assert.strictEqual(yield* from(99), whole)
      yield* output.append(id, "out", whole.length, text("\n"))
      assert.strictEqual(yield* output.tail(id, "out", 1), whole.indexOf("vier"))
      const long = `${"x".repeat(3_000_000)}\nlast\n`
      yield* output.append(id, "err", 0, text(long))
      assert.strictEqual(yield* output.tail(id, "err", 1), 3_000_001)
      assert.strictEqual(yield* output.tail(id, "err", 2), 0)
    }).pipe(Effect.provide(live))
  )

  it.live("refuses a piece that is too large", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const exit = yield* Effect.exit(output.append(id, "out", 0, new Uint8Array(outputPieceLimit + 1)))
      assert.match(String(exit), /at most 4194304/)
    }).pipe(Effect.provide(live))
  )

  it.live("reads and writes by the primary keys", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query(
        "fill",
        (sql) => sql`
        with t as (insert into output.cursor select 'task-' || n, 'out', 500 from generate_series(1, 200) n returning task_id)
        insert into output.chunk select task_id, 'out', i, 'x'::bytea from t, generate_series(0, 499) i`
      )
      yield* db.query("analyze", (sql) => sql`analyze output.chunk, output.cursor`)
      const plan = yield* db.query("explain", (sql) => sql`explain ${chunksQuery(sql, "task-7", "out", 200, 300)}`)
      const told = plan.map((row) => String(row["QUERY PLAN"])).join("\n")
      assert.notMatch(told, /Seq Scan|Sort/)
    }).pipe(Effect.provide(live))
  )
})
