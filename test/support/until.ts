/** Waits for a condition that no stream announces, with a deadline that names what was waited for. */
import { Effect } from "effect"

/** Asks every 20 ms until the answer is neither false nor undefined. Fails the test after `deadline`. */
export const until = <A, E, R>(
  what: string,
  ask: Effect.Effect<A | false | undefined, E, R>,
  deadline: `${number} seconds` = "60 seconds"
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    for (;;) {
      const answer = yield* ask
      if (answer !== false && answer !== undefined) return answer
      yield* Effect.sleep("20 millis")
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => Effect.die(new Error(`waited ${deadline} in vain until ${what}`))
    })
  )
