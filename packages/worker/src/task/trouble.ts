/**
 * Trouble that lasts is said once: when it begins, when its reason changes, and when it is over.
 *
 * Owns: what counts as the same trouble. Does not own: trying again.
 * Invariant: numbers that count (seconds to wait, ports, pids) make no new trouble.
 */
import { Effect } from "effect"

export interface Trouble {
  readonly met: (reason: string) => Effect.Effect<void>
  readonly over: Effect.Effect<void>
}

/** @param what "watching web1" @param again how often it is tried: "every few seconds" */
export const makeTrouble = (what: string, again: string): Trouble => {
  let said: string | undefined
  return {
    met: (reason) =>
      Effect.suspend(() => {
        const plain = reason.replace(/; tried again in .*$/u, "")
        const same = plain.replace(/\d+/gu, "#")
        if (same === said) return Effect.void
        said = same
        return Effect.logInfo(`${what}: ${plain}; it is tried again ${again}, and said again when that changes`)
      }),
    over: Effect.suspend(() => {
      if (said === undefined) return Effect.void
      said = undefined
      return Effect.logInfo(`${what}: it works again`)
    })
  }
}
