/**
 * Waiting until tasks have ended.
 *
 * Owns: the exit code of waiting. Does not own: the fold (core's task view, applied here to the events as they come).
 * Invariants: a hub that goes away and comes back is waited for; 0 = all succeeded, 1 = one did not, 2 = one cannot be told.
 */
import { Effect, Option, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { evolveTask, isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { HubConnection, toFailure } from "../client/HubConnection.ts"
import { answer, CommandFailed, cannotTell, talk } from "../output.ts"
import { said, words } from "./words.ts"

/** Evidence is missing: it may have succeeded. */
const untold: ReadonlyArray<TaskView["status"]> = ["unknown", "lost"]

export const waitForAll = Effect.fnUntraced(function* (taskIds: ReadonlyArray<string>, timeoutMs?: number) {
  const all = Effect.forEach(taskIds, waitForOne, { concurrency: 16 })
  const ended = yield* timeoutMs === undefined ? Effect.map(all, Option.some) : Effect.timeoutOption(all, timeoutMs)
  if (Option.isNone(ended)) return yield* Effect.fail(cannotTell("The time is over and not everything has ended."))
  const tasks = ended.value.map(({ taskId, status, exitCode }) => ({ taskId, status, exitCode }))
  const [only] = tasks
  yield* answer(tasks.length === 1 && only !== undefined ? only : { tasks }, () =>
    ended.value.map((task) => [task.taskId, words(task), said(task)].filter(Boolean).join("  ")).join("\n")
  )
  const code = ended.value.some((task) => untold.includes(task.status))
    ? 2
    : ended.value.some((task) => task.status !== "succeeded")
      ? 1
      : 0
  if (code > 0) return yield* Effect.fail(new CommandFailed({ reason: "", code }))
})

const decodeEvent = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))

const waitForOne = Effect.fnUntraced(function* (taskId: string) {
  const hub = yield* HubClient
  const { url, token } = yield* HubConnection
  // What cannot be looked up cannot be told: also a task that is not there.
  const first = yield* hub.tasks
    .get({ params: { taskId } })
    .pipe(Effect.mapError((error) => cannotTell(toFailure(error).reason)))
  if (isSettled(first.task.status)) return first.task
  const query = new URLSearchParams({ stream: taskStream(taskId), from: String(first.position + 1) })
  let task: TaskView = first.task
  let down = false
  yield* follow({ url: `${url}${streams.events}?${query}`, token }).pipe(
    Stream.tap((line) => {
      if (line._tag === "Frame" || (line._tag === "Down") === down) return Effect.void
      down = line._tag === "Down"
      return talk(line._tag === "Down" ? `The hub is away (${line.reason}); waiting for it.` : "The hub is back.")
    }),
    Stream.map((line) => {
      const event = line._tag === "Frame" ? decodeEvent(line.frame.data) : undefined
      if (event !== undefined && Result.isSuccess(event)) task = fold(task, event.success)
      return isSettled(task.status)
    }),
    Stream.takeUntil((settled) => settled),
    Stream.runDrain,
    Effect.mapError((error) => cannotTell(error.message))
  )
  return task
})

const fold = (task: TaskView, event: RecordedEvent): TaskView => {
  const decoded = taskEvents.decode(event)
  return event.version <= task.version || Result.isFailure(decoded) || decoded.success === undefined
    ? task
    : (evolveTask(task, decoded.success, event) ?? task)
}
