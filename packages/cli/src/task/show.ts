/** `task list` and `task show`: what is known of tasks. Plain reads: nothing of effect is loaded here. */
import { taskStatuses } from "@signalbox/core/task/status.ts"
import { parseMoment } from "../client/time.ts"
import type { Ask } from "../read/ask.ts"
import { answer, type Given, ReadFailed } from "../read/definition.ts"
import { list as listOf, record } from "../read/shape.ts"
import { type BriefTask, isBriefTask, isTask } from "./shape.ts"

export interface ListFlags {
  readonly host: string | undefined
  readonly tool: string | undefined
  readonly status: ReadonlyArray<string>
  readonly since: string | undefined
  readonly text: string | undefined
  readonly limit: number
}

const isListed = record({ tasks: listOf(isBriefTask) })
const isShown = record({ task: isTask })

export async function* list(given: Given, ask: Ask, flags: ListFlags): AsyncGenerator<string, void> {
  const now = Date.now()
  const since = flags.since === undefined ? undefined : parseMoment(flags.since, now, -1)
  if (since !== undefined && "problem" in since) throw new ReadFailed(`${since.problem}.`, 2)
  if (flags.limit < 1 || flags.limit > 1000) throw new ReadFailed("--limit must be between 1 and 1000.", 2)
  const status = flags.status.flatMap((one) => one.split(",")).map((one) => statusOf(one.trim().replace("-", "_")))
  const { host, tool, text, limit } = flags
  const { tasks } = await ask.get("/api/v1/tasks", { limit, host, tool, status, since: since?.value, text }, isListed)
  yield* answer(
    given,
    () => ({ tasks: tasks.map(brief) }),
    async () => (tasks.length === 0 ? "No tasks." : (await import("./screen.ts")).rows(tasks, now))
  )
}

/** `completed` is what others call succeeded. */
const statusOf = (word: string): string => {
  const status = word === "completed" ? "succeeded" : word
  if (taskStatuses.some((one) => one === status)) return status
  throw new ReadFailed(`"${word}" is not a status; there are ${taskStatuses.join(", ")}.`, 2)
}

/** The contract's shape, and nothing else. */
const brief = ({ taskId, host, tool, command, status, createdAt, startedAt, finishedAt, exitCode }: BriefTask) => ({
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

export async function* show(given: Given, ask: Ask, taskId: string): AsyncGenerator<string, void> {
  const { task } = await ask.get(`/api/v1/tasks/${encodeURIComponent(taskId)}`, {}, isShown)
  const now = Date.now()
  yield* answer(
    given,
    () => task,
    async () => (await import("./screen.ts")).details(task, now)
  )
}
