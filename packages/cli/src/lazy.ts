/**
 * What a verb does, loaded when it runs: the way to keep `--help` and completions fast.
 */
import { Effect } from "effect"

/** @param load `() => import("../db/status.ts")` @param use picks the handler */
export const lazy = <M, A, E, R>(load: () => Promise<M>, use: (module: M) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.promise(load), use)
