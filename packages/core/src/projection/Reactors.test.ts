import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue as Mailbox, Schema } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { added, createTally, reactor, tally } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { layer as queueLayer } from "../queue/JobQueueLive.ts"
import { jobHandler, JobQueue, queue } from "../queue/Queue.ts"
import { Projections } from "./Projection.ts"
import { layer as projectionsLayer } from "./ProjectionsLive.ts"
import { jobId, type Reactor, Reactors, uuidV5 } from "./Reactor.ts"
import { layer } from "./ReactorsLive.ts"

const withReactors = <A, E, R>(test: Effect.Effect<A, E, R>, reactors: ReadonlyArray<Reactor>) =>
  createTally.pipe(
    Effect.andThen(test),
    Effect.provide(
      Layer.mergeAll(layer(reactors), projectionsLayer([tally])).pipe(
        Layer.provideMerge(queueLayer([queue("sort", { concurrency: 8, heartbeatSeconds: 10 })])),
        Layer.provideMerge(logLayer),
        Layer.provideMerge(Layer.fresh(DbTest))
      )
    )
  )

const jobs = Effect.flatMap(Db, (db) =>
  db.query(
    "read the jobs",
    (sql) => sql<{ id: string; position: number }[]>`select id, (data->>'position')::int as position from pgboss.job
      where name = 'sort' order by 2, 1`
  )
)

