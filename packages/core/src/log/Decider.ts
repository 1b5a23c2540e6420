/**
 * The shape of every room's decisions: pure, so that the command side, the screens and the replay share one `evolve`.
 *
 * Owns: the interface and the fold. Does not own: running it against the log (`Commands`).
 * Invariants: no clock, no randomness, no I/O: time and ids come in with the command or with the event; `evolve` never throws
 * and never changes the state it was given.
 */
import type { Result } from "effect"
import type { RecordedEvent } from "./Event.ts"

/** What the log knows about an event besides its payload. */
export type EventMeta = Pick<
  RecordedEvent,
  "position" | "stream" | "version" | "actor" | "commandId" | "correlationId" | "causationId" | "at"
>

export interface Decider<State, Command, Event, Rejection extends { readonly message: string }> {
  readonly initial: State
  readonly evolve: (state: State, event: Event, meta: EventMeta) => State
  /** No events: accepted, nothing to change. `message` of a rejection is for people and is kept in the receipt. */
  readonly decide: (state: State, command: Command) => Result.Result<ReadonlyArray<Event>, Rejection>
}
