/**
 * Types what a person said into a task's terminal.
 *
 * Owns: the jobs of `task.message`, and what a person is told when it was not typed. Does not own: typing (`host/script`).
 * Invariants: a message is known on the host by the version of its event, so a job that runs twice types once; messages of a task
 * are typed in their order; a message that was not typed, or of which nobody can tell, is an event.
 */
import { Data, Effect, Result } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { TaskJob } from "@signalbox/core/task/jobs.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"
import { message, type Typed } from "../host/Runner.ts"
import { TaskCommands } from "./TaskCommands.ts"

/** It is on the host and will be typed when the program reads: ask again. */
class NotYetTyped extends Data.TaggedError("NotYetTyped")<{ readonly taskId: string }> {
  override get message(): string {
    return `the program of ${this.taskId} does not read what is typed; it gets the message when it does, or never`
  }
}

export const messageHandler = jobHandler({
  queue: queues.message.name,
  data: TaskJob,
  run: (job) =>
    Effect.gen(function* () {
      const found = yield* messageAt(job)
      if (found === undefined) return
      const { task, version, text } = found
      const view = yield* (yield* ReadModels).host(task.host)
      if (view === undefined) return yield* undelivered(task.taskId, version, `the host ${task.host} was removed`)
      const before = task.messages?.findLast((one) => one.version < version && one.problem === undefined)?.version ?? 0
      const typed = yield* message(hostConfig(view), task.taskId, { number: version, before, text }).pipe(
        Effect.catchTag("HostRefused", (error) => undelivered(task.taskId, version, error.message))
      )
      if (typed === undefined) return
      if (typed._tag === "pending") return yield* Effect.fail(new NotYetTyped({ taskId: task.taskId }))
      const reason = reasonOf(typed)
      if (reason !== undefined) yield* undelivered(task.taskId, version, reason)
    }),
  onExhausted: (job, { reason }) =>
    Effect.gen(function* () {
      const found = yield* messageAt(job)
      if (found === undefined) return
      yield* undelivered(found.task.taskId, found.version, `nobody can tell whether it was typed (${reason})`)
    }).pipe(
      Effect.catch((error) =>
        Effect.logError(`${job.taskId}: that a message did not arrive could not be recorded: ${error.message}`)
      )
    )
})

const messageAt = Effect.fnUntraced(function* (job: typeof TaskJob.Type) {
  const task: TaskView | undefined = yield* (yield* TaskCommands).load(job.taskId)
  const [event] = yield* (yield* EventLog).read({ from: job.position, limit: 1 })
  if (task === undefined || event === undefined || event.stream !== taskStream(job.taskId)) return undefined
  const decoded = taskEvents.decode(event)
  const sent = Result.isSuccess(decoded) ? decoded.success : undefined
  return sent?._tag === "TaskMessageSent" ? { task, version: event.version, text: sent.text } : undefined
})

const undelivered = (taskId: string, sent: number, reason: string) =>
  Effect.asVoid(
    Effect.flatMap(TaskCommands, (commands) =>
      commands.run(taskId, { _tag: "RecordUndelivered", sent, reason }, `undelivered/${sent}`)
    )
  )

const reasonOf = (typed: Exclude<Typed, { readonly _tag: "pending" }>): string | undefined => {
  switch (typed._tag) {
    case "typed":
      return undefined
    case "long-line":
      return `its program takes whole lines of at most ${typed.most} bytes and one of the message has ${typed.bytes}: break the line`
    case "ended":
      return "it ended before all of the message was typed"
    case "unreadable":
      return "the message could not be read on the host"
    case "not-interactive":
    case "absent":
      return "it has no terminal on its host any more"
  }
}
