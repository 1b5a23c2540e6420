/** `task list` and `task show`: what is known of tasks. */
import { Clock, Effect, Result, Schema } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { TaskStatus, TaskView } from "@signalbox/core/task/view.ts"
import { age, duration, exact } from "@signalbox/tui/format.ts"
import { withHub } from "../client/HubConnection.ts"
import { facts, table } from "../client/table.ts"
import { parseMoment } from "../client/time.ts"
import { answer, cannotTell } from "../output.ts"
import { said, words } from "./wait.ts"

export interface ListFlags {
  readonly host: string | undefined
  readonly tool: string | undefined
  readonly status: ReadonlyArray<string>
  readonly since: string | undefined
  readonly text: string | undefined
  readonly limit: number
}

export const list = (flags: ListFlags) =>
  withHub(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const since = flags.since === undefined ? undefined : parseMoment(flags.since, now, -1)
      if (since !== undefined && Result.isFailure(since)) return yield* Effect.fail(cannotTell(`${since.failure}.`))
      if (flags.limit < 1 || flags.limit > 1000)
        return yield* Effect.fail(cannotTell("--limit must be between 1 and 1000."))
      const status = yield* Effect.forEach(
        flags.status.flatMap((one) => one.split(",")).map((one) => one.trim().replace("-", "_")),
        toStatus
      )
      const hub = yield* HubClient
      const { tasks } = yield* hub.tasks.list({
        query: {
          limit: flags.limit,
          ...(flags.host === undefined ? {} : { host: flags.host }),
          ...(flags.tool === undefined ? {} : { tool: flags.tool }),
          ...(status.length === 0 ? {} : { status }),
          ...(since === undefined ? {} : { since: since.success }),
          ...(flags.text === undefined ? {} : { text: flags.text })
        }
      })
      yield* answer({ tasks: tasks.map(brief) }, () => (tasks.length === 0 ? "No tasks." : rows(tasks, now)))
    })
  )

/** `completed` is what others call succeeded. */
const toStatus = (word: string): Effect.Effect<TaskStatus, ReturnType<typeof cannotTell>> => {
  const status = word === "completed" ? "succeeded" : word
  return Schema.is(TaskStatus)(status)
    ? Effect.succeed(status)
    : Effect.fail(cannotTell(`"${word}" is not a status; there are ${TaskStatus.literals.join(", ")}.`))
}

/** The contract's shape, and nothing else. */
const brief = ({ taskId, host, tool, command, status, createdAt, startedAt, finishedAt, exitCode }: TaskView) => ({
  taskId,
  host,
  tool,
  command,
  status,
  createdAt,
  startedAt,
  finishedAt,
  exitCode
})

export const colorOf = ({ status }: TaskView): "red" | "green" | "yellow" | "dim" | undefined => {
  if (status === "succeeded") return "green"
  if (status === "running" || status === "starting") return undefined
  if (status === "waiting" || status === "interrupted" || status === "unknown" || status === "lost") return "yellow"
  return status === "failed" || status === "timed_out" ? "red" : "dim"
}

const rows = (tasks: ReadonlyArray<TaskView>, now: number): string =>
  table(
    [
      { title: "TASK", cell: (task) => task.taskId, keep: true },
      { title: "STATUS", cell: words, color: colorOf },
      { title: "HOST", cell: (task) => task.host },
      { title: "TOOL", cell: (task) => task.tool },
      { title: "AGE", cell: (task) => age(task.createdAt, now) },
      { title: "TOOK", cell: (task) => took(task, now) },
      { title: "COMMAND", cell: (task) => task.command, flexible: true }
    ],
    tasks
  )

const took = (task: TaskView, now: number): string =>
  task.startedAt === null
    ? ""
    : duration((task.finishedAt === null ? now : Date.parse(task.finishedAt)) - Date.parse(task.startedAt))

const encode = Schema.encodeSync(Schema.toCodecJson(TaskView))

export const show = (taskId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { task } = yield* hub.tasks.get({ params: { taskId } })
      const now = yield* Clock.currentTimeMillis
      yield* answer(encode(task) as Schema.Json, () => details(task, now))
    })
  )

const toldOf = (task: TaskView, target: string): string => {
  const told = task.notified?.find((one) => one.target === target)
  if (told === undefined) return ""
  return told.problem === undefined ? " (told)" : ` (not told: ${told.problem})`
}

/** The last thing that a person said to it, and why it did not arrive. */
const lastMessage = (task: TaskView): string | undefined => {
  const last = task.messages?.at(-1)
  if (last === undefined) return undefined
  const problem = last.problem === undefined ? "" : `: not typed, ${last.problem}`
  return `${JSON.stringify(last.text)} by ${last.actor} at ${exact(last.at)}${problem}`
}

const details = (task: TaskView, now: number): string => {
  const { report } = task
  const tokens =
    report.inputTokens === undefined && report.outputTokens === undefined
      ? undefined
      : `${report.inputTokens ?? 0} in, ${report.outputTokens ?? 0} out`
  return facts([
    ["task", task.taskId],
    ["status", words(task)],
    ["why", said(task)],
    ["host", task.host],
    ["tool", task.tool],
    ["created", `${exact(task.createdAt)} by ${task.actor} (${age(task.createdAt, now)} ago)`],
    ["started", task.startedAt === null ? null : exact(task.startedAt)],
    ["took", took(task, now)],
    ["not before", task.startAt === undefined ? null : exact(task.startAt)],
    ["after", task.after.join(", ")],
    ["directory", task.cwd],
    ["retry of", task.retryOf],
    ["resumes", task.resumeOf],
    ["schedule", task.scheduleId],
    ["model", report.model],
    ["tokens", tokens],
    ["cost", report.costUsd === undefined ? undefined : `$${report.costUsd.toFixed(4)}`],
    ["session", report.sessionId],
    ["output", task.output.out === undefined ? undefined : `${task.output.out.bytes} bytes`],
    ["asks", report.waiting],
    ["notifies", (task.notify ?? []).map((target) => `${target}${toldOf(task, target)}`).join("\n")],
    ["said", lastMessage(task)],
    ["command", task.command],
    ["answer", report.answer]
  ])
}
