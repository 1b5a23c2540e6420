import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { type Append, EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

const item = (stream: string, overrides: Partial<Append> = {}): Append => ({
  stream,
  expected: "any",
  commandId: randomUUID(),
  events: [{ type: "Happened", data: { text: "hello", n: 1 } }],
  actor: "person:ana",
  ...overrides
})

describe("the event log", () => {
  it.live("numbers events in the order of commit and gives them back as they were", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const commandId = randomUUID()
      const correlationId = randomUUID()
      const data = {
        text: 'quo"te \\ back { , } NULL',
        emoji: "🚂",
        none: null,
        list: [1, 2.5, -3e-7],
        deep: { a: [{}] }
      }
      const first = yield* log.append(
        item("a", {
          commandId,
          correlationId,
          causationId: 7,
          expected: "new",
          events: [
            { type: "One", data },
            { type: "Two", data: "text" }
          ]
        })
      )
      assert.deepStrictEqual(first, { fromVersion: 1, toVersion: 2, toPosition: 2, duplicate: false })
      const second = yield* log.append(item("a", { expected: 2 }))
      assert.deepStrictEqual(second, { fromVersion: 3, toVersion: 3, toPosition: 3, duplicate: false })
      const [one, two] = yield* log.read({})
      assert.match(one?.at ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      assert.match(one?.hash ?? "", /^[0-9a-f]{64}$/)
      assert.deepStrictEqual(one, {
        position: 1,
        stream: "a",
        version: 1,
        type: "One",
        data,
        actor: "person:ana",
        commandId,
        correlationId,
        causationId: 7,
        at: one?.at ?? "",
        hash: one?.hash ?? ""
      })
      assert.strictEqual(two?.data, "text")
      assert.strictEqual(yield* log.head, 3)
      assert.deepStrictEqual((yield* log.verify()).ok, true)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("answers each item of a flight separately: a conflict leaves its neighbors alone", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(item("busy"))
      const results = yield* Effect.all(
        [
          log.append(item("busy", { expected: "new" })),
          log.append(item("free", { expected: "new" })),
          log.append(item("busy"))
        ],
        { concurrency: "unbounded", mode: "result" }
      )
      assert.deepStrictEqual(
        results.map((r) => (r._tag === "Success" ? r.success.toVersion : r.failure.message)),
        ["busy is at version 1, not new: somebody was faster", 1, 2]
      )
    }).pipe(Effect.provide(LogTest))
  )

  it.live("follows from the past into the present and says when it has caught up", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      for (let n = 0; n < 5; n++) yield* log.append(item("a"))
      const followed = yield* log.follow({ from: 3 }).pipe(
        Stream.map((f) => (f._tag === "Event" ? f.event.position : `caught up at ${f.position}`)),
        Stream.tap((f) =>
          f === "caught up at 5"
            ? Effect.forEach([1, 2, 3], () => log.append(item("b")), { discard: true })
            : Effect.void
        ),
        Stream.take(7),
        Stream.runCollect
      )
      assert.deepStrictEqual(followed, [3, 4, 5, "caught up at 5", 6, 7, 8])
      const ofB = yield* log.follow({ stream: "b", from: 7 }).pipe(
        Stream.map((f) => (f._tag === "Event" ? f.event.position : `caught up at ${f.position}`)),
        Stream.take(3),
        Stream.runCollect
      )
      assert.deepStrictEqual(ofB, [7, 8, "caught up at 8"])
    }).pipe(Effect.provide(LogTest))
  )

  it.live("wakes whoever waits for a position, and tells changes", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const heads = yield* log.changes.pipe(
        Stream.takeUntil((head) => head >= 3),
        Stream.runCollect,
        Effect.forkChild
      )
      const waiting = yield* Effect.forkChild(log.waitFor(3))
      for (let n = 0; n < 3; n++) yield* log.append(item("a"))
      yield* Fiber.join(waiting)
      assert.strictEqual((yield* Fiber.join(heads)).at(-1), 3)
      yield* log.waitFor(2)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("carries volatile messages between processes, and drops what is too large", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const here = yield* log.subscribe("delta").pipe(Stream.take(3), Stream.runCollect, Effect.forkChild)
      const db = yield* Db
      const listening = db.query(
        "look",
        (sql) =>
          sql`select 1 from pg_stat_activity where application_name = 'signalbox-listen' and query like 'listen%' and datname = current_database()`
      )
      while ((yield* listening).length === 0) yield* Effect.yieldNow
      yield* log.publish("other", "not mine")
      yield* log.publish("delta", { text: "one" })
      yield* log.publish("delta", "x".repeat(7_600))
      yield* log.publish("delta", { text: "two ✓" })
      yield* log.publish("delta", "x".repeat(7_400))
      assert.deepStrictEqual(yield* Fiber.join(here), [{ text: "one" }, { text: "two ✓" }, "x".repeat(7_400)])
    }).pipe(Effect.provide(LogTest))
  )
})
