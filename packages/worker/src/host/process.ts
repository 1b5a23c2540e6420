/**
 * What a local child and a remote channel have in common: input goes in, two outputs come out, an end is told.
 *
 * Owns: running with limits (`runToEnd`) and following with back-pressure (`follow`). Does not own: how it is started.
 * Invariants: both outputs are always drained (unread stderr stops an SSH channel); an end without an exit status on a broken
 * connection is HostUnreachable, on a living one an unknown code; whoever is interrupted stops the process.
 */
import type { Readable, Writable } from "node:stream"
import { Cause, Effect, Queue, type Scope, Stream } from "effect"
import { type ExecOptions, type HostError, HostUnreachable, type Ran } from "./Transport.ts"

export interface Running {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Called once, after both outputs have ended; `lost` when the connection broke. */
  readonly onEnd: (listener: (end: Ended) => void) => void
  /** Ends the process, as far as it can be reached. Harmless afterwards. */
  readonly stop: () => void
}
export interface Ended {
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly lost?: string | undefined
}

export const defaultMaxBytes = 4 * 1024 * 1024

/** Starts, waits for the end, and stops what is left. */
export const runToEnd = <E>(
  host: string,
  start: Effect.Effect<Running, HostError, Scope.Scope>,
  options: ExecOptions<E> = {}
): Effect.Effect<Ran, HostError | E> =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* start
      const heard = gather(running, options.maxBytes ?? defaultMaxBytes)
      if (options.beforeInput !== undefined) yield* options.beforeInput
      return yield* collect(host, running, heard, options)
    })
  )

interface Heard {
  readonly out: () => Buffer
  readonly err: () => Buffer
  readonly truncated: () => boolean
}

/** From the start on: what a child has said and nobody listened to is thrown away by node when the child ends. */
const gather = (running: Running, limit: number): Heard => {
  let truncated = false
  const from = (source: Readable): (() => Buffer) => {
    const parts: Array<Buffer> = []
    let size = 0
    source.on("data", (part: Buffer) => {
      const room = limit - size
      if (room > 0) parts.push(part.length > room ? part.subarray(0, room) : part)
      size += part.length
      if (size > limit && !truncated) {
        truncated = true
        running.stop()
      }
    })
    return () => Buffer.concat(parts)
  }
  return { out: from(running.stdout), err: from(running.stderr), truncated: () => truncated }
}

const collect = (
  host: string,
  running: Running,
  { out, err, truncated }: Heard,
  options: Omit<ExecOptions, "beforeInput">
): Effect.Effect<Ran, HostError> => {
  const whole = Effect.callback<Ran, HostError>((resume) => {
    running.onEnd((end) =>
      resume(
        truncated()
          ? Effect.succeed({ code: undefined, signal: undefined, out: out(), err: err(), truncated: true })
          : end.lost !== undefined
            ? Effect.fail(new HostUnreachable({ host, reason: end.lost }))
            : Effect.succeed({ code: end.code, signal: end.signal, out: out(), err: err() })
      )
    )
    feed(running.stdin, options.input)
    return Effect.sync(() => running.stop())
  })
  return options.timeoutMs === undefined
    ? whole
    : Effect.timeoutOrElse(whole, {
        duration: options.timeoutMs,
        orElse: () =>
          Effect.fail(
            new HostUnreachable({ host, reason: `it did not finish what was asked within ${options.timeoutMs} ms` })
          )
      })
}

/** `start` is scoped: its release stops the process. */
export const follow = <R>(
  host: string,
  start: Effect.Effect<Running, HostError, R>,
  input: string | Uint8Array | undefined
): Stream.Stream<Uint8Array, HostError, Exclude<R, Scope.Scope>> =>
  Stream.callback<Uint8Array, HostError, R>(
    (queue) =>
      Effect.gen(function* () {
        const running = yield* start
        yield* Effect.addFinalizer(() => Effect.sync(() => running.stop()))
        const fork = Effect.runForkWith(yield* Effect.context<never>())
        running.stderr.resume()
        running.stdout.on("data", (part: Uint8Array) => {
          // A slow reader slows the process: nothing is read until this part has found room.
          running.stdout.pause()
          fork(
            Effect.andThen(
              Queue.offer(queue, part),
              Effect.sync(() => running.stdout.resume())
            )
          )
        })
        running.onEnd((end) => {
          if (end.lost === undefined) fork(Queue.end(queue))
          else Queue.failCauseUnsafe(queue, Cause.fail(new HostUnreachable({ host, reason: end.lost })))
        })
        feed(running.stdin, input)
      }),
    { bufferSize: 16, strategy: "suspend" }
  )

const feed = (stdin: Writable, input: string | Uint8Array | undefined): void => {
  // The process may end before it has read everything (EPIPE): its exit code tells, not this.
  stdin.on("error", () => undefined)
  stdin.end(input)
}
