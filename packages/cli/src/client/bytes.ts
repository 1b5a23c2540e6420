/** Raw bytes to stdout, as slow as the reader is. */
import { Effect } from "effect"

export const writeBytes = (bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stdout.write(bytes, () => resume(Effect.void))
  })
