import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import type postgres from "postgres"
import { DbTest } from "../../../../test/support/database.ts"
import { added } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import { Db } from "../postgres/Db.ts"
import { EventLog } from "./EventLog.ts"
import { layer as logLayer } from "./EventLogLive.ts"
import { HEAD_PAGE, makeNewest } from "./newest.ts"

const LogTest = logLayer.pipe(Layer.provideMerge(Layer.fresh(DbTest)))

/** The database with a count of the pages that were read, and a gate that holds them back. */
const watchedDb = (opened?: Deferred.Deferred<void>) =>
  Effect.map(Db, (db) => {
    let reads = 0
    const query: Db["Service"]["query"] = (op, f) =>
      Effect.suspend(() => {
        reads++
        const asked = db.query(op, f)
        return opened === undefined ? asked : Effect.andThen(Deferred.await(opened), asked)
      })
    return { reads: () => reads, db: Db.of({ ...db, query }) }
  })

/** A bell that is rung by hand. */
const makeBell = () => {
  let head = 0
  return { heard: () => head, ring: (position: number) => (head = position) }
}
const positions = (page: ReadonlyArray<{ readonly position: number }>) => page.map((event) => event.position)
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)
const together = { concurrency: "unbounded" } as const

describe("the newest events", () => {
  it.live("are read once for all who stand near the same place, for each without a gap", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", ...from(1, 300)))
      const [opened, bell] = [yield* Deferred.make<void>(), makeBell()]
      const { reads, db } = yield* watchedDb(opened)
      const newest = yield* makeNewest(db, bell.heard)
      bell.ring(300)
      const readers = yield* Effect.forEach([200, 200, 203, 210, 200], (at) => Effect.forkChild(newest(at, 20)))
      yield* until(
        "the first one reads",
        Effect.sync(() => reads() > 0)
      )
      yield* Deferred.succeed(opened, undefined)
      const pages = yield* Effect.forEach(readers, (reader) => Fiber.join(reader))
      assert.deepStrictEqual(
        pages.map(positions),
        [200, 200, 203, 210, 200].map((at) => from(at, at + 19))
      )
      assert.strictEqual(reads(), 1)
      assert.deepStrictEqual(positions(yield* newest(290, 20)), from(290, 300), "the end of the page that is kept")
      assert.strictEqual(reads(), 1)
      assert.deepStrictEqual(positions(yield* newest(150, 400)), from(150, 300), "from before it")
      assert.deepStrictEqual(positions(yield* newest(301, 20)), [], "from behind it")
      assert.strictEqual(reads(), 3)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("are never older than the bell that their asker has heard, or than what he knows", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const bell = makeBell()
      const newest = yield* makeNewest(yield* Db, bell.heard)
      for (let position = 1; position <= 40; position++) {
        yield* log.append(added("a", position))
        const known = position % 2 === 0 ? position : undefined
        if (known === undefined) bell.ring(position)
        assert.deepStrictEqual(positions(yield* newest(Math.max(1, position - 2), 100, known)).at(-1), position)
        assert.deepStrictEqual(positions(yield* newest(position, 100, known)), [position])
      }
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("are read again for one who asks after the bell, when the read of before is still under way", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1))
      const [opened, bell] = [yield* Deferred.make<void>(), makeBell()]
      const { reads, db } = yield* watchedDb(opened)
      const newest = yield* makeNewest(db, bell.heard)
      bell.ring(1)
      const early = yield* Effect.forkChild(newest(2, 10))
      yield* until(
        "the early read is under way",
        Effect.sync(() => reads() === 1)
      )
      yield* log.append(added("a", 2))
      bell.ring(2)
      const late = yield* Effect.forkChild(newest(2, 10))
      yield* until(
        "the late one reads for itself",
        Effect.sync(() => reads() === 2)
      )
      yield* Deferred.succeed(opened, undefined)
      yield* Fiber.join(early)
      assert.deepStrictEqual(positions(yield* Fiber.join(late)), [2])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("come for everybody also when a page is cut by the size of its events", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const large = { type: "Large", data: { text: "x".repeat(400_000) } }
      for (let n = 0; n < 8; n++)
        yield* log.append({
          stream: "a",
          expected: "any",
          commandId: crypto.randomUUID(),
          events: [large],
          actor: "test"
        })
      const bell = makeBell()
      const newest = yield* makeNewest(yield* Db, bell.heard)
      bell.ring(8)
      const walk = Effect.fnUntraced(function* (first: number) {
        const seen: Array<number> = []
        while ((seen.at(-1) ?? 0) < 8) seen.push(...positions(yield* newest((seen.at(-1) ?? first - 1) + 1, HEAD_PAGE)))
        return seen
      })
      assert.deepStrictEqual(yield* Effect.all([walk(1), walk(2), walk(7), walk(1)], together), [
        from(1, 8),
        from(2, 8),
        from(7, 8),
        from(1, 8)
      ])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("tell all who share a read that failed, and the next one reads again", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2))
      const db = yield* Db
      let failures = 0
      let broken = true
      const failing = Db.of({
        ...db,
        query: <A>(op: string, f: (sql: postgres.Sql | postgres.TransactionSql) => PromiseLike<A>) =>
          broken
            ? Effect.flatMap(
                Effect.tapError(
                  db.query("a broken read", (sql) => sql`select 1 / 0`),
                  () => Effect.sync(() => failures++)
                ),
                () => db.query(op, f)
              )
            : db.query(op, f)
      })
      const bell = makeBell()
      const newest = yield* makeNewest(failing, bell.heard)
      bell.ring(2)
      const failed = yield* Effect.all([newest(1, 10), newest(1, 10)].map(Effect.flip), together)
      assert.deepStrictEqual(
        failed.map((error) => error.code),
        ["22012", "22012"]
      )
      assert.strictEqual(failures, 1)
      broken = false
      assert.deepStrictEqual(positions(yield* newest(1, 10)), [1, 2])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("come to the others when one who waits for the same page gives up", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2, 3))
      const [opened, bell] = [yield* Deferred.make<void>(), makeBell()]
      const { reads, db } = yield* watchedDb(opened)
      const newest = yield* makeNewest(db, bell.heard)
      bell.ring(3)
      const first = yield* Effect.forkChild(newest(1, 10))
      yield* until(
        "it reads",
        Effect.sync(() => reads() === 1)
      )
      const second = yield* Effect.forkChild(newest(1, 10))
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(opened, undefined)
      assert.deepStrictEqual(positions(yield* Fiber.join(second)), [1, 2, 3])
      assert.strictEqual(reads(), 1)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("come also to those who ask while the process ends, and after", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2, 3))
      const [opened, bell] = [yield* Deferred.make<void>(), makeBell()]
      const { reads, db } = yield* watchedDb(opened)
      const scope = yield* Scope.make()
      const newest = yield* Scope.provide(makeNewest(db, bell.heard), scope)
      bell.ring(3)
      const waiting = yield* Effect.forkChild(newest(1, 10))
      yield* until(
        "it reads",
        Effect.sync(() => reads() === 1)
      )
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.succeed(opened, undefined)
      assert.deepStrictEqual(positions(yield* Fiber.join(waiting)), [1, 2, 3])
      assert.deepStrictEqual(positions(yield* newest(2, 10)), [2, 3])
    }).pipe(Effect.scoped, Effect.provide(LogTest), Effect.timeout("30 seconds"))
  )
})
