/**
 * A task's output over HTTP: whole, in part, and as it comes.
 *
 * Owns: GET /api/v1/tasks/:id/output (bytes) and /output/follow (SSE). Does not own: the bytes (core's `TaskOutput`).
 * Invariants: offsets are bytes of the file on the host; a follower that comes back with its last id misses and doubles
 * nothing; `end` comes after the last byte of a task that has ended.
 */
import { Clock, Effect, Layer, Option, Schema, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import type { DbError } from "@signalbox/core/postgres/Db.ts"
import { TaskId } from "@signalbox/core/task/events.ts"
import { OutputStream, TaskOutput } from "@signalbox/core/task/output.ts"
import { isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { readOr } from "../edge/answer.ts"
import { Parting, rawAuth } from "../edge/auth.ts"
import { oneOf, wholeNumber } from "../edge/query.ts"
import { comment, frame, Heartbeat, hello, sseHeaders } from "../edge/sse.ts"
import { EventFeed } from "../log/EventFeed.ts"
import { OutputWakes, type Waking } from "./OutputWakes.ts"

const path = streams.output(":taskId") as `/${string}`
const followPath = streams.followOutput(":taskId") as `/${string}`
/** For answers to a method that a raw route does not have. */
export const outputPaths = [path, followPath]

const mostLines = 1_000_000
const frameBytes = 48 * 1024
const pollMs = 1000

export const outputRoutes = Layer.unwrap(
  Effect.gen(function* () {
    const output = yield* TaskOutput
    const models = yield* ReadModels
    const wakes = yield* OutputWakes
    const feed = yield* EventFeed
    const heartbeatMs = yield* Heartbeat
    const find = (taskId: string) => findTask(models, taskId)

    /** Where to begin, as the query says. */
    const asked = Effect.fnUntraced(function* () {
      const query = yield* HttpServerRequest.ParsedSearchParams
      const { taskId = "" } = yield* HttpRouter.params
      const task = yield* find(taskId)
      const name = (yield* oneOf("stream", query["stream"])) ?? "out"
      if (!Schema.is(OutputStream)(name))
        return yield* Effect.fail(new Invalid({ detail: `stream is out or err, not "${name.slice(0, 40)}".` }))
      const from = yield* wholeNumber("from", query["from"])
      const lines = yield* wholeNumber("tail", query["tail"])
      if (from !== undefined && lines !== undefined)
        return yield* Effect.fail(new Invalid({ detail: "Give from or tail, not both." }))
      const size = (yield* output.sizes(taskId))[name]
      const start = lines === undefined ? (from ?? 0) : yield* output.tail(taskId, name, Math.min(lines, mostLines))
      return { task, stream: name, size, start }
    })

    const whole = Effect.gen(function* () {
      const { task, stream, size, start } = yield* readOr(asked())
      if (start > size) return yield* Effect.fail(tooFar(start, size))
      return HttpServerResponse.stream(
        output
          .bytes(task.taskId, stream, start, size)
          .pipe(Stream.tapError((error) => Effect.logWarning(`output of ${task.taskId} was cut: ${error.message}`))),
        {
          contentType: "application/octet-stream",
          contentLength: size - start,
          headers: {
            "cache-control": "no-store",
            "x-from-byte": String(start),
            "x-next-byte": String(size),
            "x-task-status": task.status
          }
        }
      )
    })

    const follow = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { task, stream, size, start } = yield* readOr(asked())
      const last = yield* wholeNumber("Last-Event-ID", request.headers["last-event-id"])
      const from = last ?? start
      if (from > size) return yield* Effect.fail(tooFar(from, size))
      const frames = Stream.unwrap(
        Effect.gen(function* () {
          const waking = yield* Effect.acquireRelease(
            Effect.sync(() => wakes.watch(task.taskId, stream)),
            (one) => Effect.sync(one.stop)
          )
          const heardAt = yield* Clock.currentTimeMillis
          const follower = { output, models, feed, waking, task, stream, heartbeatMs }
          return Stream.paginate({ at: from, heardAt }, (state) => next(follower, state))
        })
      )
      return HttpServerResponse.stream(
        Stream.make(hello).pipe(
          Stream.concat(frames),
          Stream.tapError((error) => Effect.logWarning(`following ${task.taskId} was cut: ${error.message}`)),
          Stream.interruptWhen(yield* Parting)
        ),
        { contentType: "text/event-stream", headers: sseHeaders }
      )
    })

    return Layer.mergeAll(HttpRouter.add("GET", path, whole), HttpRouter.add("GET", followPath, follow))
  })
).pipe(Layer.provide(rawAuth("read").layer))

interface Follower {
  readonly output: TaskOutput["Service"]
  readonly models: ReadModels["Service"]
  readonly feed: EventFeed["Service"]
  readonly waking: Waking
  readonly task: TaskView
  readonly stream: OutputStream
  readonly heartbeatMs: number
}
interface State {
  readonly at: number
  readonly heardAt: number
}

/** Waits for the next frames; the status is read before the bytes, so that a task which has ended has no more of them. */
const next = Effect.fnUntraced(function* (follower: Follower, state: State) {
  const { output, models, feed, waking, task, stream, heartbeatMs } = follower
  while (true) {
    const now = (yield* models.task(task.taskId)) ?? task
    const bytes = yield* output.read(task.taskId, stream, state.at, frameBytes)
    if (bytes.length > 0) return yield* sent(chunk(state.at, bytes), state.at + bytes.length)
    if (isSettled(now.status)) return [[end(now, state.at)], Option.none<State>()] as const
    const silent = (yield* Clock.currentTimeMillis) - state.heardAt
    if (silent >= heartbeatMs) return yield* sent(comment("ping"), state.at)
    const woken = yield* waking.wait(Math.min(pollMs, heartbeatMs - silent))
    // The wake-up may be an event that the read model has yet to see.
    if (woken) yield* Effect.flatMap(feed.position, models.waitFor).pipe(Effect.timeoutOption("1 second"))
  }
})

const sent = (bytes: Uint8Array, at: number) =>
  Effect.map(Clock.currentTimeMillis, (heardAt) => [[bytes], Option.some<State>({ at, heardAt })] as const)

const chunk = (from: number, bytes: Uint8Array): Uint8Array =>
  frame({
    id: String(from + bytes.length),
    event: "chunk",
    data: JSON.stringify({ from, base64: Buffer.from(bytes).toString("base64") })
  })

const end = (task: TaskView, at: number): Uint8Array =>
  frame({ id: String(at), event: "end", data: JSON.stringify({ status: task.status, exitCode: task.exitCode }) })

const findTask = (models: ReadModels["Service"], taskId: string): Effect.Effect<TaskView, NotFound | DbError> =>
  Effect.gen(function* () {
    const task = Schema.is(TaskId)(taskId) ? yield* models.task(taskId) : undefined
    if (task !== undefined) return task
    const detail = `There is no task ${taskId.slice(0, 60)}. See task list.`
    return yield* Effect.fail(new NotFound({ what: taskId.slice(0, 60), detail }))
  })

const tooFar = (at: number, size: number): Invalid =>
  new Invalid({ detail: `The output has ${size} bytes so far; there is nothing from byte ${at}.` })
