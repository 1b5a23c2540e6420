/**
 * A person says something to a running task.
 *
 * Owns: what a message may hold, and the command. Does not own: whether the task takes one (`decider.ts`), typing it (worker).
 * Invariant: what is in the log can be typed: no character of a message is a key that does something else to a terminal.
 */
import { Effect } from "effect"
import { canonical, Commands } from "../log/Commands.ts"
import { findTool } from "../tool/Toolbox.ts"
import { type Origin, TaskNotFound } from "./create.ts"
import { taskEvents, taskStream } from "./events.ts"
import { TaskInvalid } from "./request.ts"
import { taskDecider } from "./room.ts"

/** Bytes. */
export const messageLimit = 64 * 1024

/** The sentence for a text that cannot be typed. Empty is fine: it is Enter alone. */
export const messageFault = (text: string): string | undefined => {
  if (!text.isWellFormed()) return "The message is not valid Unicode: half of a surrogate pair is missing."
  const bytes = Buffer.byteLength(text, "utf8")
  if (bytes > messageLimit)
    return `The message is ${bytes} bytes; at most ${messageLimit} are typed. Put it into a file on the host and name that.`
  const control = /(?![\t\n])[\p{Cc}]/u.exec(text)?.[0]
  if (control === undefined) return undefined
  const code = control.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()
  return `The message holds the control character U+${code}, which is a key and no text. Press such keys with task attach.`
}

export const sendMessage = Effect.fn("sendMessage")(function* (taskId: string, text: string, origin: Origin) {
  const fault = messageFault(text)
  if (fault !== undefined) return yield* Effect.fail(new TaskInvalid({ reason: fault }))
  const commands = yield* Commands
  const stream = taskStream(taskId)
  const task = (yield* commands.load(taskDecider, taskEvents, stream)).state
  if (task === undefined) return yield* Effect.fail(new TaskNotFound({ taskId }))
  const tool = yield* Effect.catchTag(findTool(task.tool), "ToolInvalid", () => Effect.succeed(undefined))
  return yield* commands.execute({
    ...origin,
    decider: taskDecider,
    types: taskEvents,
    stream,
    command: { _tag: "SendMessage", text, continues: tool?.canResume === true },
    body: canonical({ message: taskId, text })
  })
})
