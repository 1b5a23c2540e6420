/** Waits for a condition that no stream announces, with a deadline that names what was waited for. */
import { Effect } from "effect"

/**
 * Asks until the answer is neither false nor undefined: every 20 ms at first, and less often what takes longer, for asking keeps busy
 * who should work. Fails the test after `deadline`.
 */
export const until = <A, E, R>(
  what: string,
  ask: Effect.Effect<A | false | undefined, E, R>,
  deadline: `${number} seconds` = "60 seconds"
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    for (let pause = 20; ; pause = Math.min(pause * 1.05, 200)) {
      const answer = yield* ask
      if (answer !== false && answer !== undefined) return answer
      yield* Effect.sleep(pause)
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => Effect.die(new Error(`waited ${deadline} in vain until ${what}`))
    })
  )
