import { createHash, randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Schema, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { EventLog } from "../log/EventLog.ts"
import { Db } from "../postgres/Db.ts"
import { chunksQuery, OutputHints, outputPieceLimit, outputPiecesLimit, TaskOutput } from "./output.ts"

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
        told.map((hint) => Schema.decodeUnknownSync(OutputHints)(hint)),
        [[{ taskId: id, stream: "out", nextByte: 2 }]]
      )
    }).pipe(Effect.provide(live))
  )

  it.live("takes pieces of many tasks at once, each by its own cursor, and tells of them in one message", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const tasks = Array.from({ length: 30 }, (_, n) => `task-20261120-143022-${String(n).padStart(6, "0")}`)
      const body = new Map(tasks.map((taskId, n) => [taskId, randomBytes(n === 7 ? 700_000 : 3 * n + 1)]))
      const pieces = tasks.flatMap((taskId) => {
        const bytes = body.get(taskId) ?? text("")
        return [
          { taskId, stream: "out" as const, fromByte: 0, bytes },
          { taskId, stream: "err" as const, fromByte: 0, bytes: text(taskId) }
        ]
      })
      yield* Queue.clear(hints)
      const written = yield* output.appendAll(pieces)
      assert.deepStrictEqual(
        written,
        pieces.map(({ bytes }) => ({ _tag: "Committed" as const, nextByte: bytes.length }))
      )
      assert.strictEqual((yield* Queue.takeAll(hints)).length, 1)
      for (const [taskId, bytes] of body) {
        assert.isTrue(Buffer.from(yield* output.read(taskId, "out", 0, 1_000_000)).equals(bytes), taskId)
        assert.strictEqual(Buffer.from(yield* output.read(taskId, "err", 0, 100)).toString(), taskId)
      }
      const [one = "", two = "", three = ""] = tasks
      const more = yield* output.appendAll([
        { taskId: three, stream: "out", fromByte: 0, bytes: text("again") },
        { taskId: one, stream: "out", fromByte: 1, bytes: text("more") },
        { taskId: id, stream: "out", fromByte: 5, bytes: text("ahead") },
        { taskId: id, stream: "err", fromByte: 0, bytes: text("new") },
        { taskId: two, stream: "out", fromByte: 4, bytes: text("") },
        { taskId: two, stream: "err", fromByte: 0, bytes: text("") }
      ])
      assert.deepStrictEqual(more, [
        { _tag: "Stale", nextByte: 7 },
        { _tag: "Committed", nextByte: 5 },
        { _tag: "Stale", nextByte: 0 },
        { _tag: "Committed", nextByte: 3 },
        { _tag: "Committed", nextByte: 4 },
        { _tag: "Stale", nextByte: two.length }
      ])
      const [told] = yield* Queue.takeAll(hints)
      assert.deepStrictEqual(told, [
        { taskId: one, stream: "out", nextByte: 5 },
        { taskId: id, stream: "err", nextByte: 3 }
      ])
      assert.deepStrictEqual(yield* output.appendAll([]), [])
    }).pipe(Effect.provide(live))
  )

  it.live("takes the files of many tasks from eight writers at once and doubles nothing", () =>
    Effect.gen(function* () {
      const output = yield* TaskOutput
      const files = new Map(
        Array.from({ length: 20 }, (_, n) => [`task-20261120-143022-${100_000 + n}`, randomBytes(20_000)])
      )
      const writer = (step: number, turn: boolean) =>
        Effect.gen(function* () {
          const at = new Map<string, number>()
          const ids = turn ? [...files.keys()].toReversed() : [...files.keys()]
          for (;;) {
            const pieces = ids.flatMap((taskId) => {
              const fromByte = at.get(taskId) ?? 0
              const bytes = files.get(taskId)?.subarray(fromByte, fromByte + step) ?? text("")
              return bytes.length === 0 ? [] : [{ taskId, stream: "out" as const, fromByte, bytes }]
            })
            if (pieces.length === 0) return
            const written = yield* output.appendAll(pieces)
            for (const [n, { taskId }] of pieces.entries()) at.set(taskId, written[n]?.nextByte ?? Number.NaN)
          }
        })
      const steps = [997, 1500, 4096, 10_000, 333, 20_000, 7777, 2048]
      yield* Effect.all(
        steps.map((step, n) => writer(step, n % 2 === 0)),
        { concurrency: "unbounded" }
      )
      for (const [taskId, bytes] of files)
        assert.isTrue(Buffer.from(yield* output.read(taskId, "out", 0, 100_000)).equals(bytes), taskId)
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
      assert.match(String(exit), /at most 64 with 4194304/)
      const many = Array.from({ length: outputPiecesLimit + 1 }, (_, n) => ({
        taskId: `task-${n}`,
        stream: "out" as const,
        fromByte: 0,
        bytes: text("x")
      }))
      assert.match(String(yield* Effect.exit(output.appendAll(many))), /65 pieces/)
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
