/** The short way to a process: it is taken, it gives way to everything else, and whatever dies in the middle, a task runs once. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Option } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { startChild } from "../../../../test/support/child.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { until as eventually } from "../../../../test/support/until.ts"
import {
  createTask as create,
  executeTask as execute,
  taskSettled as settled,
  taskWhen as until
} from "../../../../test/support/tasked.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { taskStream } from "@signalbox/core/task/events.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { Standby } from "../host/Standby.ts"
import { Transport } from "../host/Transport.ts"
import { runWorker, workerServices } from "../Worker.ts"

const LogTest = Layer.mergeAll(Commands.layer, TaskOutput.layer).pipe(
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(Layer.fresh(DbTest))
)
const services = (name: string, localHome: string) =>
  workerServices({ name, localHome }).pipe(Layer.provideMerge(withoutModels))

const eventsOf = (taskId: string) =>
  Effect.flatMap(EventLog, (log) => log.read({ stream: taskStream(taskId), limit: 100 }))
const dispatchedDirectly = (taskId: string) =>
  Effect.map(eventsOf(taskId), (events) =>
    events.some((event) => event.type === "TaskDispatched" && JSON.stringify(event.data).includes('"direct":true'))
  )

/** Tasks one after the other until one goes the short way: the first ones make a launcher stand by. */
const untilDirect = (command: string, how: (taskId: string) => Effect.Effect<boolean, unknown, Commands | EventLog>) =>
  eventually(
    "a task goes the short way",
    Effect.gen(function* () {
      const taskId = yield* create(command)
      return (yield* Effect.orDie(how(taskId))) ? taskId : undefined
    }),
    "120 seconds"
  )
const directOnceSettled = (taskId: string) => Effect.andThen(settled(taskId), dispatchedDirectly(taskId))

/** What each run writes down: whoever runs twice is there twice. */
const witness = (home: string): string => `echo "$SIGNALBOX_TASK" >>${home}/runs`
const runsOf = (home: string, taskId: string): number =>
  existsSync(join(home, "runs"))
    ? readFileSync(join(home, "runs"), "utf8")
        .split("\n")
        .filter((line) => line === taskId).length
    : 0

const jobsActive = (queue: string) =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "count running jobs",
      (sql) =>
        sql<{ n: number }[]>`select count(*)::int as n from pgboss.job where name = ${queue} and state = 'active'`
    )
  ).pipe(
    Effect.map((rows) => rows[0]?.n ?? 0),
    Effect.orDie
  )

/** A worker whose direct launches wait for the gate after mark, event and files, and before the last word. */
const gated = (name: string, home: string, reached: Deferred.Deferred<string>, gate: Deferred.Deferred<void>) =>
  Layer.effect(
    Standby,
    Effect.map(Standby, (standby) =>
      Standby.of({
        ...standby,
        take: (host) =>
          Effect.map(
            standby.take(host),
            Option.map((launcher) => ({
              ...launcher,
              stage: (taskId, files) =>
                Effect.map(launcher.stage(taskId, files), ({ launch }) => ({
                  launch: Deferred.succeed(reached, taskId).pipe(
                    Effect.andThen(Deferred.await(gate)),
                    Effect.andThen(launch)
                  )
                }))
            }))
          )
      })
    )
  ).pipe(Layer.provideMerge(services(name, home)))

