import { createHash, randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Commands } from "../log/Commands.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { Projections } from "../projection/Projection.ts"
import { layer as projectionsLayer } from "../projection/ProjectionsLive.ts"
import { roomProjections } from "../projection/rooms.ts"
import type { TaskCommand } from "../task/decider.ts"
import { taskEvents, type TaskSpec, taskStream } from "../task/events.ts"
import { taskDecider } from "../task/room.ts"
import { ReadModels, type TaskFilter } from "./ReadModels.ts"
import { ReadModelsLive, taskList } from "./ReadModelsLive.ts"

const Services = Layer.mergeAll(ReadModelsLive, Commands.layer).pipe(
  Layer.provideMerge(projectionsLayer(roomProjections)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

let number = 0
const say = (taskId: string, command: TaskCommand) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: taskDecider,
      types: taskEvents,
      stream: taskStream(taskId),
      command,
      commandId: randomUUID(),
      actor: "test"
    })
  )
const create = (spec: Partial<TaskSpec>) =>
  Effect.gen(function* () {
    const taskId = `task-20261120-143022-${(++number).toString(36).padStart(6, "0")}`
    const created = {
      taskId,
      host: "local",
      tool: "shell",
      command: "true",
      params: {},
      priority: 0,
      after: [],
      ...spec
    }
    const { position } = yield* say(taskId, { _tag: "Create", created: { ...created, sessionId: randomUUID() } })
    return { taskId, position }
  })

layer(Services, { timeout: 300_000, excludeTestServices: true })("read models", (it) => {
  it.effect("list tasks newest first by host, tool, status, age and text, a page at a time, without their bulk", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild((yield* Projections).run)
      const models = yield* ReadModels
      const big = yield* create({ command: `Ärger ${"x".repeat(5000)}`, context: "secret plan", host: "web1" })
      const other = yield* create({ command: "100%_sure?", tool: "claude" })
      const last = yield* create({ command: "plain", host: "web1" })
      yield* say(last.taskId, { _tag: "RecordLaunch", pid: 1, bootId: "b", adopted: false })
      const { position } = yield* say(last.taskId, {
        _tag: "RecordExit",
        exitCode: 1,
        report: { answer: "the disk was full" },
        output: {}
      })
      yield* models.waitFor(position)
      const ids = (filter: Partial<TaskFilter>) =>
        Effect.map(models.tasks({ limit: 10, ...filter }), (tasks) => tasks.map((task) => task.taskId))
      assert.deepStrictEqual(yield* ids({}), [last.taskId, other.taskId, big.taskId])
      assert.deepStrictEqual(yield* ids({ host: "web1" }), [last.taskId, big.taskId])
      assert.deepStrictEqual(yield* ids({ tool: "claude" }), [other.taskId])
      assert.deepStrictEqual(yield* ids({ status: ["failed", "killed"] }), [last.taskId])
      assert.deepStrictEqual(yield* ids({ text: "ärger" }), [big.taskId])
      assert.deepStrictEqual(yield* ids({ text: "0%_s" }), [other.taskId])
      assert.deepStrictEqual(yield* ids({ text: "DISK WAS" }), [last.taskId])
      assert.deepStrictEqual(yield* ids({ since: "2199-01-01T00:00:00Z" }), [])
      assert.deepStrictEqual(yield* ids({ since: "2026-01-01T00:00:00Z", limit: 1 }), [last.taskId])
      assert.deepStrictEqual(yield* ids({ before: other.taskId }), [big.taskId])
      const [brief] = yield* models.tasks({ limit: 1, host: "web1", status: ["queued"] })
      assert.strictEqual(brief?.command.length, 300)
      assert.isUndefined(brief?.context)
      assert.strictEqual((yield* models.task(big.taskId))?.context, "secret plan")
      assert.strictEqual((yield* models.host("local"))?.tasks.queued, 1)
    })
  )

  it.effect("are the same after a rebuild", () =>
    Effect.gen(function* () {
      const projections = yield* Projections
      const db = yield* Db
      yield* Effect.forkChild(projections.run)
      const { position } = yield* create({ command: "again" })
      yield* projections.waitFor("task", position)
      const sum = Effect.map(
        db.query("read all", (sql) => sql`select to_json(t)::text as row from read.task t order by id`),
        (rows) => createHash("sha256").update(JSON.stringify(rows)).digest("hex")
      )
      const before = yield* sum
      const rebuilt = yield* projections.rebuild("task")
      assert.strictEqual(rebuilt.parked, 0)
      assert.isAbove(rebuilt.events, 3)
      assert.strictEqual(yield* sum, before)
    })
  )

  it.effect("answer the usual questions by an index at 50,000 tasks", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query(
        "make tasks",
        (sql) => sql`insert into read.task (id, version, view, brief)
          select 'task-20250101-000000-' || lpad(n::text, 6, '0'), 1, v, v from (select n, json_build_object('host', 'h' || n % 50, 'tool', 'shell',
            'status', case when n % 500 = 0 then 'queued' else 'succeeded' end, 'priority', 0,
            'createdAt', to_char(timestamp '2025-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) as v
          from generate_series(1, 50000) n) made`
      )
      yield* db.query("analyze", (sql) => sql`analyze read.task`)
      const explain = (filter: TaskFilter) =>
        Effect.map(
          db.query("explain", (sql) => {
            const described = sql`explain ${taskList(sql, filter)}`
            return described
          }),
          (rows) => rows.map((row) => String(row["QUERY PLAN"])).join("\n")
        )
      for (const filter of [
        { limit: 50 },
        { limit: 50, host: "h7" },
        { limit: 50, host: "h7", status: ["queued"] as const },
        { limit: 50, since: "2025-01-01T13:00:00Z" }
      ]) {
        const plan = yield* explain(filter)
        assert.notMatch(plan, /Seq Scan/, `${JSON.stringify(filter)}\n${plan}`)
      }
    })
  )
})
