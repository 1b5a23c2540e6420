/**
 * What a person is told while something takes longer than a second.
 *
 * Owns: the channel and the patience. Does not own: how it looks (a line on stderr, the first screen of the terminal UI).
 */
import { Context, Effect } from "effect"

/** Where progress goes; the log unless an edge says otherwise. */
export const Progress = Context.Reference<(message: string) => Effect.Effect<void>>(
  "@signalbox/core/observe/Progress",
  { defaultValue: () => (message) => Effect.logInfo(message) }
)

/** Runs `self`; when it is not done after a second, `message` is told once. */
export const withProgress =
  (message: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const tell = yield* Progress
      const patience = tell(message).pipe(Effect.delay("1 second"), Effect.interruptible)
      const telling = yield* Effect.forkChild(patience)
      return yield* Effect.ensuring(
        self,
        Effect.sync(() => telling.interruptUnsafe())
      )
    })
