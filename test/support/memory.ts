/**
 * What this process still holds, for tests that something does not grow.
 *
 * Invariants: only after a forced collection, for garbage says how busy a machine was and not what is held; heap and buffers
 * together, for a queue may hold events as well as frames of them. Never the resident set: an allocator gives back when it likes.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Effect } from "effect"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

/** Bytes that something still holds. Twice, for buffers outside of the heap are swept beside the program until the next one. */
export const held = (): number => {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * Waits until no more than `most` bytes are held on top of `before`: what is still on its way is let go of, what is kept for
 * somebody stays, and the test fails after a while with how much that is.
 */
export const heldAtMost = (before: number, most: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let looks = 0; looks < 40; looks++) {
      if (held() - before <= most) return
      yield* Effect.sleep("250 millis")
    }
    return yield* Effect.die(new Error(`${held() - before} bytes are held on top of ${before}; ${most} may be`))
  })