describe("reactors", () => {
  it.live("are overheard before their jobs, which wait for the listener, and not for ever", () =>
    withReactors(
      Effect.gen(function* () {
        const [log, reactors] = [yield* EventLog, yield* Reactors]
        const heard: Array<string> = []
        const jobsBefore: Array<number> = []
        const context = yield* Effect.context<Db>()
        yield* reactors.overhear("sorter", (events) =>
          Effect.suspend(() => {
            heard.push(...events.map((event) => event.type))
            return Effect.provide(jobs, context)
          }).pipe(
            Effect.orDie,
            // a busy database may answer only after the wait is over, and then says nothing here
            Effect.tap((before) => Effect.sync(() => jobsBefore.push(before.length))),
            Effect.andThen(Effect.never)
          )
        )
        const runner = yield* Effect.forkChild(reactors.run)
        const { toPosition } = yield* log.append(added("a", 1))
        yield* reactors.waitFor("sorter", toPosition)
        assert.deepStrictEqual(heard, ["Added"])
        for (const before of jobsBefore) assert.strictEqual(before, 0)
        assert.lengthOf(yield* jobs, 2)
        yield* Fiber.interrupt(runner)
      }).pipe(Effect.scoped),
      [reactor()]
    )
  )

  it.live("turn each event into its jobs once, with ids that follow from the event, and wake the handler", () =>
    withReactors(
      Effect.gen(function* () {
        const [log, reactors, queues] = [yield* EventLog, yield* Reactors, yield* JobQueue]
        const seen = yield* Mailbox.unbounded<number>()
        const worker = yield* Effect.forkChild(
          queues.work([
            jobHandler({
              queue: "sort",
              data: Schema.Struct({ position: Schema.Int }),
              run: ({ position }) => Effect.asVoid(Mailbox.offer(seen, position))
            })
          ])
        )
        const runners = yield* Effect.forEach([1, 2], () => Effect.forkChild(reactors.run))
        const { toPosition } = yield* log.append(added("a", 1, 2, 3))
        assert.deepStrictEqual((yield* Mailbox.takeN(seen, 6)).toSorted(), [1, 1, 2, 2, 3, 3])
        yield* reactors.waitFor("sorter", toPosition)
        const ids = (yield* jobs).map((one) => one.id)
        const wanted = [1, 2, 3].flatMap((position) =>
          ["", "again"].map((suffix) => jobId({ position, stream: "a" }, "sorter", suffix))
        )
        assert.deepStrictEqual(ids.toSorted(), wanted.toSorted())
        yield* Effect.forEach([worker, ...runners], Fiber.interrupt)
      }),
      [reactor()]
    )
  )

  it.live("tell the queue of this process what is ready, when it is committed and not before", () => {
    const nudged: Array<ReadonlyArray<string>> = []
    const committed: Array<Promise<number>> = []
    /** The real queue, watched. */
    const watched = Layer.effect(
      JobQueue,
      Effect.gen(function* () {
        const [inner, db] = [yield* JobQueue, yield* Db]
        return JobQueue.of({
          ...inner,
          nudge: (queues) => {
            if (queues.size === 0) return
            nudged.push([...queues])
            committed.push(db.pool`select 1 from pgboss.job where name = 'sort'`.then((rows) => rows.length))
          }
        })
      })
    ).pipe(Layer.provide(queueLayer([queue("sort", { heartbeatSeconds: 10 })])))
    return Effect.gen(function* () {
      const [log, reactors] = [yield* EventLog, yield* Reactors]
      const runner = yield* Effect.forkChild(reactors.run)
      const { toPosition } = yield* log.append(added("a", 1))
      yield* reactors.waitFor("sorter", toPosition)
      yield* until(
        "it was told",
        Effect.sync(() => nudged.length > 0)
      )
      assert.deepStrictEqual(nudged, [["sort"]])
      assert.deepStrictEqual(yield* Effect.promise(() => Promise.all(committed)), [2])
      yield* Fiber.interrupt(runner)
    }).pipe(
      Effect.provide(
        layer([reactor()]).pipe(
          Layer.provideMerge(watched),
          Layer.provideMerge(logLayer),
          Layer.provideMerge(Layer.fresh(DbTest))
        )
      )
    )
  })

  it.live("begin at the head or at the first event, as declared; a rebuild of a projection fires none", () =>
    withReactors(
      Effect.gen(function* () {
        const [log, reactors, projections] = [yield* EventLog, yield* Reactors, yield* Projections]
        yield* log.append(added("a", 1, 2))
        const runner = yield* Effect.forkChild(Effect.all([reactors.run, projections.run], { concurrency: 2 }))
        yield* until(
          "the late one has begun",
          Effect.map(reactors.status, (all) => all.some((one) => one.name === "late" && one.position === 2))
        )
        const { toPosition } = yield* log.append(added("a", 3))
        yield* reactors.waitFor("late", toPosition)
        yield* reactors.waitFor("sorter", toPosition)
        const before = yield* jobs
        assert.deepStrictEqual(
          before.map((one) => one.position),
          [1, 1, 2, 2, 3, 3, 3, 3]
        )
        yield* projections.rebuild("tally")
        yield* reactors.waitFor("sorter", toPosition)
        assert.deepStrictEqual([...(yield* jobs)], [...before])
        yield* Fiber.interrupt(runner)
      }),
      [reactor(), { ...reactor("now"), name: "late" }]
    )
  )

  it.live("park an event that they cannot react to, and hold only its stream", () =>
    withReactors(
      Effect.gen(function* () {
        const [log, reactors, projections] = [yield* EventLog, yield* Reactors, yield* Projections]
        const runner = yield* Effect.forkChild(reactors.run)
        yield* log.append(added("bad", 13))
        yield* log.append(added("bad", 1))
        const { toPosition } = yield* log.append(added("good", 2))
        yield* reactors.waitFor("sorter", toPosition)
        assert.deepStrictEqual(
          (yield* projections.parked).map((one) => [one.name, one.target, one.stream, one.reason]),
          [
            ["sorter", "jobs", "bad", "thirteen"],
            ["sorter", "jobs", "bad", null]
          ]
        )
        assert.deepStrictEqual(
          (yield* jobs).map((one) => one.position),
          [3, 3]
        )
        yield* Fiber.interrupt(runner)
      }),
      [
        {
          ...reactor(),
          react: (event) => {
            if (JSON.stringify(event.data) === `{"amount":13}`) throw new Error("thirteen")
            return reactor().react(event)
          }
        }
      ]
    )
  )
})

describe("job ids", () => {
  it("are version 5 UUIDs, differ by every part and never change", () => {
    const event = { position: 1, stream: "a" }
    const ids = [
      jobId(event, "r"),
      jobId(event, "r", "s"),
      jobId(event, "q"),
      jobId({ ...event, position: 2 }, "r"),
      jobId({ ...event, stream: "b" }, "r"),
      uuidV5("x")
    ]
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.strictEqual(jobId(event, "r"), "45986da0-311f-5bdc-9316-d1b4078b3db4")
  })
})
