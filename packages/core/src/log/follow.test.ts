import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { type Append, EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"
import { logPage } from "./page.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

const item = (stream: string, overrides: Partial<Append> = {}): Append => ({
  stream,
  expected: "any",
  commandId: randomUUID(),
  events: [{ type: "Happened", data: { n: 1 } }],
  actor: "hub",
  ...overrides
})

const positions = (options: { readonly from?: number; readonly stream?: string }, until: number) =>
  Effect.flatMap(EventLog, (log) =>
    log.follow(options).pipe(
      Stream.filter((followed) => followed._tag === "Event"),
      Stream.map((followed) => followed.event.position),
      Stream.takeUntil((position) => position >= until),
      Stream.runCollect
    )
  )
const from1To = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

const listeners = Effect.flatMap(Db, (db) =>
  db.query(
    "look",
    (sql) => sql<{ pid: number }[]>`select pid from pg_stat_activity
      where application_name = 'signalbox-listen' and datname = current_database() and query like 'listen%'`
  )
)
const terminateListeners = Effect.flatMap(Db, (db) =>
  db.query(
    "kill",
    (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'signalbox-listen' and datname = current_database()`
  )
)

describe("following", () => {
  it.live("uses one LISTEN connection for any number of followers, and each gets everything", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const followers = yield* Effect.forkChild(
        Effect.forEach(from1To(20), () => positions({}, 100), { concurrency: "unbounded" })
      )
      yield* Effect.forEach(from1To(100), (n) => log.append(item(`s${n % 7}`)), { concurrency: 8 })
      for (const got of yield* Fiber.join(followers)) assert.deepStrictEqual(got, from1To(100))
      yield* log.waitFor(100)
      assert.lengthOf(yield* listeners, 1)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("loses nothing while its LISTEN connection is killed again and again, and listens again", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const follower = yield* Effect.forkChild(positions({}, 400))
      for (let round = 0; round < 8; round++) {
        yield* Effect.forEach(from1To(50), () => log.append(item("a")), { concurrency: 8 })
        yield* terminateListeners
      }
      assert.deepStrictEqual(yield* Fiber.join(follower), from1To(400))
      while ((yield* listeners).length === 0) yield* Effect.yieldNow
    }).pipe(Effect.provide(LogTest))
  )

  it.live("needs no notification: the backstop finds what the bell did not tell", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      yield* db.query(
        "a server that notifies nobody",
        (sql) => sql`create function public.pg_notify(text, text) returns void language sql as 'select'`
      )
      yield* db.query(
        "shadow",
        (sql) =>
          sql`alter function log.append(text[], int[], int[], bool[], text[], text, text[], uuid[], uuid[], bigint[], bytea, text[]) set search_path = public, pg_catalog`
      )
      const caughtUp = yield* Deferred.make<void>()
      const follower = yield* log.follow().pipe(
        Stream.tap((followed) => (followed._tag === "CaughtUp" ? Deferred.succeed(caughtUp, undefined) : Effect.void)),
        Stream.take(3),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* Deferred.await(caughtUp)
      yield* log.append(item("a", { events: [1, 2].map((n) => ({ type: "T", data: n })) }))
      assert.deepStrictEqual(
        (yield* Fiber.join(follower)).map((followed) => followed._tag),
        ["CaughtUp", "Event", "Event"]
      )
    }).pipe(Effect.provide(LogTest))
  )

  it.live("carries payloads far beyond a notification's size, in pages of bounded bytes", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const sizes = [8_200, 900_000, 10, 900_000, 900_000, 20_000, 900_000, 900_000, 900_000, 900_000, 5]
      const follower = yield* log.follow().pipe(
        Stream.filter((followed) => followed._tag === "Event"),
        Stream.take(sizes.length),
        Stream.runCollect,
        Effect.forkChild
      )
      for (const [n, size] of sizes.entries())
        yield* log.append(item(`s${n}`, { events: [{ type: "Large", data: { text: "é".repeat(size / 2) } }] }))
      assert.deepStrictEqual(
        (yield* Fiber.join(follower)).map(({ event }) => (event.data as { text: string }).text.length * 2),
        sizes.map((size) => size - (size % 2))
      )
      const first = yield* log.page({ limit: 11 })
      const rest = yield* log.page({ limit: 11, from: first.events.length + 1 })
      assert.isBelow(JSON.stringify(first.events.map((event) => event.data)).length, 5_300_000)
      assert.deepStrictEqual([first.more, rest.more, first.events.length + rest.events.length], [true, false, 11])
      // backward too: the newest ones before a position, without a gap to it, and the page before those fits on
      const newest = yield* logPage({ before: 12, limit: 11 })
      const older = yield* logPage({ before: newest[0]?.position ?? 0, limit: 11 })
      assert.isBelow(newest.length, 11)
      assert.deepStrictEqual(
        [...older, ...newest].map((event) => event.position),
        Array.from({ length: older.length + newest.length }, (_, n) => 12 - older.length - newest.length + n)
      )
      assert.lengthOf(yield* Stream.runCollect(log.readAll({ from: 2, to: 9 })), 8)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("starts anywhere: in the past, at the head, beyond it, and in one stream", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      for (let n = 1; n <= 10; n++) yield* log.append(item(n % 2 === 0 ? "even" : "odd"))
      const tags = (options: { readonly from?: number; readonly stream?: string }, count: number) =>
        log.follow(options).pipe(
          Stream.map((followed) => (followed._tag === "Event" ? followed.event.position : "caught up")),
          Stream.take(count),
          Stream.runCollect
        )
      assert.deepStrictEqual(yield* tags({ from: 9 }, 3), [9, 10, "caught up"])
      assert.deepStrictEqual(yield* tags({ from: 11 }, 1), ["caught up"])
      assert.deepStrictEqual(yield* tags({ from: 5, stream: "even" }, 4), [6, 8, 10, "caught up"])
      assert.deepStrictEqual(yield* tags({ stream: "nothing" }, 1), ["caught up"])
      const beyond = yield* Effect.forkChild(positions({ from: 13 }, 14))
      const ofEven = yield* Effect.forkChild(positions({ stream: "even", from: 10 }, 14))
      for (let n = 11; n <= 14; n++) yield* log.append(item(n % 2 === 0 ? "even" : "odd"))
      assert.deepStrictEqual(yield* Fiber.join(beyond), [13, 14])
      assert.deepStrictEqual(yield* Fiber.join(ofEven), [10, 12, 14])
    }).pipe(Effect.provide(LogTest))
  )
})

describe("reading", () => {
  it.live("answers a page of the log, of a stream, of a type, and all of it", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      for (let n = 1; n <= 12; n++)
        yield* log.append(item(`s${n % 2}`, { events: [{ type: n % 3 === 0 ? "Third" : "Other", data: n }] }))
      const read = (options: Parameters<typeof log.read>[0]) =>
        Effect.map(log.read(options), (events) => events.map((event) => event.position))
      assert.deepStrictEqual(yield* read({ from: 3, limit: 2 }), [3, 4])
      assert.deepStrictEqual(yield* read({ stream: "s0", from: 5 }), [10, 12])
      assert.deepStrictEqual(yield* read({ type: "Third", from: 4 }), [6, 9, 12])
      assert.deepStrictEqual(yield* read({ type: "Third", stream: "s0" }), [6, 12])
      assert.deepStrictEqual(yield* read({ limit: 0 }), [])
      assert.deepStrictEqual(yield* read({ from: 13 }), [])
      assert.lengthOf(yield* read({ limit: 1e9 }), 12)
      const all = (options: Parameters<typeof log.readAll>[0]) =>
        Effect.map(Stream.runCollect(log.readAll(options)), (events) => events.map((event) => event.position))
      assert.deepStrictEqual(yield* all({}), from1To(12))
      assert.deepStrictEqual(yield* all({ from: 11 }), [11, 12])
      assert.deepStrictEqual(yield* all({ to: 2 }), [1, 2])
      assert.deepStrictEqual(yield* all({ stream: "s1", from: 2, to: 4 }), [3, 5, 7])
    }).pipe(Effect.provide(LogTest))
  )
})
