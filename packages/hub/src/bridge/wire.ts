/**
 * One connection as lines in and text out.
 *
 * Owns: reading with back-pressure, the rate of lines, idle time, bounded writing. Does not own: TLS (`Bridge.ts`), the talk.
 * Invariants: at most `ahead` lines wait; nothing is written while what was written before has not been taken, so a client that
 * stops reading holds one piece of text and is let go after `stallMs`; the time a client has counts from its last whole line,
 * so a line that comes byte by byte gains nothing.
 */
import type { Duplex } from "node:stream"
import { Data, Effect } from "effect"
import { type Line, makeLines } from "./lines.ts"

export interface WireLimits {
  /** Bytes. */
  readonly line: number
  /** Lines that are read ahead of the talk. */
  readonly ahead: number
  /** Lines a second in the long run, and at once. */
  readonly perSecond: number
  readonly burst: number
  readonly stallMs: number
}

/** The other side is gone, or does not read any more. */
export class Gone extends Data.TaggedError("Gone")<{ readonly why: "closed" | "stalled" | "idle" }> {}

export interface Wire {
  /** A line is there to be taken. @param idleMs how long it is waited for */
  readonly ready: (idleMs: number) => Effect.Effect<void, Gone>
  readonly take: Effect.Effect<Line, Gone>
  /** Both: interrupted while it waits, it has taken nothing. */
  readonly next: (idleMs: number) => Effect.Effect<Line, Gone>
  /** Takes as long as the other side does, at most `stallMs`. */
  readonly say: (text: string) => Effect.Effect<void, Gone>
  /** Resolves when the other side is gone. */
  readonly closed: Effect.Effect<void>
  /** Says what it can still say, and ends. */
  readonly end: (farewell: string) => Effect.Effect<void>
}

export const makeWire = (socket: Duplex, limits: WireLimits): Wire => {
  const cut = makeLines(limits.line)
  const waiting: Array<Line> = []
  let gone = false
  let allowance = limits.burst
  let refilledAt = performance.now()
  let wake: (() => void) | undefined
  const closers = new Set<() => void>()

  socket.on("data", (chunk: Buffer) => {
    for (const line of cut(chunk)) waiting.push(line)
    if (waiting.length >= limits.ahead) socket.pause()
    wake?.()
  })
  const close = (): void => {
    gone = true
    wake?.()
    for (const tell of closers) tell()
    closers.clear()
  }
  socket.on("end", close)
  socket.on("close", close)
  socket.on("error", () => socket.destroy())

  const ready = (idleMs: number): Effect.Effect<void, Gone> =>
    Effect.callback<void, Gone>((resume) => {
      const settle = (): boolean => {
        if (waiting.length === 0 && !gone) return false
        clearTimeout(timer)
        wake = undefined
        resume(waiting.length > 0 ? Effect.void : Effect.fail(new Gone({ why: "closed" })))
        return true
      }
      const timer = setTimeout(() => {
        wake = undefined
        resume(Effect.fail(new Gone({ why: "idle" })))
      }, idleMs)
      if (!settle()) wake = () => void settle()
      return Effect.sync(() => {
        clearTimeout(timer)
        wake = undefined
      })
    })
  const take = Effect.suspend((): Effect.Effect<Line, Gone> => {
    const line = waiting.shift()
    if (!gone && waiting.length < limits.ahead / 2) socket.resume()
    return line === undefined ? Effect.fail(new Gone({ why: "closed" })) : Effect.succeed(line)
  })

  /** Too fast is not wrong: it is slowed down. */
  const inTime = Effect.suspend(() => {
    const now = performance.now()
    allowance = Math.min(limits.burst, allowance + ((now - refilledAt) / 1000) * limits.perSecond)
    refilledAt = now
    allowance -= 1
    return allowance >= 0 ? Effect.void : Effect.sleep((-allowance / limits.perSecond) * 1000)
  })

  const say = (text: string): Effect.Effect<void, Gone> =>
    Effect.callback<void, Gone>((resume) => {
      if (gone || !socket.writable) return resume(Effect.fail(new Gone({ why: "closed" })))
      if (socket.write(text)) return resume(Effect.void)
      const done = (result: Effect.Effect<void, Gone>): void => {
        clearTimeout(timer)
        socket.off("drain", drained)
        closers.delete(left)
        resume(result)
      }
      const drained = (): void => done(Effect.void)
      const left = (): void => done(Effect.fail(new Gone({ why: "closed" })))
      const timer = setTimeout(() => {
        socket.destroy()
        done(Effect.fail(new Gone({ why: "stalled" })))
      }, limits.stallMs)
      socket.once("drain", drained)
      closers.add(left)
      return Effect.sync(() => {
        clearTimeout(timer)
        socket.off("drain", drained)
        closers.delete(left)
      })
    })

  return {
    ready: (idleMs) => Effect.andThen(inTime, ready(idleMs)),
    take,
    next: (idleMs) => inTime.pipe(Effect.andThen(ready(idleMs)), Effect.andThen(take)),
    say,
    closed: Effect.callback<void>((resume) => {
      const tell = (): void => resume(Effect.void)
      if (gone) return tell()
      closers.add(tell)
      return Effect.sync(() => void closers.delete(tell))
    }),
    end: (farewell) =>
      Effect.callback<void>((resume) => {
        if (socket.destroyed) return resume(Effect.void)
        const timer = setTimeout(() => socket.destroy(), 2_000)
        socket.once("close", () => {
          clearTimeout(timer)
          resume(Effect.void)
        })
        socket.resume() // what still comes is not read by anybody, but the end must be
        socket.end(farewell, () => socket.destroy())
      })
  }
}
