/** A task of which nobody can tell: its slot, and how it is resolved. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { Slots } from "@signalbox/core/queue/Slots.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { makeTaskId, taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { taskProjection } from "@signalbox/core/task/projection.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { defaultHostLimit, dispatchHost } from "./dispatch.ts"
import { sweepSlots } from "./sweep.ts"
import { StartingPatienceMs } from "./watch-host.ts"

const LogTest = eventLogLayer.pipe(Layer.provideMerge(DbTest))
const services = Layer.unwrap(Effect.map(taskHome, (localHome) => workerServices({ name: "one", localHome }))).pipe(
  Layer.provideMerge(withoutModels),
  Layer.provideMerge(LogTest)
)

const tell = (taskId: string, command: TaskCommand) =>
  Effect.gen(function* () {
    const { position } = yield* (yield* Commands).execute({
      decider: taskDecider,
      types: taskEvents,
      stream: taskStream(taskId),
      command,
      commandId: crypto.randomUUID(),
      actor: "test"
    })
    return position
  })
/** … and the read model has seen it. */
const record = (taskId: string, command: TaskCommand) =>
  Effect.gen(function* () {
    yield* (yield* Projections).waitFor(taskProjection.name, yield* tell(taskId, command))
  })

let made = 0
const create = (command = "true") =>
  Effect.gen(function* () {
    const taskId = makeTaskId(Date.now() + 1000 * made++, crypto.getRandomValues(new Uint8Array(6)))
    const spec = { host: "local", tool: "shell", command, params: {}, priority: 0, after: [], sessionId: "s" }
    yield* tell(taskId, { _tag: "Create", created: { taskId, ...spec } })
    return taskId
  })

const until = (taskId: string, wanted: (task: TaskView) => boolean) =>
  Effect.gen(function* () {
    const commands = yield* Commands
    const seen = yield* (yield* EventLog).follow({ stream: taskStream(taskId) }).pipe(
      Stream.mapEffect(() => commands.load(taskDecider, taskEvents, taskStream(taskId))),
      Stream.map((loaded) => loaded.state),
      Stream.filter((task) => task !== undefined && wanted(task)),
      Stream.runHead
    )
    return yield* Effect.fromOption(seen)
  }).pipe(Effect.timeout("90 seconds"), Effect.orDie)

describe("an unknown task", () => {
  it.live("keeps its slot until there is evidence or its day is over", () =>
    Effect.gen(function* () {
      const [projections, slots, db] = [yield* Projections, yield* Slots, yield* Db]
      yield* Effect.forkScoped(projections.run)
      const ids = yield* Effect.forEach(Array.from({ length: defaultHostLimit + 2 }), () => create())
      const [first = "", second = ""] = ids
      const [next = "", last = ""] = ids.slice(-2)
      yield* record(last, { _tag: "Observe", report: {} }) // the read model has them all
      assert.strictEqual(yield* dispatchHost("local"), defaultHostLimit)
      yield* record(first, { _tag: "GiveUp", message: "?" })
      yield* record(second, { _tag: "GiveUp", message: "?" })
      const holders = Effect.map(slots.occupied, (list) => list.map((slot) => slot.taskId))

      assert.strictEqual(yield* dispatchHost("local"), 0)
      assert.includeMembers(yield* holders, [first, second])

      yield* record(first, { _tag: "RecordExit", exitCode: 0, report: {}, output: {} })
      assert.strictEqual(yield* dispatchHost("local"), 1)
      assert.include(yield* holders, next)
      assert.notInclude(yield* holders, first)

      yield* sweepSlots
      assert.include(yield* holders, second)
      yield* db.query(
        "let a day pass",
        (
          sql
        ) => sql`update read.task set view = jsonb_set(view::jsonb, '{updatedAt}', to_jsonb(now() - interval '25 hours'))::json
          where id = ${second}`
      )
      yield* sweepSlots
      assert.notInclude(yield* holders, second)
      assert.include(yield* holders, last)
    }).pipe(Effect.scoped, Effect.provide(services))
  )

  it.live(
    "is killed by a person when its host says that it never ran",
    () =>
      Effect.gen(function* () {
        const taskId = yield* create("echo must not run >&2")
        yield* tell(taskId, { _tag: "Dispatch" })
        yield* tell(taskId, { _tag: "GiveUp", message: "the connection broke" })
        yield* tell(taskId, { _tag: "RequestKill", reason: "person", graceMs: 100 })
        yield* Effect.forkScoped(runWorker)
        const task = yield* until(
          taskId,
          (one) => one.status !== "unknown" && one.kill !== null && one.finishedAt !== null
        )
        assert.deepStrictEqual([task?.status, task?.startedAt], ["killed", null])
      }).pipe(Effect.scoped, Effect.provide(services)),
    300_000
  )

  it.live(
    "has failed to start when its host answers for a while and knows nothing of it",
    () =>
      Effect.gen(function* () {
        const taskId = yield* create("echo must not run >&2")
        yield* tell(taskId, { _tag: "Dispatch" })
        yield* tell(taskId, { _tag: "GiveUp", message: "the connection broke" })
        yield* Effect.forkScoped(Effect.provideService(runWorker, StartingPatienceMs, 500))
        const task = yield* until(taskId, (one) => one.status === "failed")
        assert.match(task?.message ?? "", /^it never started: the connection broke before local had all of it$/)
      }).pipe(Effect.scoped, Effect.provide(services)),
    300_000
  )
})
