/**
 * Tasks for those who have signed in: the last ones, the end of one's output, a new one.
 *
 * Owns: their words on the wire. Does not own: tasks (core's task room), who may (`command.ts`).
 */
import { Effect, Schema, Stream } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { TaskId } from "@signalbox/core/task/events.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { seen } from "../edge/answer.ts"
import { safeText } from "./safe-text.ts"
import type { Gone } from "./wire.ts"

const shown = 20
const lines = 40

export const listTasks = Effect.gen(function* () {
  const tasks = yield* (yield* ReadModels).tasks({ limit: shown })
  if (tasks.length === 0) return "There are no tasks yet. RUN host tool command starts one.\n"
  return `${tasks
    .map((task) => {
      const command = safeText(task.command).replaceAll(/\s+/gu, " ").slice(0, 60).toWellFormed()
      return `${task.taskId}  ${task.status.padEnd(11)}  ${task.host}  ${task.tool}  ${command}`
    })
    .join("\n")}\n`
})

/** The last lines; what a task wrote is made harmless and can be long: it goes out piece by piece. */
export const tailOf = Effect.fnUntraced(function* (taskId: string, say: (text: string) => Effect.Effect<void, Gone>) {
  const task = Schema.is(TaskId)(taskId) ? yield* (yield* ReadModels).task(taskId) : undefined
  if (task === undefined) return yield* say(`There is no task ${safeText(taskId).slice(0, 60)}. TASKS lists them.\n`)
  const output = yield* TaskOutput
  const size = (yield* output.sizes(taskId)).out
  const from = yield* output.tail(taskId, "out", lines)
  const decoder = new TextDecoder()
  yield* Stream.runForEach(output.bytes(taskId, "out", from, size), (bytes) =>
    say(safeText(decoder.decode(bytes, { stream: true })))
  )
  yield* say(`\n(${task.status.replace("_", " ")}${task.exitCode === null ? "" : `, exit ${task.exitCode}`})\n`)
})

export const runTask = Effect.fnUntraced(function* (
  rest: string,
  by: { readonly commandId: string; readonly actor: string }
) {
  const parts = /^(\S+)\s+(\S+)\s+(\S[\s\S]*)$/u.exec(rest)
  if (parts === null) return "Say where, with what and what: RUN host tool command\n"
  const [, host = "", tool = "", command = ""] = parts
  const { taskId, position } = yield* (yield* Tasks).create({ host, tool, command }, by)
  yield* seen(position)
  return `${taskId} was made. TASKS shows it, LOGS ${taskId} its output.\n`
})
