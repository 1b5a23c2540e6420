/**
 * Reads Server-Sent Events with resume: terminal, command line and page follow the log and output through this.
 *
 * Owns: framing, reconnecting with Last-Event-ID, telling when the line is down. Does not own: what the frames mean.
 * Invariants: frames come in order; after a break the server is asked for what follows the last id that was delivered, so
 * nothing is lost or doubled; a line that is silent for 45 s (heartbeats come every 15 s) is taken as broken.
 */
import { Data, Duration, Effect, Queue, Redacted, Schedule, Stream } from "effect"
import { FetchHttpClient } from "effect/http"

export interface Frame {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

export type Line =
  | { readonly _tag: "Frame"; readonly frame: Frame }
  | { readonly _tag: "Up" }
  /** The connection broke or could not be made; it is tried again by itself. */
  | { readonly _tag: "Down"; readonly reason: string }

/** The hub answered and refuses for good: wrong token, no such thing. */
export class StreamRefused extends Data.TaggedError("StreamRefused")<{
  readonly status: number
  readonly reason: string
}> {
  override get message(): string {
    return this.reason
  }
}

class StreamBroken extends Data.TaggedError("StreamBroken")<{ readonly reason: string }> {}

const silence = Duration.seconds(45)
const maxFrame = 4 * 1024 * 1024

/**
 * @param options.url absolute URL without the resume position
 * @param options.lastId where to resume from at the start, as the server's ids go
 * @returns for ever, until the reader stops or the server refuses; `retry: false` ends at the first break instead
 */
export const follow = (options: {
  readonly url: string
  readonly token: Redacted.Redacted
  readonly lastId?: string
  readonly retry?: boolean
}): Stream.Stream<Line, StreamRefused> =>
  Stream.callback<Line, StreamRefused>(
    (queue) =>
      Effect.gen(function* () {
        let lastId = options.lastId
        const once = connectOnce(
          options,
          () => lastId,
          (line) => {
            if (line._tag === "Frame" && line.frame.id !== undefined) lastId = line.frame.id
            return Queue.offer(queue, line)
          }
        )
        const attempt = once.pipe(
          Effect.catchTag("StreamBroken", (broken) =>
            Effect.andThen(Queue.offer(queue, { _tag: "Down", reason: broken.reason }), Effect.fail(broken))
          )
        )
        const policy = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("3 seconds")]).pipe(
          Schedule.jittered
        )
        const whole =
          options.retry === false
            ? attempt
            : attempt.pipe(Effect.retry({ schedule: policy, while: (e) => e._tag === "StreamBroken" }))
        yield* whole.pipe(
          Effect.catchTag("StreamBroken", () => Queue.end(queue)),
          Effect.catchTag("StreamRefused", (refused) => Queue.fail(queue, refused))
        )
      }),
    { bufferSize: 1024, strategy: "suspend" }
  )

/** Fails with StreamBroken at the end of the response, however it ended: a follower never ends by itself. */
const connectOnce = (
  options: { readonly url: string; readonly token: Redacted.Redacted },
  lastId: () => string | undefined,
  emit: (line: Line) => Effect.Effect<unknown>
): Effect.Effect<never, StreamBroken | StreamRefused> =>
  Effect.scoped(
    Effect.gen(function* () {
      const controller = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (c) => Effect.sync(() => c.abort())
      )
      const id = lastId()
      const fetch = yield* FetchHttpClient.Fetch
      const response = yield* Effect.tryPromise({
        try: () =>
          fetch(options.url, {
            signal: controller.signal,
            headers: {
              accept: "text/event-stream",
              authorization: `Bearer ${Redacted.value(options.token)}`,
              ...(id === undefined ? {} : { "last-event-id": id })
            }
          }),
        catch: (cause) => new StreamBroken({ reason: why(cause) })
      })
      if (response.status >= 500)
        return yield* Effect.fail(new StreamBroken({ reason: `the hub answered ${response.status}` }))
      if (!response.ok || response.body === null)
        return yield* Effect.fail(new StreamRefused({ status: response.status, reason: yield* refusal(response) }))
      yield* emit({ _tag: "Up" })
      const reader = response.body.getReader()
      const decoder = new TextDecoder()
      let rest = ""
      while (true) {
        const chunk = yield* Effect.tryPromise({
          try: () => reader.read(),
          catch: (cause) => new StreamBroken({ reason: why(cause) })
        }).pipe(
          Effect.timeoutOrElse({
            duration: silence,
            orElse: () => Effect.fail(new StreamBroken({ reason: "the hub fell silent" }))
          })
        )
        if (chunk.done) return yield* Effect.fail(new StreamBroken({ reason: "the hub closed the stream" }))
        const parsed = parseFrames(rest + decoder.decode(chunk.value, { stream: true }))
        rest = parsed.rest
        if (rest.length > maxFrame) return yield* Effect.fail(new StreamBroken({ reason: "a frame above 4 MiB" }))
        for (const frame of parsed.frames) yield* emit({ _tag: "Frame", frame })
      }
    })
  )

/** Pure: complete frames of `text`, and what is left of an unfinished one. Comments (heartbeats) and `retry` are dropped. */
export const parseFrames = (text: string): { readonly frames: ReadonlyArray<Frame>; readonly rest: string } => {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n")
  const rest = blocks.pop() ?? ""
  const frames: Array<Frame> = []
  for (const block of blocks) {
    let id: string | undefined
    let event = "message"
    const data: Array<string> = []
    for (const line of block.split("\n")) {
      const [field, value] = splitField(line)
      if (field === "id") id = value
      else if (field === "event") event = value
      else if (field === "data") data.push(value)
    }
    if (data.length > 0) frames.push({ id, event, data: data.join("\n") })
  }
  return { frames, rest }
}

const splitField = (line: string): readonly [string, string] => {
  const colon = line.indexOf(":")
  if (colon < 0) return [line, ""]
  return [line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)]
}

const refusal = (response: Response): Effect.Effect<string> =>
  Effect.promise(() =>
    response.text().then(
      (text) => {
        const detail = /"(?:detail|title)"\s*:\s*"([^"]{1,500})"/.exec(text)?.[1]
        return detail ?? `the hub answered ${response.status}`
      },
      () => `the hub answered ${response.status}`
    )
  )

const why = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}
