/**
 * `ReadModels` over the tables of the schema `read`.
 *
 * Owns: the SQL of the edges' questions. Does not own: how the tables are filled.
 * Invariants: what is stored is decoded with the views' schemas, so an answer is a view or an error, never a guess; `local` is
 * always among the hosts.
 */
import { Effect, Layer, Schema } from "effect"
import { HostView, initialHost } from "../host/view.ts"
import { Db, type Sql } from "../postgres/Db.ts"
import { ALL, Projections } from "../projection/Projection.ts"
import { ScheduleView } from "../schedule/decider.ts"
import { ToolView } from "../tool/decider.ts"
import { activeStatuses, TaskView } from "../task/view.ts"
import type { HostStatus } from "./contract.ts"
import { ReadModels, type TaskFilter } from "./ReadModels.ts"

const decodeTask = Schema.decodeUnknownSync(Schema.toCodecJson(TaskView))
const decodeHost = Schema.decodeUnknownSync(Schema.toCodecJson(HostView))
const decodeTool = Schema.decodeUnknownSync(Schema.toCodecJson(ToolView))
const decodeSchedule = Schema.decodeUnknownSync(Schema.toCodecJson(ScheduleView))

export const ReadModelsLive: Layer.Layer<ReadModels, never, Db | Projections> = Layer.effect(
  ReadModels,
  Effect.gen(function* () {
    const db = yield* Db
    const projections = yield* Projections

    const tasks = (filter: TaskFilter) =>
      Effect.map(
        db.query("list tasks", (sql) => taskList(sql, filter)),
        (rows) => rows.map((row) => decodeTask(row.brief))
      )
    const task = (taskId: string) =>
      Effect.map(
        db.query("read a task", (sql) => sql<{ view: unknown }[]>`select view from read.task where id = ${taskId}`),
        ([row]) => (row === undefined ? undefined : decodeTask(row.view))
      )

    const hostRows = (name: string | null) =>
      Effect.gen(function* () {
        const rows = yield* db.query(
          "list hosts",
          (sql) => sql<{ view: unknown }[]>`
            select view from read.host where not removed ${name === null ? sql`` : sql`and id = ${name}`} order by id`
        )
        const counts = yield* db.query(
          "count tasks by host",
          (sql) => sql<{ host: string; queued: number; active: number; settled: number }[]>`
            select host, count(*) filter (where status = 'queued')::int as queued,
              count(*) filter (where status in ${sql(activeStatuses)})::int as active,
              count(*) filter (where status <> 'queued' and status not in ${sql(activeStatuses)})::int as settled
            from read.task ${name === null ? sql`` : sql`where host = ${name}`} group by host`
        )
        const watchers = yield* db.query(
          "list watchers",
          (sql) => sql<{ name: string; holder: string }[]>`
            select name, holder from queue.lease where name like 'watch/%' and expires_at > now()`
        )
        const byHost = new Map(counts.map((row) => [row.host, row]))
        const watching = new Map(watchers.map((row) => [row.name.slice("watch/".length), row.holder]))
        const views = rows.map((row) => decodeHost(row.view))
        const local = initialHost("local")
        const all =
          views.some((view) => view.name === "local") || local === undefined || (name !== null && name !== "local")
            ? views
            : [local, ...views]
        return all
          .toSorted((a, b) => Number(b.name === "local") - Number(a.name === "local"))
          .map((view): HostStatus => {
            const { queued, active, settled } = byHost.get(view.name) ?? { queued: 0, active: 0, settled: 0 }
            return { ...view, tasks: { queued, active, settled }, watcher: watching.get(view.name) ?? null }
          })
      })

    return ReadModels.of({
      tasks,
      task,
      hosts: hostRows(null),
      host: (name) => Effect.map(hostRows(name), ([host]) => host),
      tools: Effect.map(
        db.query("list tools", (sql) => sql<{ view: unknown }[]>`select view from read.tool order by id`),
        (rows) => rows.map((row) => decodeTool(row.view)).filter((tool) => !tool.removed)
      ),
      schedules: Effect.map(
        db.query(
          "list schedules",
          (sql) => sql<{ view: unknown }[]>`select view from read.schedule where status <> 'removed' order by id`
        ),
        (rows) => rows.map((row) => decodeSchedule(row.view))
      ),
      position: Effect.map(projections.status, (all) => {
        const serving = all.filter((one) => one.target === "read")
        return serving.length === 0 ? 0 : Math.min(...serving.map((one) => one.position))
      }),
      waitFor: (position) => Effect.orDie(projections.waitFor(ALL, position))
    })
  })
)

/** Exported for the test that EXPLAINs it. */
export const taskList = (sql: Sql, filter: TaskFilter) => sql<{ brief: unknown }[]>`
  select brief from read.task
  where true
    ${filter.host === undefined ? sql`` : sql`and host = ${filter.host}`}
    ${filter.tool === undefined ? sql`` : sql`and tool = ${filter.tool}`}
    ${filter.status === undefined || filter.status.length === 0 ? sql`` : sql`and status in ${sql(filter.status)}`}
    ${filter.since === undefined ? sql`` : sql`and created_at >= ${microseconds(filter.since)}`}
    ${
      filter.text === undefined
        ? sql``
        : sql`and strpos(lower(id || ' ' || (view ->> 'command') || ' ' || coalesce(view -> 'report' ->> 'answer', '')), ${filter.text.toLowerCase()}) > 0`
    }
    ${
      filter.before === undefined
        ? sql``
        : sql`and (created_at, id) < (select created_at, id from read.task where id = ${filter.before})`
    }
  order by created_at desc, id desc limit ${filter.limit}`

/** Text order is time order only when every time has the same number of digits. */
const microseconds = (iso: string): string => new Date(iso).toISOString().replace("Z", "000Z")
