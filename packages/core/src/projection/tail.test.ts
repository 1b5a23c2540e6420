import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Option } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { added } from "../../../../test/support/tally.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { Precedence } from "./Precedence.ts"
import { type Follower, openCheckpoint } from "./checkpoint.ts"
import { makeTail, ownPages } from "./tail.ts"

const LogTest = logLayer.pipe(Layer.provideMerge(Layer.fresh(DbTest)))

/** The database with a count of each act. */
const watchedDb = Effect.map(Db, (db) => {
  const acts: Array<string> = []
  const query: Db["Service"]["query"] = (op, f) =>
    Effect.suspend(() => {
      acts.push(op)
      return db.query(op, f)
    })
  const count = (op: string): number => acts.filter((one) => one === op).length
  return { count, db: Db.of({ ...db, query }) }
})

const follower = (name: string): Follower => ({
  name,
  target: "read",
  version: 1,
  from: "beginning",
  wants: new Set(["Wanted"]),
  apply: () => Effect.void
})

describe("the tail that followers share", () => {
  it.live("moves the checkpoints of all whom a page does not concern in one statement, and none that has moved", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(added("a", 1, 2, 3, 4, 5))
      const { count, db } = yield* watchedDb
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

  it.live("wakes whom a page gives nothing else to do only when what a person waits for is under way", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const precedence = yield* Precedence
      const opened = yield* Deferred.make<void>()
      const gated = Precedence.of({
        ...precedence,
        busy: () => true,
        held: (events) =>
          events.some(({ stream }) => stream === "talk/a")
            ? { others: (wants) => wants.has("Elsewhere"), over: Deferred.await(opened) }
            : undefined
      })
      const tail = yield* Effect.provideService(makeTail, Precedence, gated)
      const sleep = (than: number, ...wants: ReadonlyArray<string>) =>
        Effect.forkChild(tail.past(than, new Set(wants)), { startImmediately: true })
      const early = yield* sleep(0, "Added")
      yield* log.append(added("work/a", 1))
      yield* Fiber.join(early)

      const [idle, concerned, other] = [yield* sleep(1, "Idle"), yield* sleep(1, "Added"), yield* sleep(1, "Elsewhere")]
      yield* log.append(added("talk/a", 1))
      yield* Fiber.join(other)
      assert.deepStrictEqual([idle.pollUnsafe(), concerned.pollUnsafe()], [undefined, undefined])
      const late = yield* sleep(2, "Added")
      yield* log.append(added("work/a", 2))
      yield* Fiber.join(late)
      yield* Effect.all([Fiber.join(idle), Fiber.join(concerned)])

      const held = yield* sleep(3, "Added")
      const witness = yield* sleep(3, "Elsewhere")
      yield* log.append(added("talk/a", 2))
      yield* Fiber.join(witness)
      assert.isUndefined(held.pollUnsafe())
      yield* Deferred.succeed(opened, undefined)
      assert.isTrue(Option.isSome(yield* Effect.timeoutOption(Fiber.join(held), "4 seconds")), "not by the backstop")
    }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(Precedence.layer, LogTest)))
  )
})
