/**
 * Asks the hub for its agents: at the start, when the log speaks of one, and again and again while somebody looks at them.
 *
 * Owns: when it is asked. Does not own: the copy (`AgentStore.ts`).
 * Invariants: one question at a time; what happens meanwhile is asked for once more.
 */
import type { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { Store } from "../store.ts"

export interface AgentActs {
  /** Somebody looks at hosts. */
  readonly follow: (seen: boolean) => void
}

/** Agents say what they measure every 15 seconds. */
const pace = 10_000

export const agentActs = (options: {
  readonly store: Store
  readonly act: <A>(effect: Effect.Effect<A, unknown, HubClient>) => Promise<A>
}): AgentActs & { readonly close: () => void } => {
  const { store, act } = options
  let timer: NodeJS.Timeout | undefined
  let asking = false
  let again = false

  const ask = (): void => {
    if (asking) {
      again = true
      return
    }
    asking = true
    void act(HubClient.use((hub) => hub.agents.list()))
      .then(
        ({ agents }) => store.agents.set(agents),
        () => {} // the line is down, which the header says; it is asked again
      )
      .finally(() => {
        asking = false
        if (again) ask()
        again = false
      })
  }
  store.agents.onChanged = ask

  return {
    follow: (seen) => {
      if (seen && timer === undefined) {
        ask()
        timer = setInterval(ask, pace)
      }
      if (!seen && timer !== undefined) {
        clearInterval(timer)
        timer = undefined
      }
    },
    close: () => {
      store.agents.onChanged = () => {}
      again = false
      clearInterval(timer)
    }
  }
}
