import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { actual, added, createTally, expected, tally } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { ALL, type Projection, Projections } from "./Projection.ts"
import { layer } from "./ProjectionsLive.ts"

const LogTest = logLayer.pipe(Layer.provideMerge(Layer.fresh(DbTest)))
const withTally = <A, E, R>(test: Effect.Effect<A, E, R>, projections: ReadonlyArray<Projection> = [tally]) =>
  createTally.pipe(Effect.andThen(test), Effect.provide(layer(projections).pipe(Layer.provideMerge(LogTest))))

const appendMany = Effect.fnUntraced(function* (count: number, streams = 7) {
  const log = yield* EventLog
  const appended = yield* Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) => log.append(added(`s-${i % streams}`, i, 1)),
    { concurrency: 64 }
  )
  return Math.max(...appended.map((one) => one.toPosition))
})

describe("projections", () => {
  it.live("apply each event once and in order, and let a writer read what it wrote", () =>
    withTally(
      Effect.gen(function* () {
        const [log, projections] = [yield* EventLog, yield* Projections]
        const before = yield* appendMany(500)
        const running = yield* Effect.forkChild(projections.run)
        yield* projections.waitFor(ALL, before)
        assert.deepStrictEqual(yield* actual, yield* expected)
        yield* log.append({ ...added("other"), events: [{ type: "Unwanted", data: {} }] })
        const { toPosition } = yield* log.append(added("mine", 42))
        yield* projections.waitFor("tally", toPosition)
        assert.strictEqual((yield* actual).find((row) => row.stream === "mine")?.total, "42")
        const [status] = yield* projections.status
        assert.deepInclude(status, { name: "tally", position: toPosition, behind: 0, parked: 0, trouble: null })
        assert.match((yield* Effect.flip(projections.waitFor("nope", 1))).message, /no projection nope.*tally/)
        yield* Fiber.interrupt(running)
      })
    )
  )

  it.live("stay exact with three runners at once, connections that are cut and one runner that stops", () =>
    withTally(
      Effect.gen(function* () {
        const [db, projections] = [yield* Db, yield* Projections]
        const runners = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(projections.run))
        const cutting = yield* Effect.forkChild(
          Effect.forever(
            Effect.andThen(
              Effect.ignore(
                db.query(
                  "cut",
                  (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid() and application_name = 'signalbox'
                    order by random() limit 1`
                )
              ),
              Effect.sleep("40 millis")
            )
          )
        )
        yield* appendMany(600)
        if (runners[0] !== undefined) yield* Fiber.interrupt(runners[0])
        const last = yield* appendMany(600)
        yield* Fiber.interrupt(cutting)
        yield* projections.waitFor("tally", last)
        assert.deepStrictEqual(yield* actual, yield* expected)
        assert.deepStrictEqual(yield* projections.parked, [])
        yield* Effect.forEach(runners, Fiber.interrupt)
      })
    )
  )

  it.live("park an event that cannot be applied, hold its stream, let the others go on, and take it up again", () =>
    withTally(
      Effect.gen(function* () {
        const [db, log, projections] = [yield* Db, yield* EventLog, yield* Projections]
        const running = yield* Effect.forkChild(projections.run)
        yield* log.append(added("good", 1))
        const poison = yield* log.append(added("bad", 999_999, 5, 7))
        const damaged = yield* log.append({
          ...added("odd"),
          events: [{ type: "Added", data: { amount: "many" } }]
        })
        const last = yield* appendMany(300, 3)
        const behind = yield* log.append(added("bad", 8))
        yield* projections.waitFor("tally", Math.max(last, behind.toPosition))
        const parked = yield* projections.parked
        assert.deepStrictEqual(
          parked.map((one) => [one.position, one.stream, one.reason === null, one.attempts]),
          [
            [poison.toPosition - 1, "bad", false, 1],
            [poison.toPosition, "bad", true, 0],
            [damaged.toPosition, "odd", false, 1],
            [behind.toPosition, "bad", true, 0]
          ]
        )
        assert.include(parked[0]?.reason ?? "", "tally_is_small")
        assert.include(parked[2]?.reason ?? "", "does not fit its schema")
        const rest = (rows: ReadonlyArray<{ stream: string }>) =>
          rows.filter((row) => row.stream !== "bad" && row.stream !== "odd")
        assert.deepStrictEqual(
          rest(yield* actual),
          rest(
            yield* Effect.map(
              db.query(
                "expect",
                (sql) => sql<
                  { stream: string }[]
                >`select stream, count(*)::int as events, sum((data->>'amount')::bigint)::text as total,
                  array_agg(position::text order by position) as order, max(position)::text as last
                  from log.event where stream not in ('bad', 'odd') group by stream order by stream`
              ),
              (rows) => [...rows]
            )
          )
        )
        const again = yield* projections.retry("tally", "bad")
        assert.deepInclude(again, { applied: 0, remaining: 3 })
        assert.include(again.reason ?? "", "tally_is_small")
        assert.strictEqual((yield* projections.parked)[0]?.attempts, 2)
        yield* db.query("mend", (sql) => sql`alter table read.tally drop constraint tally_is_small`)
        assert.deepStrictEqual(yield* projections.retry("tally", "bad"), { applied: 3, remaining: 0, reason: null })
        const after = yield* log.append(added("bad", 1))
        yield* projections.waitFor("tally", after.toPosition)
        const bad = (yield* actual).find((row) => row.stream === "bad")
        assert.deepStrictEqual(bad?.order.map(Number), [
          poison.toPosition - 2,
          poison.toPosition - 1,
          poison.toPosition,
          behind.toPosition,
          after.toPosition
        ])
        yield* Fiber.interrupt(running)
      })
    )
  )

  it.live("park nothing when the table is missing: they wait, say so, and go on when it is there", () =>
    withTally(
      Effect.gen(function* () {
        const [db, projections] = [yield* Db, yield* Projections]
        yield* db.query("hide", (sql) => sql`alter table read.tally rename to gone`)
        const last = yield* appendMany(20)
        const running = yield* Effect.forkChild(projections.run)
        yield* until(
          "the trouble is visible",
          Effect.map(projections.status, (all) => all[0]?.trouble?.includes("tally") ?? false)
        )
        assert.deepStrictEqual(yield* projections.parked, [])
        yield* db.query("show", (sql) => sql`alter table read.gone rename to tally`)
        yield* projections.waitFor("tally", last)
        assert.deepStrictEqual(yield* actual, yield* expected)
        assert.isNull((yield* projections.status)[0]?.trouble)
        yield* Fiber.interrupt(running)
      })
    )
  )

  it.live("are rebuilt while they serve and while events arrive, into the same rows under the same names", () =>
    withTally(
      Effect.gen(function* () {
        const [db, projections] = [yield* Db, yield* Projections]
        const running = yield* Effect.forkChild(projections.run)
        yield* projections.waitFor("tally", yield* appendMany(3_000))
        const shape = db.query(
          "read the shape",
          (sql) => sql`select indexdef from pg_indexes where schemaname = 'read'
            union all select conname || pg_get_constraintdef(oid) from pg_constraint where conrelid = 'read.tally'::regclass
            union all select reloptions::text from pg_class where oid = 'read.tally'::regclass
            union all select obj_description('read.tally'::regclass)
            union all select reloptions::text || obj_description(oid) || pg_get_viewdef(oid) from pg_class where oid = 'report.tally'::regclass
            order by 1`
        )
        const before = [...(yield* shape)]
        const missing = yield* Ref.make(0)
        const reading = yield* Effect.forkChild(
          Effect.forever(
            Effect.gen(function* () {
              const [row] = yield* db.query(
                "read through the view",
                (sql) => sql<{ total: string | null }[]>`select total::text as total from report.grand`
              )
              if (row?.total === null) yield* Ref.update(missing, (n) => n + 1)
            })
          )
        )
        const writing = yield* Effect.forkChild(appendMany(1_000))
        const seen = yield* Ref.make(0)
        const rebuilt = yield* projections.rebuild("tally", ({ position }) => Ref.set(seen, position))
        const last = yield* Fiber.join(writing)
        assert.strictEqual(yield* Ref.get(seen), rebuilt.position)
        assert.isUndefined(reading.pollUnsafe(), "a reader failed during the rebuild")
        yield* Fiber.interrupt(reading)
        assert.strictEqual(yield* Ref.get(missing), 0)
        yield* projections.waitFor("tally", last)
        assert.deepStrictEqual(yield* actual, yield* expected)
        assert.deepStrictEqual([...(yield* shape)], before)
        const left = yield* db.query(
          "look for remains",
          (sql) => sql`select 1 from pg_tables where schemaname in ('read_next', 'read_old')`
        )
        assert.strictEqual(left.length, 0)
        const again = yield* projections.rebuild("tally")
        assert.isAtLeast(again.position, last)
        assert.deepStrictEqual(yield* actual, yield* expected)
        yield* Fiber.interrupt(running)
      })
    )
  )

  it.live("are rebuilt by themselves when their version grows; the later of two rebuilds wins", () =>
    withTally(
      Effect.gen(function* () {
        const [db, projections] = [yield* Db, yield* Projections]
        const running = yield* Effect.forkChild(projections.run)
        const last = yield* appendMany(400)
        yield* projections.waitFor("tally", last)
        const both = yield* Effect.all(
          [Effect.result(projections.rebuild("tally")), Effect.result(projections.rebuild("tally"))],
          { concurrency: 2 }
        )
        assert.include(
          both.map((one) => (one._tag === "Success" ? "done" : one.failure._tag)),
          "done"
        )
        for (const one of both) if (one._tag === "Failure") assert.strictEqual(one.failure._tag, "RebuildSuperseded")
        yield* Fiber.interrupt(running)
        yield* db.query("spoil the rows of the old version", (sql) => sql`update read.tally set events = 0`)
        yield* Effect.gen(function* () {
          const newer = yield* Projections
          const next = yield* Effect.forkChild(newer.run)
          yield* until(
            "the new version serves",
            Effect.map(newer.status, (all) => all.length === 1 && all[0]?.version === 2)
          )
          assert.deepStrictEqual(yield* actual, yield* expected)
          yield* Fiber.interrupt(next)
        }).pipe(Effect.provide(layer([{ ...tally, version: 2 }])))
      })
    )
  )
})
