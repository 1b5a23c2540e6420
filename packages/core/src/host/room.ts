/** The host room as one value, for `Commands.execute`: `local` is there before any event. */
import type { Decider } from "../log/Decider.ts"
import { decideHost, type HostCommand, type HostRejection } from "./decider.ts"
import type { HostEvent } from "./events.ts"
import { evolveHost, type HostView, initialHost } from "./view.ts"

export const hostDecider = (name: string): Decider<HostView | undefined, HostCommand, HostEvent, HostRejection> =>
  name === "local" ? localDecider : remoteDecider

// One object each: states that are remembered belong to a decider.
const remoteDecider: Decider<HostView | undefined, HostCommand, HostEvent, HostRejection> = {
  initial: undefined,
  evolve: evolveHost,
  decide: decideHost
}
const localDecider: typeof remoteDecider = { ...remoteDecider, initial: initialHost("local") }
