import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { until } from "../../../../test/support/until.ts"
import { Db } from "../postgres/Db.ts"
import { Leases } from "./Lease.ts"
import { layer } from "./LeasesLive.ts"

const as = (holder: string) =>
  Effect.provide(
    Effect.map(Leases, (leases) => leases),
    Layer.fresh(layer(holder))
  )
/** Renewed often, and yet not lost by a machine that stands still for a moment. */
const FAST = { ttl: "4 seconds", renewEvery: "500 millis" } as const

describe("leases", () => {
  it.live("belong to one holder, are taken over when they expire, and count every change of hands", () =>
    Effect.gen(function* () {
      const [ana, ben] = [yield* as("ana"), yield* as("ben")]
      const first = yield* ana.acquire("watch/h1", "60 seconds")
      assert.deepStrictEqual(first, { name: "watch/h1", holder: "ana", epoch: 1 })
      assert.strictEqual((yield* ana.acquire("watch/h1", "3 seconds")).epoch, 1)
      assert.match((yield* Effect.flip(ben.acquire("watch/h1", "60 seconds"))).message, /held by ana/)
      const stolen = yield* until(
        "it expires",
        Effect.orElseSucceed(ben.acquire("watch/h1", "60 seconds"), () => undefined)
      )
      assert.deepStrictEqual(stolen, { name: "watch/h1", holder: "ben", epoch: 2 })
      assert.strictEqual((yield* Effect.flip(ana.renew(first, "60 seconds")))._tag, "LeaseLost")
      yield* ana.release(first)
      assert.deepStrictEqual(
        (yield* ana.holders("watch/")).map((row) => [row.name, row.holder, row.epoch, row.expired]),
        [["watch/h1", "ben", 2, false]]
      )
      assert.deepStrictEqual(yield* ana.holders("watch%"), [])
      yield* ben.release(stolen)
      assert.strictEqual((yield* ana.acquire("watch/h1", "60 seconds")).epoch, 3)
    }).pipe(Effect.provide(DbTest))
  )

  it.live("have one winner among twenty at once", () =>
    Effect.gen(function* () {
      const wins = yield* Effect.all(
        Array.from({ length: 20 }, (_, i) =>
          Effect.flatMap(as(`p${i}`), (leases) => Effect.result(leases.acquire("one", "60 seconds")))
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(wins.filter((one) => one._tag === "Success").length, 1)
    }).pipe(Effect.provide(DbTest))
  )

  it.live("keep work running past their ttl while they are renewed, and are free right after it", () =>
    Effect.gen(function* () {
      const [ana, ben] = [yield* as("ana"), yield* as("ben")]
      const db = yield* Db
      const gate = yield* Deferred.make<void>()
      const working = yield* Effect.forkChild(ana.withLease("w", FAST, () => Effect.as(Deferred.await(gate), "done")))
      const start = yield* until(
        "it is held",
        Effect.map(ana.holders("w"), (rows) => rows[0]?.expiresAt)
      )
      yield* until(
        "it was renewed beyond its first end",
        Effect.map(
          db.query(
            "now",
            (sql) => sql<{ past: boolean }[]>`select now() > ${start}::timestamptz + interval '300 ms' as past`
          ),
          (rows) => rows[0]?.past === true
        )
      )
      assert.strictEqual((yield* Effect.flip(ben.acquire("w", "1 second")))._tag, "LeaseHeld")
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(working), "done")
      assert.strictEqual((yield* ben.acquire("w", "1 second")).epoch, 2)
    }).pipe(Effect.provide(DbTest))
  )

  it.live("interrupt the work when another takes them over", () =>
    Effect.gen(function* () {
      const ana = yield* as("ana")
      const db = yield* Db
      const stopped = yield* Ref.make(false)
      const working = yield* Effect.forkChild(
        ana.withLease("w", FAST, () => Effect.onInterrupt(Effect.never, () => Ref.set(stopped, true)))
      )
      yield* until(
        "it is held",
        Effect.map(ana.holders("w"), (rows) => rows.length === 1)
      )
      yield* db.query("steal", (sql) => sql`update queue.lease set holder = 'thief', epoch = epoch + 1`)
      const error = yield* Effect.flip(Fiber.join(working))
      assert.strictEqual(error._tag, "LeaseLost")
      assert.isTrue(yield* Ref.get(stopped))
      assert.strictEqual((yield* ana.holders("w"))[0]?.holder, "thief")
    }).pipe(Effect.provide(DbTest))
  )

  it.live("interrupt the work before they can have expired when Postgres does not answer", () =>
    Effect.gen(function* () {
      const ana = yield* as("ana")
      const db = yield* Db
      const inTime = yield* Deferred.make<boolean>()
      const stillOurs = Effect.map(ana.holders("w"), (rows) => rows[0]?.expired === false)
      const working = yield* Effect.forkChild(
        ana.withLease("w", FAST, () =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.flatMap(Effect.orDie(stillOurs), (ours) => Deferred.succeed(inTime, ours))
          )
        )
      )
      yield* until(
        "it is held",
        Effect.map(ana.holders("w"), (rows) => rows.length === 1)
      )
      const [locked, unlock] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const blocking = yield* Effect.forkChild(
        db.transaction(
          db
            .query("block", (sql) => sql`lock table queue.lease in exclusive mode`)
            .pipe(Effect.andThen(Deferred.succeed(locked, undefined)), Effect.andThen(Deferred.await(unlock)))
        )
      )
      yield* Deferred.await(locked)
      const error = yield* Effect.flip(Fiber.join(working))
      yield* Deferred.succeed(unlock, undefined)
      assert.include(error.message, "could not be renewed in time")
      assert.isTrue(yield* Deferred.await(inTime), "the work was stopped too late")
      yield* Fiber.join(blocking)
    }).pipe(Effect.provide(DbTest))
  )
})
