/** A task of which nobody can tell: its slot, and how it is resolved. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { createTask as create, executeTask as tell, taskWhen as until } from "../../../../test/support/tasked.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { Slots } from "@signalbox/core/queue/Slots.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { taskProjection } from "@signalbox/core/task/projection.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { defaultHostLimit, dispatchHost } from "./dispatch.ts"
import { sweepSlots } from "./sweep.ts"
import { StartingPatienceMs } from "./watch-host.ts"

const LogTest = eventLogLayer.pipe(Layer.provideMerge(DbTest))
const services = Layer.unwrap(Effect.map(taskHome, (localHome) => workerServices({ name: "one", localHome }))).pipe(
  Layer.provideMerge(withoutModels),
  Layer.provideMerge(LogTest)
)

/** … and the read model has seen it. */
const record = (taskId: string, command: TaskCommand) =>
  Effect.gen(function* () {
    const { position } = yield* tell(taskId, command)
    yield* (yield* Projections).waitFor(taskProjection.name, position)
  })

describe("an unknown task", () => {
  it.live("keeps its slot until there is evidence or its day is over", () =>
    Effect.gen(function* () {
      const [projections, slots, db] = [yield* Projections, yield* Slots, yield* Db]
      yield* Effect.forkScoped(projections.run)
      const ids = yield* Effect.forEach(Array.from({ length: defaultHostLimit + 2 }), () => create("true"))
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
