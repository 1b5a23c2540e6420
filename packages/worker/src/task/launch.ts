/**
 * Starts a task on its host, once.
 *
 * Owns: the act between TaskDispatched and a process: files, tmux, refusals; TaskLaunched when the host's answer names the process.
 * Does not own: noticing a process that shows itself later (the watcher).
 * Invariants: the runner's directory on the host decides whether the task was started, so a job that runs twice adopts; the
 * mark `sent_at` is set before a byte of it is sent, so that after the last attempt "never started" and "unknown" are told apart;
 * a kill that found the mark unset has taken the slot away (`kill.ts`), and then nothing is sent.
 */
import { Data, Effect, Option } from "effect"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { hostConfig, type HostView } from "@signalbox/core/host/view.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { TaskJob } from "@signalbox/core/task/jobs.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"
import { launchOf } from "@signalbox/core/tool/launch.ts"
import { findTool } from "@signalbox/core/tool/Toolbox.ts"
import { HostCommands } from "../host/HostCommands.ts"
import { pinFirstKey } from "../host/keys.ts"
import { launch, type Launched } from "../host/Runner.ts"
import { Standby } from "../host/Standby.ts"
import { Direct } from "./Direct.ts"
import { invocationOf, launchFiles, settingsOf } from "./launch-files.ts"
import { variable } from "./secrets.ts"
import { TaskCommands } from "./TaskCommands.ts"

export const launchHandler = jobHandler({
  queue: queues.launch.name,
  data: TaskJob,
  run: (job) =>
    Effect.gen(function* () {
      yield* (yield* Direct).over(job.taskId)
      const task = yield* (yield* TaskCommands).load(job.taskId)
      if (task === undefined || task.status !== "starting" || task.startedAt !== null || task.kill !== null) return
      yield* launchTask(task).pipe(
        Effect.catch((error) => (isFinal(error) ? fail(task.taskId, error.message) : Effect.fail(error)))
      )
    }),
  onExhausted: (job, { reason }) =>
    Effect.gen(function* () {
      const db = yield* Db
      const [slot] = yield* db.query(
        "see whether the launch was sent",
        (sql) =>
          sql<{ sent: boolean }[]>`select sent_at is not null as sent from queue.slot where task_id = ${job.taskId}`
      )
      if (slot?.sent !== true) return yield* fail(job.taskId, reason)
      const message = `the connection broke while it was being started, so nobody can tell yet whether it runs (${reason})`
      yield* (yield* TaskCommands).run(job.taskId, { _tag: "GiveUp", message }, "give-up")
    }).pipe(
      Effect.catch((error) =>
        Effect.logError(`${job.taskId}: its failed launch could not be recorded: ${error.message}`)
      )
    )
})

/** Trying again does not help: the person is told, with the mend. What was not understood may hide a started task: not final. */
export const isFinal = (error: Effect.Error<ReturnType<typeof launchTask>>): boolean => {
  switch (error._tag) {
    case "HostRefused":
    case "LaunchRefused":
    case "ToolInvalid":
    case "ParamsInvalid":
    case "InvocationRefused":
      return true
    case "RunnerError":
      return error.problem !== "input-cut" && error.problem !== "answer"
    default:
      return false
  }
}

export const fail = (taskId: string, message: string) =>
  Effect.flatMap(TaskCommands, (commands) => commands.run(taskId, { _tag: "FailLaunch", message }, "launch-failed"))

const launchTask = (task: TaskView) =>
  Effect.gen(function* () {
    const view = yield* (yield* HostCommands).find(task.host)
    if (view === undefined) return yield* refuse(`The host ${task.host} was removed.`)
    const known = yield* pinFirstKey(view)
    const files = yield* filesOf(task, known)
    const host = hostConfig(known)
    const db = yield* Db
    const launched = yield* launch(host, task.taskId, files, markSent(db, task.taskId)).pipe(
      Effect.catchTag("Withdrawn", () => Effect.succeed(undefined))
    )
    if (launched !== undefined) yield* recordLaunched(task, host, launched)
  })

/** What the host is sent for this task. */
export const filesOf = (task: TaskView, view: HostView) =>
  Effect.gen(function* () {
    const tool = yield* findTool(task.tool)
    if (tool === undefined) return yield* refuse(`The tool ${task.tool} was removed.`)
    const secrets = yield* secretsOf(task)
    const settings = settingsOf(view, tool)
    const invocation = invocationOf(task, settings, view.report?.root === true || view.user === "root")
    return launchFiles(task, yield* Effect.fromResult(launchOf(tool, invocation)), settings, secrets)
  })

export const recordLaunched = (task: TaskView, host: HostConfig, launched: Launched) =>
  Effect.gen(function* () {
    yield* Effect.logInfo(`${task.taskId} ${launched.outcome} on ${task.host}`)
    if (launched.state._tag === "running") {
      const { pid, bootId } = launched.state
      const adopted = launched.outcome !== "launched"
      yield* (yield* TaskCommands).run(task.taskId, { _tag: "RecordLaunch", pid, bootId, adopted }, "launched")
    } // else the watcher finds what became of it
    yield* (yield* Standby).prepare(host)
  })

/** Killed in the meantime, before anything was sent. */
class Withdrawn extends Data.TaggedError("Withdrawn")<{ readonly taskId: string }> {
  override get message(): string {
    return `${this.taskId} was killed before it was sent to its host`
  }
}

/** Between the host's answer and the first byte: a host that cannot be reached has been sent nothing, and that is known. */
const markSent = (db: Db["Service"], taskId: string) =>
  Effect.flatMap(
    db.query(
      "mark the launch as sent",
      (sql) => sql`update queue.slot set sent_at = now() where task_id = ${taskId} returning 1`
    ),
    (rows): Effect.Effect<void, Withdrawn> => (rows.length > 0 ? Effect.void : Effect.fail(new Withdrawn({ taskId })))
  )

/** Nothing was started and trying again does not help. */
class LaunchRefused extends Data.TaggedError("LaunchRefused")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}
const refuse = (reason: string) => Effect.fail(new LaunchRefused({ reason }))

/** `envFrom`: values never travel through the log, so they must be on every worker. */
const secretsOf = (task: TaskView) =>
  Effect.forEach(task.envFrom ?? [], (name) =>
    Effect.flatMap(variable(name), (value) =>
      Option.isSome(value)
        ? Effect.succeed([name, value.value] as const)
        : refuse(`The variable ${name} (--env-from) is not set where the worker runs. Set it there, then task retry.`)
    )
  ).pipe(
    Effect.map((pairs): Readonly<Record<string, string>> => Object.fromEntries(pairs)),
    Effect.catchTag("ConfigError", (error) => refuse(error.message))
  )
