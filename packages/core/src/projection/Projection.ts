/**
 * Projections: read models in SQL that follow the log.
 *
 * Owns: what a projection is, and the service that runs, watches, mends and rebuilds all of them.
 * Does not own: any room's tables (migrations create them in the schema `read`) nor their SQL (each room's `projection.ts`).
 * Invariants: an event takes effect once, in log order within its stream; the checkpoint moves in the transaction of the effect;
 * readers never wait for a rebuild; a rebuild never fires a reactor.
 */
import { Context, type Effect, Schema } from "effect"
import type { EventNotDecodable, RecordedEvent } from "../log/Event.ts"
import type { LogUnavailable } from "../log/EventLog.ts"
import type { Db, DbError } from "../postgres/Db.ts"

export interface Projection {
  /** Lower case, stable: it names the checkpoint. */
  readonly name: string
  /** Raise it when `apply` or the tables change their meaning: the read model is then rebuilt at the next start. */
  readonly version: number
  /** Tables of the schema `read` that only this projection writes, without the schema. No foreign keys between them. */
  readonly tables: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
  /**
   * Applies events set-wise, inside a transaction whose search_path is the schema to write: name tables WITHOUT a schema.
   * Must depend on nothing but the events and its own tables. A failure that lies in the data parks the event.
   */
  readonly apply: (events: ReadonlyArray<RecordedEvent>) => Effect.Effect<void, DbError | EventNotDecodable, Db>
}

export interface ParkedEvent {
  readonly name: string
  /** "read": a projection; "read_next": its rebuild; "jobs": a reactor. */
  readonly target: Target
  readonly position: number
  readonly stream: string
  readonly type: string
  /** Null: it only waits behind an earlier event of its stream. */
  readonly reason: string | null
  readonly attempts: number
  readonly at: string
}
export type Target = "read" | "read_next" | "jobs"

export interface FollowerStatus {
  readonly name: string
  readonly target: Target
  readonly version: number
  readonly position: number
  /** Events between it and the head. */
  readonly behind: number
  readonly parked: number
  readonly trouble: string | null
}

export interface RebuildProgress {
  readonly name: string
  readonly position: number
  readonly head: number
}
export interface Rebuilt {
  readonly name: string
  readonly position: number
  readonly events: number
  readonly parked: number
}

export class UnknownProjection extends Schema.TaggedError<UnknownProjection>()("UnknownProjection", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `there is no projection ${this.name}; there are ${this.known.join(", ")}`
  }
}

/** Another rebuild of the same projection was begun later; that one goes on. */
export class RebuildSuperseded extends Schema.TaggedError<RebuildSuperseded>()("RebuildSuperseded", {
  name: Schema.String
}) {
  override get message(): string {
    return `another rebuild of ${this.name} was started and took over; wait for that one`
  }
}

/** A failure that lies in the program or the schema, not in one event: nothing was parked, nothing was changed. */
export class FollowerBroken extends Schema.TaggedError<FollowerBroken>()("FollowerBroken", {
  name: Schema.String,
  position: Schema.Int,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.name} cannot go on after position ${this.position}: ${this.reason}`
  }
}

export interface RetryOutcome {
  readonly applied: number
  readonly remaining: number
  /** Why the next one failed again. */
  readonly reason: string | null
}

export class Projections extends Context.Service<
  Projections,
  {
    /** Follows the log with every projection, until interrupted. Safe in many processes: each batch is applied by one of them. */
    readonly run: Effect.Effect<never>
    /** Read-your-writes: succeeds when the read model has seen `position`, whichever process applies it. */
    readonly waitFor: (name: string, position: number) => Effect.Effect<void, UnknownProjection>
    readonly status: Effect.Effect<ReadonlyArray<FollowerStatus>, DbError>
    /** Of projections and reactors, in log order. */
    readonly parked: Effect.Effect<ReadonlyArray<ParkedEvent>, DbError>
    /** Applies the parked events of a stream in order, up to the first that fails again. */
    readonly retry: (
      name: string,
      stream: string
    ) => Effect.Effect<RetryOutcome, UnknownProjection | DbError | LogUnavailable>
    /** Replays from the first event into new tables and swaps them in. The old ones serve, and are kept up, until then. */
    readonly rebuild: (
      name: string,
      progress?: (progress: RebuildProgress) => Effect.Effect<void>
    ) => Effect.Effect<Rebuilt, UnknownProjection | RebuildSuperseded | FollowerBroken | DbError | LogUnavailable>
  }
>()("@signalbox/core/projection/Projections") {}

/** For `waitFor`: every projection. */
export const ALL = "all"
