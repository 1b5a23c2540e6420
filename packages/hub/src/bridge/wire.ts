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
export class Gone extends Data.TaggedError("Gone")<{ readonly why: "closed" | "stalled" | "idle" | "undecided" }> {}

export interface Heed {
  /** @param word in upper case @param nth the how manieth of all lines that came, from 1 */
  readonly wants: (word: string, nth: number) => boolean
  /** Whether it is of no use to wait on when no line can come any more, though the other side still listens. */
  readonly needed: () => boolean
  /** How long it is waited for now, from the last line or `look` on; undefined: as long as it takes. */
  readonly idleMs: () => number | undefined
}

export interface Wire {
  /** The next line, once it is there. Interrupted while it waits, it has taken nothing. @param idleMs how long it is waited for */
  readonly next: (idleMs: number) => Effect.Effect<Line, Gone>
  /** The same, for lines that are one thing together: they do not count against the rate. */
  readonly nextOfSame: (idleMs: number) => Effect.Effect<Line, Gone>
  /** The first line that is heeded now, before all that came earlier and wait for their turn. */
  readonly pick: (heed: Heed) => Effect.Effect<string, Gone>
  /** Who waits in `pick` looks again, for other words are heeded now. */
  readonly look: Effect.Effect<void>
  /** How many lines have come. */
  readonly heard: () => number
  /** Takes as long as the other side does, at most `stallMs`. */
  readonly say: (text: string) => Effect.Effect<void, Gone>
  /** Resolves when the other side is gone. */
  readonly closed: Effect.Effect<void>
  /** Says what it can still say, and ends. */
  readonly end: (farewell: string) => Effect.Effect<void>
}

/** How long who was told goodbye may take to end as well. */
const lingerMs = 500

export const makeWire = (socket: Duplex, limits: WireLimits): Wire => {
  const cut = makeLines(limits.line)
  const waiting: Array<Line & { readonly nth: number }> = []
  let heard = 0
  /** Whole lines and looks: from the last of them a client's time counts. */
  let news = 0
  /** No line comes any more. */
  let ended = false
  /** Nothing can be said any more. */
  let gone = false
  let allowance = limits.burst
  let refilledAt = performance.now()
  const wakes = new Set<() => void>()
  const wake = (): void => {
    for (const look of wakes) look()
  }
  const closers = new Set<() => void>()

  socket.on("data", (chunk: Buffer) => {
    for (const line of cut(chunk)) {
      waiting.push({ ...line, nth: ++heard })
      news++
    }
    if (waiting.length >= limits.ahead) socket.pause()
    wake()
  })
  const close = (): void => {
    gone = true
    ended = true
    wake()
    for (const tell of closers) tell()
    closers.clear()
  }
  socket.on("end", () => {
    ended = true // what was said before is still answered
    wake()
  })
  socket.on("close", close)
  socket.on("error", () => socket.destroy())
  socket.resume()

  /** Looks now and whenever something came; the last look is the one that finds, so nothing is taken for who has gone. */
  const awaiting = <A>(
    look: () => A | undefined,
    over: () => boolean,
    idleMs: () => number | undefined
  ): Effect.Effect<A, Gone> =>
    Effect.callback<A, Gone>((resume) => {
      let timer: NodeJS.Timeout | undefined
      let at = -1
      const stop = (): void => {
        clearTimeout(timer)
        wakes.delete(attempt)
      }
      const attempt = (): void => {
        const found = look()
        if (found === undefined && !over()) return rearm()
        stop()
        resume(found === undefined ? Effect.fail(new Gone({ why: "closed" })) : Effect.succeed(found))
      }
      const rearm = (): void => {
        if (at === news) return
        at = news
        clearTimeout(timer)
        const ms = idleMs()
        if (ms !== undefined) timer = setTimeout(silent, ms)
      }
      const silent = (): void => {
        stop()
        resume(Effect.fail(new Gone({ why: "idle" })))
      }
      wakes.add(attempt)
      attempt()
      return Effect.sync(stop)
    })
  const taken = <A>(found: A): A => {
    if (!gone && waiting.length < limits.ahead / 2) socket.resume()
    return found
  }
  const take = Effect.suspend((): Effect.Effect<Line, Gone> => {
    const line = waiting.shift()
    return line === undefined ? Effect.fail(new Gone({ why: "closed" })) : Effect.succeed(taken(line))
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

  const nextOfSame = (idleMs: number): Effect.Effect<Line, Gone> =>
    Effect.andThen(
      awaiting(
        () => (waiting.length > 0 ? true : undefined),
        () => ended,
        () => idleMs
      ),
      take
    )

  return {
    next: (idleMs) => Effect.andThen(inTime, nextOfSame(idleMs)),
    nextOfSame,
    pick: ({ wants, needed, idleMs }) =>
      awaiting(
        () => {
          const at = waiting.findIndex(
            (line) => line._tag === "Text" && wants(line.text.trim().toUpperCase(), line.nth)
          )
          const [line] = at === -1 ? [] : waiting.splice(at, 1)
          return line?._tag === "Text" ? taken(line.text.trim().toUpperCase()) : undefined
        },
        () => gone || (ended && needed()),
        idleMs
      ),
    look: Effect.sync(() => {
      news++
      wake()
    }),
    heard: () => heard,
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
        // what still comes is thrown away, not refused: a reset would take the farewell from who has not read it yet
        socket.resume()
        socket.end(farewell, () => {
          if (socket.readableEnded) return void socket.destroy()
          const lingering = setTimeout(() => socket.destroy(), lingerMs)
          socket.once("close", () => clearTimeout(lingering))
        })
      })
  }
}
