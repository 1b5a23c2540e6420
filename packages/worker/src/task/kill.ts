/**
 * Ends a task's process: TERM, grace, KILL.
 *
 * Owns: the jobs of `task.kill`. Does not own: the outcome of a process that ran: the watcher finds the exit and records it.
 * Invariants: a task of which nothing was sent to its host is killed without asking the host, which may be out of reach; any
 * other is tried until the host has answered; a late launch of a task that was never started does nothing on the host.
 */
import { Effect } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { TaskJob } from "@signalbox/core/task/jobs.ts"
import { isSettled } from "@signalbox/core/task/view.ts"
import { kill } from "../host/Runner.ts"
import { TaskCommands } from "./TaskCommands.ts"

export const killHandler = jobHandler({
  queue: queues.kill.name,
  data: TaskJob,
  run: (job) =>
    Effect.gen(function* () {
      const commands = yield* TaskCommands
      const task = yield* commands.load(job.taskId)
      if (task === undefined || task.kill === null || (isSettled(task.status) && task.status !== "unknown")) return
      // Of an unknown one something was sent, whether its slot is still there or not: only the host can tell.
      if (task.status !== "unknown" && task.startedAt === null && (yield* withdraw(task.taskId)))
        return yield* commands.run(task.taskId, { _tag: "RecordNeverStarted" }, "never-started")
      const view = yield* (yield* ReadModels).host(task.host)
      if (view === undefined) return
      const outcome = yield* kill(hostConfig(view), task.taskId, Math.ceil(task.kill.graceMs / 100))
      if (outcome._tag === "never-started")
        yield* commands.run(task.taskId, { _tag: "RecordNeverStarted" }, "never-started")
    })
})

/**
 * Takes the slot away while nothing was sent. A launch marks the same row before it sends, so one of the two wins. No row at all:
 * it was taken away already, by a job that died before it could record that.
 */
const withdraw = (taskId: string) =>
  Effect.gen(function* () {
    const db = yield* Db
    const taken = yield* db.query(
      "withdraw a launch",
      (sql) => sql`delete from queue.slot where task_id = ${taskId} and sent_at is null returning 1`
    )
    if (taken.length > 0) return true
    const left = yield* db.query(
      "see whether the launch was sent",
      (sql) => sql`select 1 from queue.slot where task_id = ${taskId}`
    )
    return left.length === 0
  })