describe("the direct launch", () => {
  it.live("is taken where a launcher stands by, and the jobs find nothing left to do", () =>
    Effect.gen(function* () {
      const home = yield* taskHome
      yield* Effect.forkScoped(runWorker.pipe(Effect.provide(services("one", home))))
      const taskId = yield* untilDirect(witness(home), directOnceSettled)
      const events = yield* eventsOf(taskId)
      assert.deepStrictEqual(
        events.slice(0, 3).map((event) => event.type),
        ["TaskCreated", "TaskDispatched", "TaskLaunched"]
      )
      assert.include(JSON.stringify(events[2]?.data), '"adopted":false')
      assert.strictEqual((yield* settled(taskId))?.status, "succeeded")
      assert.strictEqual(runsOf(home, taskId), 1)
      const task = yield* until(yield* create("sleep 600", { tool: "shell" }), (one) => one.status === "running")
      yield* execute(task?.taskId ?? "", { _tag: "RequestKill", reason: "person", graceMs: 100 })
      assert.strictEqual((yield* settled(task?.taskId ?? ""))?.status, "killed")
    }).pipe(Effect.scoped, Effect.provide(LogTest))
  )

  it.live(
    "that takes its time is not doubled by its job, which waits for it in the same worker",
    () =>
      Effect.gen(function* () {
        const home = yield* taskHome
        const [reached, gate] = [yield* Deferred.make<string>(), yield* Deferred.make<void>()]
        yield* Effect.forkScoped(runWorker.pipe(Effect.provide(gated("one", home, reached, gate))))
        const taskId = yield* untilDirect(witness(home), (id) =>
          Effect.raceFirst(Effect.as(Deferred.await(reached), true), Effect.as(settled(id), false))
        )
        yield* eventually(
          "its launch job runs, some seconds later",
          Effect.map(jobsActive("task.launch"), (n) => n === 1)
        )
        assert.strictEqual(runsOf(home, taskId), 0)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual((yield* settled(taskId))?.status, "succeeded")
        yield* eventually(
          "its launch job has ended",
          Effect.map(jobsActive("task.launch"), (n) => n === 0)
        )
        assert.strictEqual(runsOf(home, taskId), 1)
        const launches = (yield* eventsOf(taskId)).filter((event) => event.type === "TaskLaunched")
        assert.lengthOf(launches, 1)
      }).pipe(Effect.scoped, Effect.provide(LogTest)),
    300_000
  )

  it.live(
    "finds a kill that came between the mark and the first byte: nothing runs, and it is known that nothing ran",
    () =>
      Effect.gen(function* () {
        const home = yield* taskHome
        const [reached, gate] = [yield* Deferred.make<string>(), yield* Deferred.make<void>()]
        yield* Effect.forkScoped(runWorker.pipe(Effect.provide(gated("one", home, reached, gate))))
        const taskId = yield* untilDirect(witness(home), (id) =>
          Effect.raceFirst(Effect.as(Deferred.await(reached), true), Effect.as(settled(id), false))
        )
        yield* execute(taskId, { _tag: "RequestKill", reason: "person", graceMs: 100 })
        const task = yield* settled(taskId)
        assert.deepStrictEqual([task?.status, task?.startedAt], ["killed", null])
        yield* Deferred.succeed(gate, undefined)
        const next = yield* create(witness(home)) // goes by the jobs or directly, after the late input has come to the host
        assert.strictEqual((yield* settled(next))?.status, "succeeded")
        yield* eventually(
          "the late launch has come to its end",
          Effect.map(jobsActive("task.launch"), (n) => n === 0)
        )
        assert.strictEqual(runsOf(home, taskId), 0)
      }).pipe(Effect.scoped, Effect.provide(LogTest)),
    300_000
  )

  it.live(
    "is not for a task that somebody waits in front of, nor beyond the limit, nor for one that waits itself",
    () =>
      Effect.gen(function* () {
        const home = yield* taskHome
        yield* Effect.forkScoped(runWorker.pipe(Effect.provide(services("one", home))))
        yield* untilDirect("true", directOnceSettled)
        const eight = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () =>
          create(`until [ -f ${home}/go ]; do sleep 0.05; done`)
        )
        yield* Effect.forEach(eight, (id) => until(id, (task) => task.status === "running"), { concurrency: 8 })
        const [low, high] = [yield* create("true", { priority: 1 }), yield* create("true", { priority: 2 })]
        const later = yield* create("true", { after: [low] })
        assert.deepStrictEqual(
          (yield* Effect.forEach([low, high, later], dispatchedDirectly)).filter((direct) => direct),
          []
        )
        yield* execute(eight[0] ?? "", { _tag: "RequestKill", reason: "person", graceMs: 100 })
        const [a, b] = [yield* settled(high), yield* settled(low)]
        assert.isBelow(Date.parse(a?.startedAt ?? ""), Date.parse(b?.startedAt ?? ""))
        assert.strictEqual((yield* settled(later))?.status, "succeeded")
        assert.isFalse(yield* dispatchedDirectly(later))
      }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})

describe("a launch by its job", () => {
  it.live(
    "finds a kill that came between the mark and the first byte: nothing runs, and it is known that nothing ran",
    () =>
      Effect.gen(function* () {
        const home = yield* taskHome
        const [reached, gate] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = Layer.effect(
          Transport,
          Effect.map(Transport, (transport) =>
            Transport.of({
              ...transport,
              exec: (host, command, how) =>
                transport.exec(host, command, {
                  ...how,
                  ...(how?.beforeInput === undefined
                    ? {}
                    : {
                        beforeInput: how.beforeInput.pipe(
                          Effect.tap(() => Deferred.succeed(reached, undefined)),
                          Effect.tap(() => Deferred.await(gate))
                        )
                      })
                })
            })
          )
        ).pipe(Layer.provideMerge(services("one", home)))
        yield* Effect.forkScoped(runWorker.pipe(Effect.provide(slow)))
        const taskId = yield* create(witness(home))
        yield* Deferred.await(reached)
        yield* execute(taskId, { _tag: "RequestKill", reason: "person", graceMs: 100 })
        const task = yield* settled(taskId)
        assert.deepStrictEqual([task?.status, task?.startedAt], ["killed", null])
        yield* Deferred.succeed(gate, undefined)
        yield* eventually(
          "the late launch has come to its end",
          Effect.map(jobsActive("task.launch"), (n) => n === 0)
        )
        assert.strictEqual(runsOf(home, taskId), 0)
        assert.isFalse(existsSync(join(home, ".signalbox/tasks", taskId, "pid")))
      }).pipe(Effect.scoped, Effect.provide(LogTest))
  )
})

// All at once: each is a home and a database of its own that mostly waits for the dead worker's lease to expire.
describe("a worker that is killed in the middle of a direct launch", { concurrent: true }, () => {
  for (const point of ["here", "taken", "staged", "dispatched", "go", "sent"] as const)
    it.live(
      `(${point}) leaves a task that another worker brings to its end, and that runs once`,
      () =>
        Effect.gen(function* () {
          const home = yield* taskHome
          const { url } = yield* Db
          const child = yield* startChild("direct-worker.ts", { url, home, point })
          const taskId = yield* untilDirect(witness(home), (id) =>
            Effect.raceFirst(Effect.as(child.ended, true), Effect.as(settled(id), false))
          )
          assert.strictEqual((yield* child.ended).how, "SIGKILL")
          const before = (yield* eventsOf(taskId)).map((event) => event.type)
          const wanted =
            point === "here" || point === "taken" || point === "staged"
              ? ["TaskCreated"]
              : ["TaskCreated", "TaskDispatched"]
          // The log may be one event ahead of a worker that died at its own next step, never behind.
          assert.deepStrictEqual(before.slice(0, wanted.length), wanted)
          assert.notInclude(before, "TaskLaunched")
          yield* Effect.forkScoped(runWorker.pipe(Effect.provide(services("two", home))))
          const task = yield* settled(taskId)
          assert.deepStrictEqual([task?.status, task?.exitCode], ["succeeded", 0])
          assert.strictEqual(runsOf(home, taskId), 1)
          const next = yield* create("true") // its slot was given back, and the host takes tasks
          assert.strictEqual((yield* settled(next))?.status, "succeeded")
        }).pipe(Effect.scoped, Effect.provide(LogTest)),
      300_000
    )
})
