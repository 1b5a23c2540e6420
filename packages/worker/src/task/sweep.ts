/**
 * Frees what no event frees: the slot of a task that stayed unknown until its day was over.
 *
 * Owns: when it looks. Does not own: which slots are over (`watched.ts`), giving them to others (`dispatch.ts`).
 * Invariant: level-triggered, in every worker: dispatching a host twice grants nothing twice.
 */
import { Effect } from "effect"
import { dispatchHost } from "./dispatch.ts"
import { overdueHosts } from "./watched.ts"

const every = "1 minute"

export const sweepSlots = Effect.gen(function* () {
  for (const host of yield* overdueHosts) yield* dispatchHost(host)
})

export const runSweeps = Effect.forever(
  sweepSlots.pipe(
    Effect.catch((error) => Effect.logWarning(`looking for slots that are over: ${error.message}`)),
    Effect.andThen(Effect.sleep(every))
  )
)
