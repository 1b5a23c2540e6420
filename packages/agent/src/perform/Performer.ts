/**
 * How an action is carried out on this host: one function a name of the catalogue.
 *
 * Owns: what a performer is given and answers. Does not own: who may ask (grants), that it happens once (receipts), the catalogue.
 * Invariants: a performer runs programs by absolute path with an array of arguments and a fixed environment, never through a shell;
 * it looks before, acts, and looks again: `proven` says that the catalogue's proof was seen to hold; it ends its children when aborted.
 */
import type { ActionArgs, ActionName } from "@signalbox/core/action/catalog.ts"
import type { Outcome } from "@signalbox/core/agent/protocol.ts"
import type { Schema } from "effect"

export interface Performing {
  /** Names backups and timers; the same when a command is told twice. */
  readonly commandId: string
  readonly signal: AbortSignal
  /** For acts that can cut the agent off: milliseconds until the restore by itself, which the hub's word calls off. */
  readonly guardMillis?: number
}

export interface Performed {
  /** `refused`: looked at and not begun, so nothing has changed. */
  readonly outcome: Exclude<Outcome, "expired" | "unknown">
  /** One sentence for people. */
  readonly summary: string
  readonly data: Schema.Json
  /** Absent for reads. */
  readonly proven?: boolean
  /** What was well can fall over a moment later: looks until `signal`, and tells it if it does. */
  readonly afterwards?: (signal: AbortSignal) => Promise<Relapse | undefined>
}

/** After its answer an act's success did not last. */
export interface Relapse {
  /** One sentence for people. */
  readonly summary: string
  readonly data: Schema.Json
}

/** Rejects when nobody can tell how the act ended. */
export type Performer<Name extends ActionName> = (args: ActionArgs<Name>, of: Performing) => Promise<Performed>
export type Performers = { readonly [Name in ActionName]: Performer<Name> }
