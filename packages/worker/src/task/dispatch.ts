/**
 * Gives queued tasks their slots, most urgent first, within the limits of host and tool.
 *
 * Owns: who may start now. Does not own: the start (`launch.ts`), the limits (host configuration), the numbering (`Slots`).
 * Invariants: level-triggered — it looks at all queued tasks of a host, so a job that was lost is made up for by the next;
 * a slot without a starting task is given back, that of an unknown one when its watch is over (`watched.ts`); a task whose dependency did not succeed never starts and says why.
 */
import { Effect } from "effect"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { Projections } from "@signalbox/core/projection/Projection.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { Slots } from "@signalbox/core/queue/Slots.ts"
import { DispatchJob } from "@signalbox/core/task/jobs.ts"
import { taskProjection } from "@signalbox/core/task/projection.ts"
import { activeStatuses, settledStatuses, type TaskStatus } from "@signalbox/core/task/view.ts"
import { HostCommands } from "../host/HostCommands.ts"
import { dispatchKey, TaskCommands } from "./TaskCommands.ts"
import { releaseSettled } from "./watched.ts"

/** Tasks at once on a host that says nothing else. */
export const defaultHostLimit = 8
const unsuccessful = settledStatuses.filter((status) => status !== "succeeded")
/** A tool without a limit of its own is held back by the host's only. */
const unlimited = 1_000_000

export const dispatchHandler = jobHandler({
  queue: queues.dispatch.name,
  data: DispatchJob,
  run: (job) =>
    Effect.gen(function* () {
      yield* (yield* Projections).waitFor(taskProjection.name, job.position)
      const hosts = job.taskId === undefined ? [job.host ?? "local"] : yield* concerned(job.taskId)
      yield* Effect.forEach(hosts, dispatchHost, { discard: true })
    })
})

/** The task's own host, and the hosts of those that wait for it. */
const concerned = (taskId: string) =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query(
      "find the hosts to dispatch",
      (sql) => sql<{ host: string }[]>`
        select host from read.task where id = ${taskId}
        union select t.host from read.task_after a join read.task t on t.id = a.task_id
          where a.waits_for = ${taskId} and t.status = 'queued'`
    )
    return rows.map((row) => row.host)
  })

interface QueuedRow {
  readonly id: string
  readonly tool: string
  /** The first dependency that ended without success. */
  readonly failed: string | null
  readonly failed_status: TaskStatus | null
}

export const dispatchHost = Effect.fn("dispatchHost")(function* (name: string) {
  const db = yield* Db
  const slots = yield* Slots
  const commands = yield* TaskCommands
  const host = yield* Effect.flatMap(HostCommands, (hosts) => hosts.find(name))
  const { queued, granted } = yield* db.transaction(
    Effect.gen(function* () {
      // sent together, run one after the other: one round trip
      const [, rows] = yield* Effect.all([releaseSettled(name), readQueue(name)], { concurrency: "unbounded" })
      const wanted = rows.flatMap((row) =>
        row.failed !== null || host === undefined
          ? []
          : [{ taskId: row.id, tool: row.tool, ...limitsOf(host, row.tool) }]
      )
      return { queued: rows, granted: [...(yield* slots.grant(name, wanted))] }
    })
  )
  for (const row of queued) {
    // A host that was removed while tasks waited for it: nothing will ever start them.
    const message =
      row.failed !== null
        ? `${row.failed}, which it waits for, ended ${(row.failed_status ?? "unknown").replace("_", " ")}`
        : `the host ${name} was removed`
    if (row.failed !== null || host === undefined)
      yield* commands.run(row.id, { _tag: "FailDependency", message }, "dependency")
  }
  for (const taskId of granted) {
    const after = yield* commands.run(taskId, { _tag: "Dispatch" }, dispatchKey)
    // Another dispatcher may have been faster: it may run by now, and then the slot is its own.
    const mayRun = after !== undefined && (activeStatuses.includes(after.status) || after.status === "unknown")
    if (!mayRun) yield* slots.release(taskId)
  }
  return granted.length
})

/** The stricter of the host's number and, for the tool, its own on this host. */
export const limitsOf = (
  host: HostConfig,
  tool: string
): { readonly hostLimit: number; readonly toolLimit: number } => ({
  hostLimit: Math.max(1, host.defaults.maxTasks ?? defaultHostLimit),
  toolLimit: Math.max(1, host.tools?.[tool]?.maxTasks ?? unlimited)
})

/** What may start now, and what never will: due tasks whose dependencies have all ended, or one of them without success. */
export const readQueue = (host: string) =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "read the queue",
      (sql) => sql<QueuedRow[]>`
        select t.id, t.tool,
          min(a.waits_for) filter (where d.status in ${sql(unsuccessful)}) as failed,
          min(d.status) filter (where d.status in ${sql(unsuccessful)}) as failed_status
        from read.task t
        left join read.task_after a on a.task_id = t.id
        left join read.task d on d.id = a.waits_for
        where t.host = ${host} and t.status = 'queued' and coalesce((t.view ->> 'startAt')::timestamptz <= now(), true)
        group by t.id
        having coalesce(bool_and(coalesce(d.status, 'gone') = 'succeeded') filter (where a.waits_for is not null), true)
          or bool_or(d.status in ${sql(unsuccessful)})
        order by t.priority desc, t.created_at, t.id
        limit 1000`
    )
  )
