/**
 * Reactors: the only way from an event to a job. The log is the outbox.
 *
 * Owns: what a reactor is, and the deterministic id of a job. Does not own: the queues (`queue/JobQueue`), what jobs do.
 * Invariants: `react` is pure; the jobs of an event and the reactor's checkpoint are one transaction; the id of a job follows
 * from the event, the reactor and the suffix alone; rebuilding a projection never runs a reactor.
 */
import { createHash } from "node:crypto"
import { Context, type Effect, type Schema, type Scope } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import type { LogUnavailable } from "../log/EventLog.ts"
import type { DbError } from "../postgres/Db.ts"
import type { FollowerStatus, RetryOutcome, UnknownProjection } from "./Projection.ts"

export interface JobRequest {
  readonly queue: string
  /** Small: ids, not contents. */
  readonly data: Readonly<Record<string, Schema.Json>>
  readonly startAfter?: Date
  /** Higher runs first. Default 0. */
  readonly priority?: number
  /** At most one queued or running job per key, on a queue with the policy for it. */
  readonly singletonKey?: string
  /** Tells apart several jobs of one event. */
  readonly suffix?: string
}

export interface Reactor {
  readonly name: string
  readonly types: ReadonlyArray<string>
  /** Where a reactor that was never here before begins. */
  readonly from: "beginning" | "now"
  readonly react: (event: RecordedEvent) => ReadonlyArray<JobRequest>
}

export type Listener = (events: ReadonlyArray<RecordedEvent>) => Effect.Effect<void>

export class Reactors extends Context.Service<
  Reactors,
  {
    /** Follows the log with every reactor, until interrupted. Safe in many processes. */
    readonly run: Effect.Effect<never>
    /**
     * As long as the scope lives, `listener` is told of the events that this process is about to make jobs of: most often one
     * process is, and some milliseconds before a job could run. A hint to begin early, never a delivery: the job is that. The
     * jobs wait for the listener, for 50 ms at most.
     */
    readonly overhear: (name: string, listener: Listener) => Effect.Effect<void, UnknownProjection, Scope.Scope>
    readonly waitFor: (name: string, position: number) => Effect.Effect<void, UnknownProjection>
    readonly status: Effect.Effect<ReadonlyArray<FollowerStatus>, DbError>
    readonly retry: (
      name: string,
      stream: string
    ) => Effect.Effect<RetryOutcome, UnknownProjection | DbError | LogUnavailable>
  }
>()("@signalbox/core/projection/Reactors") {}

/** Of jobs that follow from events; chosen once and never changed. */
const NAMESPACE = Buffer.from("7f1d0c54a1f25d0e9d7b51670b0c51b0", "hex")

/** The id of the job that a reactor makes of an event. */
export const jobId = (
  event: { readonly position: number; readonly stream: string },
  reactor: string,
  suffix = ""
): string => uuidV5(JSON.stringify([event.position, event.stream, reactor, suffix]))

/** RFC 9562 §5.5, in our namespace. */
export const uuidV5 = (name: string): string => {
  const bytes = createHash("sha1").update(NAMESPACE).update(name, "utf8").digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")
}
