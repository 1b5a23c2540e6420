/**
 * The doorbell: one LISTEN connection per process that tells everybody in it that the log has moved.
 *
 * Owns: when it is wired (when the first one listens), the last head that was heard of (the disk has it: see `settle`), and the backstop poll (once per second
 * while somebody listens), so that a lost notification costs latency only.
 * Does not own: the connection (`postgres/listen.ts`), events. Whoever hears the bell reads the log by cursor; the bell is never a delivery.
 * Invariants: the head heard of never goes down; a message that was sent while the connection was lost is lost, a head is not.
 */
import { Deferred, Effect, type Scope } from "effect"
import type { Db } from "../postgres/Db.ts"
import { listenForever } from "../postgres/listen.ts"
import { settleQuery } from "./settle.ts"

export const LOG_CHANNEL = "signalbox_log"
export const VOLATILE_CHANNEL = "signalbox_volatile"
const BACKSTOP = "1 second"

export interface Doorbell {
  /** Keeps the bell wired as long as the scope lives. The head is known, and the ear open, when this returns (or in vain). */
  readonly attend: Effect.Effect<void, never, Scope.Scope>
  /** The newest head that was heard of. Whatever happens to the server, the log has come so far. */
  readonly heard: () => number
  /** This process knows, from elsewhere than the bell, that the disk has the log up to here. */
  readonly ring: (position: number) => void
  /** Suspends until a head other than `seen` has been heard of; attend first. */
  readonly moved: (seen: number) => Effect.Effect<number>
  /** Called with the text of every volatile notification. */
  readonly onVolatile: (listener: (text: string) => void) => Effect.Effect<void, never, Scope.Scope>
}

export const makeDoorbell = Effect.fnUntraced(function* (db: Db["Service"]) {
  let head = 0
  let attending = 0
  let wired = false
  const sleepers = new Set<() => void>()
  const listeners = new Set<(text: string) => void>()
  const scope = yield* Effect.scope

  const hear = (position: number): void => {
    if (!(position > head)) return
    head = position
    Array.from(sleepers).forEach((wake) => wake()) // a snapshot: whoever wakes may sleep again at once
  }
  const look = Effect.ignore(
    Effect.map(
      db.query("look at the log", () => settleQuery(db.pool, false)),
      ([row]) => hear(Number(row?.settled ?? 0))
    )
  )
  const dispatch = (channel: string, text: string): void => {
    if (channel === LOG_CHANNEL) hear(Number(text))
    else for (const listener of listeners) listener(text)
  }

  const ear = (opened: Effect.Effect<unknown>) => ({
    name: "signalbox-listen",
    op: "listen to the log",
    channels: [LOG_CHANNEL, VOLATILE_CHANNEL],
    heard: dispatch,
    opened,
    trouble: () => Effect.void // whoever reads the log says so; the bell costs latency only
  })

  const firstEar = yield* Deferred.make<void>()
  const wire = Effect.gen(function* () {
    if (!wired) {
      wired = true
      const open = Effect.andThen(look, Deferred.succeed(firstEar, undefined)) // what came before LISTEN is found by looking
      yield* Effect.forkIn(listenForever(db.url, ear(open)), scope)
      yield* Effect.forkIn(
        Effect.forever(
          Effect.andThen(
            Effect.sleep(BACKSTOP),
            Effect.suspend(() => (attending > 0 ? look : Effect.void))
          )
        ),
        scope
      )
    }
    yield* Effect.timeoutOption(Deferred.await(firstEar), "5 seconds")
  })
  const attend = Effect.andThen(
    Effect.acquireRelease(
      Effect.sync(() => attending++),
      () => Effect.sync(() => attending--)
    ),
    wire
  )
  const moved = (seen: number): Effect.Effect<number> =>
    Effect.callback((resume) => {
      const wake = () => {
        sleepers.delete(wake)
        resume(Effect.succeed(head))
      }
      if (head !== seen) return resume(Effect.succeed(head))
      sleepers.add(wake)
      return Effect.sync(() => sleepers.delete(wake))
    })
  const onVolatile = (listener: (text: string) => void) =>
    Effect.andThen(
      Effect.acquireRelease(
        Effect.sync(() => listeners.add(listener)),
        () => Effect.sync(() => listeners.delete(listener))
      ),
      attend
    )
  return { attend, heard: () => head, ring: hear, moved, onVolatile } satisfies Doorbell
})
