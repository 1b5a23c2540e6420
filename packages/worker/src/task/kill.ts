/**
 * Ends a task's process: TERM, grace, KILL.
 *
 * Owns: the jobs of `task.kill`. Does not own: the outcome of a process that ran: the watcher finds the exit and records it.
 * Invariants: tried until the host has answered; a task that was never started is recorded as killed and a late launch of it
 * does nothing on the host.
 */
import { Effect } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
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
      if (task === undefined || isSettled(task.status) || task.kill === null) return
      const view = yield* (yield* ReadModels).host(task.host)
      if (view === undefined) return
      const outcome = yield* kill(hostConfig(view), task.taskId, Math.ceil(task.kill.graceMs / 100))
      if (outcome._tag === "never-started")
        yield* commands.run(task.taskId, { _tag: "RecordNeverStarted" }, "never-started")
    })
})
