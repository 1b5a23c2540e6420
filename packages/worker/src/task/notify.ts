/**
 * Tells the targets of a task that it has ended.
 *
 * Owns: the jobs of `task.notify`: one POST per target, tried for about half an hour. Does not own: who is a target (the task),
 * alerts and their channels.
 * Invariants: no target waits for another that does not answer; a target that was told is not told again by us; every request of one task and target carries the same
 * Idempotency-Key, because a worker may die between the answer and its record; a URL that is a secret is named, never logged.
 */
import { Data, Effect, Option, Result } from "effect"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { TaskJob } from "@signalbox/core/task/jobs.ts"
import { briefTask, isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { variable } from "./secrets.ts"
import { TaskCommands } from "./TaskCommands.ts"

const timeoutMs = 15_000

class NotTold extends Data.TaggedError("NotTold")<{ readonly target: string; readonly reason: string }> {
  override get message(): string {
    return `${this.target} was not told: ${this.reason}`
  }
}

export const notifyHandler = jobHandler({
  queue: queues.notify.name,
  data: TaskJob,
  run: (job) =>
    Effect.gen(function* () {
      const commands = yield* TaskCommands
      const task = yield* commands.load(job.taskId)
      if (task === undefined || !isSettled(task.status)) return
      const told = yield* Effect.forEach(
        open(task),
        (target) =>
          Effect.andThen(
            tell(task, target),
            commands.run(task.taskId, { _tag: "RecordNotified", target }, `notified/${target}`)
          ).pipe(Effect.result),
        { concurrency: "unbounded" }
      )
      const failed = told.find(Result.isFailure)
      if (failed !== undefined) return yield* Effect.fail(failed.failure)
    }),
  onExhausted: (job, { reason }) =>
    Effect.gen(function* () {
      const commands = yield* TaskCommands
      const task = yield* commands.load(job.taskId)
      if (task === undefined) return
      for (const target of open(task))
        yield* commands.run(task.taskId, { _tag: "RecordNotified", target, problem: reason }, `notified/${target}`)
    }).pipe(
      Effect.catch((error) =>
        Effect.logError(`${job.taskId}: that nobody was told could not be recorded: ${error.message}`)
      )
    )
})

const open = (task: TaskView): ReadonlyArray<string> =>
  (task.notify ?? []).filter((target) => task.notified?.some((one) => one.target === target) !== true)

const tell = (task: TaskView, target: string) =>
  Effect.gen(function* () {
    const url = yield* urlOf(target)
    const response = yield* Effect.tryPromise({
      try: (signal) =>
        fetch(url, {
          method: "POST",
          redirect: "error",
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
          headers: {
            "content-type": "application/json",
            "idempotency-key": uuidV5(JSON.stringify(["notify", task.taskId, target]))
          },
          body: JSON.stringify({ text: sentence(task), task: briefTask(task) })
        }).then(async (answer) => {
          await answer.body?.cancel()
          return answer
        }),
      catch: (cause) => new NotTold({ target, reason: why(cause) })
    })
    if (!response.ok) return yield* new NotTold({ target, reason: `it answered ${response.status}` })
  })

const urlOf = (target: string) =>
  target.startsWith("env:")
    ? Effect.flatMap(variable(target.slice(4)), (value) =>
        Option.match(value, {
          onNone: () => Effect.fail(new NotTold({ target, reason: "the variable is not set where the worker runs" })),
          onSome: (url) =>
            /^https?:\/\//.test(url)
              ? Effect.succeed(url)
              : Effect.fail(new NotTold({ target, reason: "the variable does not hold an http(s) URL" }))
        })
      ).pipe(Effect.catchTag("ConfigError", (error) => Effect.fail(new NotTold({ target, reason: error.message }))))
    : Effect.succeed(target)

/** `text` is what chat services show. */
export const sentence = (task: TaskView): string => {
  const how =
    task.message === null ? task.status.replace("_", " ") : `${task.status.replace("_", " ")}: ${task.message}`
  return `${task.taskId} (${task.tool} on ${task.host}) ${how}`
}

/** The cause's own words, without the URL. */
const why = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === "TimeoutError") return `no answer within ${timeoutMs / 1000} s`
  return cause.cause instanceof Error && "code" in cause.cause ? String(cause.cause.code) : cause.message
}
