import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { connect, Db } from "../postgres/Db.ts"
import { type BatcherOptions, defaultOptions, makeBatcher } from "./Batcher.ts"
import type { Append, AppendError, Appended } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"
import { EventLog } from "./EventLog.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

const item = (stream: string, overrides: Partial<Append> = {}): Append => ({
  stream,
  expected: "any",
  commandId: randomUUID(),
  events: [{ type: "Happened", data: { n: 1 } }],
  actor: "hub",
  ...overrides
})

const batcher = (options: Partial<BatcherOptions> = {}) =>
  Effect.gen(function* () {
    const db = yield* Db
    const open = () => connect(db.url, { max: 1, name: "batcher-under-test" })
    return yield* makeBatcher(open, { ...defaultOptions, patienceWithDisk: Number.MAX_SAFE_INTEGER, ...options })
  })

/** Holds the append lock, so that a flight stays in the air until it is let go. */
const holdLock = Effect.gen(function* () {
  const db = yield* Db
  const reserved = yield* Effect.acquireRelease(
    Effect.promise(() => db.pool.reserve()),
    (one) => Effect.sync(() => one.release())
  )
  yield* Effect.promise(() => reserved`select pg_advisory_lock(5167001)`)
  return Effect.promise(() => reserved`select pg_advisory_unlock(5167001)`)
})
const flightInTheAir = Effect.gen(function* () {
  const db = yield* Db
  const waiting = db.query(
    "look",
    (sql) => sql`select 1 from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and not l.granted and a.datname = current_database()`
  )
  while ((yield* waiting).length === 0) yield* Effect.yieldNow
})

/** Whoever could leave has left: a flight takes off within a turn of the event loop. */
const turns = Effect.callback<void>((resume) => {
  let left = 5
  const turn = () => (left-- > 0 ? setImmediate(turn) : resume(Effect.void))
  turn()
})

