/**
 * One job at a time goes on with a conversation, over all workers.
 *
 * Owns: waiting for one's turn. Does not own: leases (queue room), what is done in a turn.
 * Invariants: a turn is held by one fiber of one process; who waits looks every so often whether there is still anything to do, and
 * a turn of a worker that died is free when its lease has run out.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import type { DbError } from "@signalbox/core/postgres/Db.ts"
import { type LeaseLost, Leases } from "@signalbox/core/queue/Lease.ts"

const lease = { ttl: "15 seconds", renewEvery: "4 seconds" } as const
const lookEvery = "500 millis"

export class Turns extends Context.Service<
  Turns,
  {
    /** Runs `effect` when it is its turn; not at all once `over` says that there is nothing left to do. */
    readonly take: <E, R, E2, R2>(
      conversationId: string,
      over: Effect.Effect<boolean, E2, R2>,
      effect: Effect.Effect<void, E, R>
    ) => Effect.Effect<void, E | E2 | LeaseLost | DbError, R | R2>
  }
>()("@signalbox/worker/conversation/Turns") {
  static readonly layer: Layer.Layer<Turns, never, Leases> = Layer.effect(
    Turns,
    Effect.gen(function* () {
      const leases = yield* Leases
      const lines = new Map<string, { readonly turn: Semaphore.Semaphore; waiting: number }>()
      const inLine = <A, E, R>(name: string, self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const line = lines.get(name) ?? { turn: Semaphore.makeUnsafe(1), waiting: 0 }
            line.waiting++
            lines.set(name, line)
            return line
          }),
          (line) => Semaphore.withPermits(line.turn, 1)(self),
          (line) =>
            Effect.sync(() => {
              line.waiting--
              if (line.waiting === 0) lines.delete(name)
            })
        )
      return Turns.of({
        take: <E, R, E2, R2>(
          conversationId: string,
          over: Effect.Effect<boolean, E2, R2>,
          effect: Effect.Effect<void, E, R>
        ) => {
          const name = `reply/${conversationId}`
          const attempt: Effect.Effect<void, E | E2 | LeaseLost | DbError, R | R2> = leases
            .withLease(name, lease, () => effect)
            .pipe(
              Effect.catchTag("LeaseHeld", () =>
                Effect.gen(function* () {
                  yield* Effect.sleep(lookEvery)
                  if (!(yield* over)) yield* attempt
                })
              )
            )
          return inLine(name, attempt)
        }
      })
    })
  )
}
