import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Option } from "effect"
import type postgres from "postgres"
import { DbTest } from "../../../../test/support/database.ts"
import { added } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { type Follower, openCheckpoint } from "./checkpoint.ts"
import { makeTail, ownPages } from "./tail.ts"

const LogTest = logLayer.pipe(Layer.provideMerge(Layer.fresh(DbTest)))

/** The database with a count of each act, and a gate that holds one of them back. */
const watchedDb = (gate: { op: string; opened: Deferred.Deferred<void> } | undefined = undefined) =>
  Effect.map(Db, (db) => {
    const acts: Array<string> = []
    const query: Db["Service"]["query"] = (op, f) =>
      Effect.suspend(() => {
        acts.push(op)
        const asked = db.query(op, f)
        return gate?.op === op ? Effect.andThen(Deferred.await(gate.opened), asked) : asked
      })
    const count = (op: string): number => acts.filter((one) => one === op).length
    return { acts, count, db: Db.of({ ...db, query }) }
  })

const positions = (page: ReadonlyArray<{ readonly position: number }>) => page.map((event) => event.position)
const follower = (name: string): Follower => ({
  name,
  target: "read",
  version: 1,
  from: "beginning",
  wants: new Set(["Wanted"]),
  apply: () => Effect.void
})

describe("the tail that followers share", () => {
  it.live("reads a page once for all who stand at the same place, each without a gap", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", ...Array.from({ length: 30 }, (_, i) => i)))
      const opened = yield* Deferred.make<void>()
      const { acts, db } = yield* watchedDb({ op: "read the log", opened })
      const tail = yield* Effect.provideService(makeTail, Db, db)
      yield* tail.past(29)
      const readers = yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.forkChild(tail.read(1, 10)))
      yield* Deferred.succeed(opened, undefined)
      for (const reader of readers)
        assert.deepStrictEqual(positions(yield* Fiber.join(reader)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      assert.deepStrictEqual(acts, ["read the log"])
      assert.deepStrictEqual(positions(yield* tail.read(4, 3)), [4, 5, 6], "a part of the page that is kept")
      assert.lengthOf(acts, 1)
      assert.deepStrictEqual(positions(yield* tail.read(8, 5)), [8, 9, 10, 11, 12], "more than the page that is kept")
      assert.lengthOf(acts, 2)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("never answers with a page that is older than the bell its asker has heard", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const { db } = yield* watchedDb()
      const tail = yield* Effect.provideService(makeTail, Db, db)
      for (let position = 1; position <= 40; position++) {
        const waiting = yield* Effect.forkChild(tail.past(position - 1))
        yield* log.append(added("a", position))
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(positions(yield* tail.read(Math.max(1, position - 2), 100)).at(-1), position)
        assert.deepStrictEqual(positions(yield* tail.read(position, 100)), [position])
      }
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("does not give a read that began before the bell to one who asks after it", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1))
      const opened = yield* Deferred.make<void>()
      const { count, db } = yield* watchedDb({ op: "read the log", opened })
      const tail = yield* Effect.provideService(makeTail, Db, db)
      yield* tail.past(0)
      const early = yield* Effect.forkChild(tail.read(2, 10))
      yield* until(
        "the early read is under way",
        Effect.sync(() => count("read the log") === 1)
      )
      yield* log.append(added("a", 2))
      yield* tail.past(1)
      const late = yield* Effect.forkChild(tail.read(2, 10))
      yield* until(
        "the late one reads for itself",
        Effect.sync(() => count("read the log") === 2)
      )
      yield* Deferred.succeed(opened, undefined)
      yield* Fiber.join(early)
      assert.deepStrictEqual(positions(yield* Fiber.join(late)), [2])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("tells all who share a read that failed, and the next one reads again", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2))
      const { acts, db } = yield* watchedDb()
      let broken = true
      const failing = Db.of({
        ...db,
        query: <A>(op: string, f: (sql: postgres.Sql | postgres.TransactionSql) => PromiseLike<A>) =>
          broken && op === "read the log"
            ? Effect.flatMap(
                db.query("a broken read", (sql) => sql`select 1 / 0`),
                () => db.query(op, f)
              )
            : db.query(op, f)
      })
      const tail = yield* Effect.provideService(makeTail, Db, failing)
      yield* tail.past(1)
      const failed = yield* Effect.all([tail.read(1, 10), tail.read(1, 10)].map(Effect.flip), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        failed.map((error) => error.code),
        ["22012", "22012"]
      )
      assert.deepStrictEqual(acts, ["a broken read"])
      broken = false
      assert.deepStrictEqual(positions(yield* tail.read(1, 10)), [1, 2])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("answers the others when one who waits for the same page gives up", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2, 3))
      const opened = yield* Deferred.make<void>()
      const { count, db } = yield* watchedDb({ op: "read the log", opened })
      const tail = yield* Effect.provideService(makeTail, Db, db)
      yield* tail.past(2)
      const first = yield* Effect.forkChild(tail.read(1, 10))
      yield* until(
        "it reads",
        Effect.sync(() => count("read the log") === 1)
      )
      const second = yield* Effect.forkChild(tail.read(1, 10))
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(opened, undefined)
      assert.deepStrictEqual(positions(yield* Fiber.join(second)), [1, 2, 3])
      assert.strictEqual(count("read the log"), 1)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("moves the checkpoints of all whom a page does not concern in one statement, and none that has moved", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2, 3, 4, 5))
      const { count, db } = yield* watchedDb()
      const tail = yield* Effect.provideService(makeTail, Db, db)
      const names = ["p1", "p2", "p3"]
      const skips = yield* Effect.forEach(names, (name) =>
        Effect.map(openCheckpoint(follower(name), 0), (at) => ({ follower: follower(name), at, to: 4 }))
      )
      const [mine, other] = skips
      assert.isTrue(yield* (yield* ownPages()).skip({ ...mine!, to: 2 }), "another runner was faster with p1")
      const moved = yield* Effect.all(skips.map(tail.skip), { concurrency: "unbounded" })
      assert.deepStrictEqual(moved, [false, true, true])
      assert.strictEqual(count("move checkpoints"), 1)
      const token = crypto.randomUUID()
      assert.isFalse(
        yield* tail.skip({ ...other!, at: { ...other!.at, position: 4, token }, to: 5 }),
        "rebuilt meanwhile"
      )
      const rows = yield* db.query(
        "read checkpoints",
        (sql) => sql<{ position: string }[]>`select position::text from derived.checkpoint order by name`
      )
      assert.deepStrictEqual(
        rows.map((row) => row.position),
        ["2", "4", "4"]
      )
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live(
    "wakes whoever waits past a position when the log is past it, not before, and by the backstop in any case",
    () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const tail = yield* makeTail
        yield* log.append(added("a", 1))
        yield* tail.past(0)
        const far = yield* Effect.forkChild(tail.past(3))
        yield* log.append(added("a", 2, 3))
        yield* tail.past(2)
        assert.isUndefined(far.pollUnsafe(), "3 is not past 3")
        yield* log.append(added("a", 4))
        assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Fiber.join(far), "4 seconds")))
        const [took] = yield* Effect.timed(tail.past(1_000_000))
        assert.isAtLeast(Duration.toMillis(took), 4_900)
      }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})
