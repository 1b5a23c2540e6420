/**
 * Follows the output of one task into the store.
 *
 * Owns: the first part (the last lines), the live rest by byte offset, the state that the screen tells. Does not own: lines
 * (`lines.ts`), the server's framing (core's `sse.ts`).
 * Invariants: a byte is shown once, by its offset, whatever breaks; a task of two streams is followed on both; a short pause
 * before the first request, so that moving through a list does not open a connection per row.
 */
import { Effect, type Redacted, Redacted as Secret, Result, Schedule, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import type { LogModel } from "../model.ts"
import type { Store } from "../store.ts"
import { LogLines, type Parse } from "./lines.ts"

const tailLines = 1000

const Chunk = Schema.fromJsonString(Schema.Struct({ from: Schema.Int, base64: Schema.String }))
const decodeChunk = Schema.decodeUnknownResult(Chunk)

interface Options {
  readonly baseUrl: string
  readonly token: Redacted.Redacted
  readonly taskId: string
  readonly store: Store
  readonly parse?: Parse
}

class OutputFailed extends Error {
  override readonly name = "OutputFailed"
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const followLog = (options: Options): Effect.Effect<void> => {
  const { store, taskId } = options
  const lines = new LogLines(options.parse)
  const bytes = { out: 0, err: 0 }
  const ended = new Set<"out" | "err">()
  let cut = false
  const show = (state: LogModel["state"], problem?: string) =>
    Effect.sync(() =>
      store.setLog({
        taskId,
        lines: lines.all,
        bytes: bytes.out + bytes.err,
        state,
        cut: cut || lines.first > 1,
        ...(problem === undefined ? {} : { problem })
      })
    )
  const settle = (stream: "out" | "err") =>
    Effect.suspend(() => {
      ended.add(stream)
      if (ended.size < 2) return Effect.void
      lines.end()
      return show("ended")
    })
  const one = (stream: "out" | "err"): Effect.Effect<void, OutputFailed> =>
    Effect.gen(function* () {
      const first = yield* tail(options, stream).pipe(
        Effect.tapError((failed) =>
          passing(failed) ? show(failed.status === 404 ? "loading" : "reconnecting", failed.message) : Effect.void
        ),
        Effect.retry({ schedule: backoff, while: passing })
      )
      lines.push(stream, first.bytes)
      bytes[stream] = first.next
      cut ||= first.next > first.bytes.length
      yield* show("following")
      const query = `stream=${stream}&from=${first.next}`
      const url = new URL(`${streams.followOutput(taskId)}?${query}`, options.baseUrl).href
      yield* follow({ url, token: options.token }).pipe(
        Stream.takeUntil((line) => line._tag === "Frame" && line.frame.event === "end"),
        Stream.runForEach((line) => {
          if (line._tag === "Down") return show("reconnecting", line.reason)
          if (line._tag === "Up") return show("following")
          if (line.frame.event !== "chunk") return Effect.void
          const decoded = decodeChunk(line.frame.data)
          if (Result.isFailure(decoded)) return Effect.void
          const chunk = Buffer.from(decoded.success.base64, "base64")
          const skip = bytes[stream] - decoded.success.from
          if (skip >= chunk.length) return Effect.void
          lines.push(stream, chunk.subarray(Math.max(0, skip)))
          bytes[stream] = decoded.success.from + chunk.length
          return show("following")
        }),
        Effect.mapError((refused) => new OutputFailed(refused.status, refused.reason))
      )
      yield* settle(stream)
    })
  return Effect.gen(function* () {
    yield* show("loading")
    yield* Effect.sleep("80 millis")
    yield* Effect.all([one("out"), one("err")], { concurrency: 2, discard: true })
  }).pipe(Effect.catch((failed) => show("failed", failed.message)))
}

/** 404 too: the event that made the task may be here before the hub's read model has seen it. */
const passing = (failed: OutputFailed): boolean => failed.status === 0 || failed.status === 404 || failed.status >= 500
const backoff = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("3 seconds")])

/** The last lines that there are. */
const tail = (
  options: Options,
  stream: "out" | "err"
): Effect.Effect<{ readonly bytes: Uint8Array; readonly next: number }, OutputFailed> =>
  Effect.flatMap(FetchHttpClient.Fetch, (fetch) =>
    Effect.tryPromise({
      try: async (signal) => {
        const url = new URL(`${streams.output(options.taskId)}?stream=${stream}&tail=${tailLines}`, options.baseUrl)
        const response = await fetch(url, {
          signal,
          headers: { authorization: `Bearer ${Secret.value(options.token)}` }
        })
        if (!response.ok)
          throw new OutputFailed(
            response.status,
            `The hub answered ${response.status} for the output of ${options.taskId}.`
          )
        const bytes = new Uint8Array(await response.arrayBuffer())
        const next = Number(response.headers.get("x-next-byte") ?? bytes.length)
        return { bytes, next: Number.isSafeInteger(next) ? next : bytes.length }
      },
      catch: (cause) =>
        cause instanceof OutputFailed
          ? cause
          : new OutputFailed(0, `The output cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
    })
  )
