/**
 * The event log: the one write path, and every way to read it.
 *
 * Invariants: `append` is the only statement that writes `log.event`; positions are 1, 2, 3 … in commit order without gaps;
 * a reader that has seen position N has seen everything up to N; a command id takes effect at most once.
 */
import { Context, type Effect, Schema, type Stream } from "effect"
import type { NewEvent, RecordedEvent } from "./Event.ts"

/** Someone else appended to the stream first. Read it again and decide anew. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  stream: Schema.String,
  expected: Schema.Union([Schema.Int, Schema.Literal("new")]),
  actual: Schema.Int
}) {
  override get message(): string {
    return `${this.stream} is at version ${this.actual}, not ${this.expected}: somebody was faster`
  }
}
/** The command was rejected, now or when the same command id came before. `reason` is for people. */
export class CommandRejected extends Schema.TaggedError<CommandRejected>()("CommandRejected", {
  commandId: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}
/** The command id was used before for another body. */
export class CommandIdReused extends Schema.TaggedError<CommandIdReused>()("CommandIdReused", {
  commandId: Schema.String
}) {
  override get message(): string {
    return `command ${this.commandId} was already used for something else; give this one an id of its own`
  }
}
/** The payload cannot be stored unchanged: a NUL, a lone surrogate, NaN, or more than the limit. Nothing was written. */
export class EventNotStorable extends Schema.TaggedError<EventNotStorable>()("EventNotStorable", {
  stream: Schema.String,
  type: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.type} on ${this.stream} cannot be stored: ${this.reason}`
  }
}
/** Postgres is away, or the append queue is full. The outcome of an append that ends so is known only by its command id. */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", { reason: Schema.String }) {
  override get message(): string {
    return `the event log is not available: ${this.reason}`
  }
}
export type AppendError = VersionConflict | CommandRejected | CommandIdReused | EventNotStorable | LogUnavailable

export interface Append {
  readonly stream: string
  /** The version the decision was made on: "new" = 0, "any" = no check. */
  readonly expected: number | "any" | "new"
  /** UUID, chosen by the client. The same id again answers what the first answered. */
  readonly commandId: string
  /** What the command said, for telling a repeat from a reuse. Default: the events. */
  readonly body?: string
  /** None (and no `reject`) records an accepted command that changes nothing. */
  readonly events: ReadonlyArray<NewEvent>
  /** Records a rejection (a receipt without events) with this sentence; the append then fails with CommandRejected. */
  readonly reject?: string
  /** Who: "person:ana", "worker:host-pid", "hub", "local-admin". */
  readonly actor: string
  /** Default: commandId. */
  readonly correlationId?: string
  /** Position of the event that led to this. */
  readonly causationId?: number
}
export interface Appended {
  /** First version written; `toVersion + 1` when the command was accepted and changed nothing. */
  readonly fromVersion: number
  readonly toVersion: number
  /** Position of the last event written; the head at that time when nothing was. */
  readonly toPosition: number
  /** True when the command id had been accepted before: nothing was written now. */
  readonly duplicate: boolean
}

export interface PageOptions {
  readonly stream?: string
  readonly type?: string
  readonly from?: number
  readonly limit?: number
}
export interface Page {
  readonly events: ReadonlyArray<RecordedEvent>
  readonly more: boolean
}

export type Followed =
  | { readonly _tag: "Event"; readonly event: RecordedEvent }
  /** Once, when the head that was seen at the start has been delivered. */
  | { readonly _tag: "CaughtUp"; readonly position: number }

export type Verdict =
  | { readonly ok: true; readonly events: number; readonly head: string }
  | { readonly ok: false; readonly position: number; readonly reason: string }

export class EventLog extends Context.Service<
  EventLog,
  {
    /**
     * Group-committed with its neighbours; suspends while the queue is full. Retries a lost connection by the command's receipt.
     * Answers, refusals too, when the disk has it; no way of reading below tells of it before.
     */
    readonly append: (item: Append) => Effect.Effect<Appended, AppendError>
    /**
     * One page in order, ended by `limit` (≤ 10,000, default 1,000) or by the event that passes 4 MiB of payload. `from`: first
     * position (or version, with `stream`) wanted, 1-based. `more`: false when the page has certainly reached the end.
     */
    readonly page: (options: PageOptions) => Effect.Effect<Page, LogUnavailable>
    /** The events of `page`: a short answer is not the end of the log. */
    readonly read: (options: PageOptions) => Effect.Effect<ReadonlyArray<RecordedEvent>, LogUnavailable>
    /**
     * The same at the head of the log, where many of a process ask for the same: read once for all of them, payloads of every type.
     * @param known a position that is known to be there; the page reaches it, and the newest bell, unless it is cut by its size
     */
    readonly newest: (
      from: number,
      limit: number,
      known?: number
    ) => Effect.Effect<ReadonlyArray<RecordedEvent>, LogUnavailable>
    /** Every event from `from` (default 1) to the head at the start, in pages: bounded memory. */
    readonly readAll: (options?: {
      readonly stream?: string
      readonly from?: number
      readonly to?: number
    }) => Stream.Stream<RecordedEvent, LogUnavailable>
    /** Durable and gapless from position `from` (first wanted, default 1), for ever. Survives lost connections and lost notifications. */
    readonly follow: (options?: {
      readonly from?: number
      readonly stream?: string
    }) => Stream.Stream<Followed, LogUnavailable>
    readonly head: Effect.Effect<number, LogUnavailable>
    /** The head position whenever it has moved, coalesced: a hint to look, never a delivery. The current head first. */
    readonly changes: Stream.Stream<number>
    /** Succeeds when the log's head is at or past `position`. */
    readonly waitFor: (position: number) => Effect.Effect<void>
    /** Lossy messages between processes (streaming output, token deltas): at most 7,500 bytes of JSON each, larger ones are dropped. */
    readonly publish: (topic: string, payload: Schema.Json) => Effect.Effect<void>
    readonly subscribe: (topic: string) => Stream.Stream<Schema.Json>
    /**
     * Recomputes the chain (and density) with bounded memory. `progress` is told the position about once per 10,000 events.
     * `expectedHead` is a head that was remembered elsewhere: only with it are a cut end and a rewritten log found.
     */
    readonly verify: (options?: {
      readonly progress?: (position: number) => Effect.Effect<void>
      readonly expectedHead?: { readonly position: number; readonly hash: string }
    }) => Effect.Effect<Verdict, LogUnavailable>
  }
>()("@signalbox/core/log/EventLog") {}