describe("group commit", () => {
  it.live("takes everything that waits on the next flight, at most one item of a stream", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ flights: 1 })
      const letGo = yield* holdLock
      const first = yield* Effect.forkChild(append(item("first")))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.all(
          [...Array.from({ length: 60 }, (_, n) => append(item(`s${n}`))), append(item("s0")), append(item("s0"))],
          { concurrency: "unbounded" }
        )
      )
      yield* Effect.yieldNow
      yield* letGo
      yield* Fiber.join(first)
      const answers = yield* Fiber.join(rest)
      assert.deepStrictEqual(
        answers.slice(-2).map((answer) => answer.toVersion),
        [2, 3]
      )
      assert.strictEqual(flights(), 4)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("makes the caller wait when the line is full, and fails nobody", () =>
    Effect.gen(function* () {
      const { append } = yield* batcher({ line: 4 })
      const letGo = yield* holdLock
      let answered = 0
      const all = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 50 }, (_, n) => Effect.tap(append(item(`s${n}`)), () => Effect.sync(() => answered++))),
          { concurrency: "unbounded" }
        )
      )
      const large = yield* Effect.forkChild(
        append(item("large", { events: [{ type: "T", data: "x".repeat(900_000) }] }))
      )
      yield* flightInTheAir
      assert.strictEqual(answered, 0)
      yield* letGo
      assert.deepStrictEqual(
        (yield* Fiber.join(all)).map((answer) => answer.toPosition).toSorted((a, b) => a - b).length,
        50
      )
      yield* Fiber.join(large)
      assert.strictEqual(answered, 50)
      assert.strictEqual(yield* Effect.flatMap(EventLog, (log) => log.head), 51)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("isolates an item that Postgres refuses", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query("poison", (sql) => sql`alter table log.event add constraint poison check (type <> 'Poison')`)
      const { append } = yield* batcher()
      const letGo = yield* holdLock
      const first = yield* Effect.forkChild(append(item("first")))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.forEach(
          [1, 2, 3, 4, 5],
          (n) => Effect.result(append(item(`s${n}`, n === 3 ? { events: [{ type: "Poison", data: 1 }] } : {}))),
          { concurrency: "unbounded" }
        )
      )
      yield* Effect.yieldNow
      yield* letGo
      yield* Fiber.join(first)
      const results = yield* Fiber.join(rest)
      assert.deepStrictEqual(
        results.map((result) => (Result.isSuccess(result) ? result.success.toPosition : result.failure._tag)),
        [2, 3, "EventNotStorable", 4, 5]
      )
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("lets a caller go: out of the line nothing is written, in the air it is", () =>
    Effect.gen(function* () {
      const { append } = yield* batcher({ line: 2 })
      const log = yield* EventLog
      const letGo = yield* holdLock
      const [flying, waiting, outside] = [item("flying"), item("waiting"), item("outside")]
      const inTheAir = yield* Effect.forkChild(append(flying))
      yield* flightInTheAir
      const inLine = yield* Effect.forkChild(append(waiting))
      const beforeTheLine = yield* Effect.forkChild(append(outside))
      yield* Effect.yieldNow
      for (const fiber of [inTheAir, inLine, beforeTheLine]) yield* Fiber.interrupt(fiber)
      yield* letGo
      const after = yield* append(item("after"))
      assert.strictEqual(after.toPosition, 2)
      assert.deepStrictEqual(
        (yield* log.read({})).map((event) => event.stream),
        ["flying", "after"]
      )
      assert.isTrue((yield* append(flying)).duplicate)
      assert.isFalse((yield* append(waiting)).duplicate)
      assert.isFalse((yield* append(outside)).duplicate)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("sends a second flight after the first only with company, and shares the line between them", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ company: 4 })
      const letGo = yield* holdLock
      const fork = (streams: ReadonlyArray<string>) =>
        Effect.forkChild(Effect.forEach(streams, (stream) => append(item(stream)), { concurrency: "unbounded" }))
      const first = yield* fork(["first"])
      yield* flightInTheAir
      const few = yield* fork(["a", "b", "c"])
      yield* turns
      assert.strictEqual(flights(), 1)
      const more = yield* fork(["d", "e", "f", "g"])
      yield* turns
      assert.strictEqual(flights(), 2) // four of seven; the others wait
      yield* letGo
      const answers = [...(yield* Fiber.join(first)), ...(yield* Fiber.join(few)), ...(yield* Fiber.join(more))]
      assert.deepStrictEqual(
        answers.map((answer) => answer.toPosition),
        [1, 2, 3, 4, 5, 6, 7, 8]
      )
      assert.strictEqual(flights(), 3)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("sends one flight at a time where a flush costs more than a second flight would save", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ company: 2, patienceWithDisk: 0 })
      yield* append(item("warm"))
      const letGo = yield* holdLock
      const first = yield* Effect.forkChild(append(item("first")))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.forEach(["a", "b", "c", "d"], (stream) => append(item(stream)), { concurrency: "unbounded" })
      )
      yield* turns
      assert.strictEqual(flights(), 2)
      yield* letGo
      yield* Fiber.join(first)
      yield* Fiber.join(rest)
      assert.strictEqual(flights(), 3)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("lets nobody board whose stream or command is in the air on another flight", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ company: 2 })
      const letGo = yield* holdLock
      const flying = item("a", { expected: "new" })
      const first = yield* Effect.forkChild(append(flying))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.forEach(
          [
            item("a", { expected: 1 }),
            { ...flying, commandId: flying.commandId.toUpperCase() },
            item("a", { expected: 2 }),
            item("b"),
            item("b", { expected: 1 })
          ],
          (one) => append(one),
          { concurrency: "unbounded" }
        )
      )
      yield* turns
      assert.strictEqual(flights(), 1) // only one of b could leave, and not alone
      const other = yield* Effect.forkChild(append(item("c")))
      const another = yield* Effect.forkChild(append(item("d")))
      yield* turns
      assert.strictEqual(flights(), 2)
      yield* letGo
      yield* Fiber.join(first)
      assert.deepStrictEqual(
        (yield* Fiber.join(rest)).map((answer) => [answer.toVersion, answer.duplicate]),
        [
          [2, false],
          [1, true],
          [3, false],
          [1, false],
          [2, false]
        ]
      )
      yield* Fiber.join(other)
      yield* Fiber.join(another)
      const log = yield* EventLog
      assert.deepInclude(yield* log.verify(), { ok: true, events: 7 })
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("repeats both flights when their connections are lost, and writes each item once", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const { append, flights } = yield* batcher({ company: 2 })
      const letGo = yield* holdLock
      const first = yield* Effect.forkChild(append(item("s0", { expected: "new" })))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4], (n) => append(item(`s${n}`, { expected: "new" })), { concurrency: "unbounded" })
      )
      yield* turns
      assert.strictEqual(flights(), 2)
      yield* db.query(
        "kill",
        (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'batcher-under-test' and datname = current_database()`
      )
      yield* letGo
      yield* Fiber.join(first)
      const answers = yield* Fiber.join(rest)
      assert.deepStrictEqual(
        answers.map((answer) => [answer.toVersion, answer.duplicate]),
        answers.map(() => [1, false])
      )
      assert.strictEqual(yield* Effect.flatMap(EventLog, (log) => log.head), 5)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("takes silent connections for lost, and writes what was on both flights once", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const opened: Array<ReturnType<typeof connect>> = []
      const open = () => {
        const connection = connect(db.url, { max: 1, name: "batcher-under-test" })
        opened.push(connection)
        return connection
      }
      const { append } = yield* makeBatcher(open, {
        ...defaultOptions,
        patienceWithDisk: Number.MAX_SAFE_INTEGER,
        company: 2,
        answerMillis: 3_000
      })
      yield* append(item("warm"))
      const letGo = yield* holdLock
      const all = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4], (n) => append(item(`s${n}`, { expected: "new" })), { concurrency: "unbounded" })
      )
      while (opened.length < 4) yield* Effect.yieldNow // two at the start, and one for each that was silent
      yield* letGo
      assert.deepStrictEqual(
        (yield* Fiber.join(all)).map((answer) => answer.toVersion),
        [1, 1, 1, 1]
      )
      assert.strictEqual(yield* Effect.flatMap(EventLog, (log) => log.head), 5)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("answers a conflict on one flight and the neighbours on the other, each for itself", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ company: 2 })
      yield* append(item("a"))
      const letGo = yield* holdLock
      const first = yield* Effect.forkChild(append(item("first")))
      yield* flightInTheAir
      const rest = yield* Effect.forkChild(
        Effect.forEach(
          [
            item("a", { expected: "new" }),
            item("b"),
            item("c", { events: [], reject: "no" }),
            item("d", { events: [1, 2].map((n) => ({ type: "Happened", data: { n } })) }),
            item("e", { events: [] })
          ],
          (one) => Effect.result(append(one)),
          { concurrency: "unbounded" }
        )
      )
      yield* turns
      assert.strictEqual(flights(), 3)
      yield* letGo
      yield* Fiber.join(first)
      assert.deepStrictEqual(
        (yield* Fiber.join(rest)).map((result) =>
          Result.isSuccess(result) ? result.success.toVersion : result.failure._tag
        ),
        ["VersionConflict", 1, "CommandRejected", 2, 0]
      )
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("repeats a flight whose backend was terminated", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const { append } = yield* batcher()
      const letGo = yield* holdLock
      const all = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], (n) => append(item(`s${n}`)), { concurrency: "unbounded" })
      )
      yield* flightInTheAir
      yield* db.query(
        "kill",
        (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'batcher-under-test' and datname = current_database()`
      )
      yield* letGo
      assert.deepStrictEqual(
        (yield* Fiber.join(all)).map((answer) => answer.toPosition),
        [1, 2, 3]
      )
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("takes a connection that does not answer for lost; what arrives late is still written once", () =>
    Effect.gen(function* () {
      const { append, flights } = yield* batcher({ answerMillis: 1_000 })
      const letGo = yield* holdLock
      const all = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], (n) => append(item(`s${n}`, { expected: "new" })), { concurrency: "unbounded" })
      )
      while (flights() < 3) yield* Effect.yieldNow // the first two wait at the server still
      yield* letGo
      assert.deepStrictEqual(
        (yield* Fiber.join(all)).map((answer) => [answer.toVersion, answer.toPosition]),
        [
          [1, 1],
          [1, 2],
          [1, 3]
        ]
      )
      assert.strictEqual(yield* Effect.flatMap(EventLog, (log) => log.head), 3)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("tells the callers when the database stays away, with the outcome open", () =>
    Effect.gen(function* () {
      const nowhere = () => connect("postgres://nobody@127.0.0.1:1/none", { max: 1 })
      const { append } = yield* makeBatcher(nowhere, { ...defaultOptions, patienceMillis: 200 })
      const error = yield* Effect.flip(append(item("a")))
      assert.match(error.message, /^the event log is not available: the database is not reachable \(.*ECONNREFUSED/)
    }).pipe(Effect.scoped)
  )

  it.live("tells the callers when the log closes under them", () =>
    Effect.gen(function* () {
      const letGo = yield* holdLock
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          const { append, flights } = yield* batcher({ company: 2 })
          const first = yield* Effect.forkDetach(append(item("a")))
          yield* flightInTheAir
          const others: ReadonlyArray<Fiber.Fiber<Appended, AppendError>> = yield* Effect.forEach(
            ["b", "c", "a"], // on the second flight, and in the line
            (stream) => Effect.forkDetach(append(item(stream)))
          )
          yield* turns
          assert.strictEqual(flights(), 2)
          return [first, ...others]
        })
      )
      for (const fiber of waiting) assert.match((yield* Effect.flip(Fiber.join(fiber))).message, /the log is closing/)
      yield* letGo
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("tells those who wait for room in the line when the log closes, and whoever comes later", () =>
    Effect.gen(function* () {
      const letGo = yield* holdLock
      const closed = yield* Effect.scoped(
        Effect.gen(function* () {
          const { append } = yield* batcher({ line: 2 })
          const first = yield* Effect.forkDetach(append(item("a")))
          yield* flightInTheAir
          const others: ReadonlyArray<Fiber.Fiber<Appended, AppendError>> = yield* Effect.forEach(
            ["b", "c", "d"], // one in the line, two that it has no room for
            (stream) => Effect.forkDetach(append(item(stream)))
          )
          yield* turns
          return { append, waiting: [first, ...others] }
        })
      )
      const answers = Effect.forEach(
        [...closed.waiting.map((fiber) => Fiber.join(fiber)), closed.append(item("late"))],
        (answer) => Effect.map(Effect.flip(answer), (error) => error.message),
        { concurrency: "unbounded" }
      ).pipe(Effect.timeout("60 seconds"))
      for (const message of yield* answers) assert.match(message, /the log is closing/)
      yield* letGo
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("answers a flight that could not even be sent, and flies on", () =>
    Effect.gen(function* () {
      const db = yield* Db
      let broken = true
      const unsendable = () => {
        const sql = connect(db.url, { max: 1, name: "batcher-under-test" })
        return new Proxy(sql, {
          apply: (target, self, args) => {
            if (broken) throw undefined // no error of ours, and none of the driver's
            return Reflect.apply(target, self, args)
          }
        })
      }
      const { append } = yield* makeBatcher(unsendable)
      const failed = yield* Effect.forEach([1, 2, 3, 4], (n) => Effect.flip(append(item(`s${n}`))), {
        concurrency: "unbounded"
      })
      for (const error of failed) assert.strictEqual(error._tag, "LogUnavailable")
      broken = false
      assert.strictEqual((yield* append(item("a"))).toPosition, 1)
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live("does not believe an answer that does not fit: asks again on another connection, and writes once", () =>
    Effect.gen(function* () {
      const db = yield* Db
      let opened = 0
      const open = () => {
        const confused = opened++ < defaultOptions.flights
        return new Proxy(connect(db.url, { max: 1, name: "batcher-under-test" }), {
          apply: async (target, self, args) => {
            const rows: unknown = await Reflect.apply(target, self, args)
            return confused ? [] : rows
          }
        })
      }
      const { append } = yield* makeBatcher(open)
      const first = yield* append(item("a", { expected: "new" }))
      assert.deepStrictEqual([first.toVersion, first.toPosition, first.duplicate], [1, 1, true])
      assert.deepStrictEqual([opened, yield* Effect.flatMap(EventLog, (log) => log.head)], [3, 1])
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})
