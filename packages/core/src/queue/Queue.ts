/**
 * Queues and jobs: pg-boss delivers, our events own the outcome.
 *
 * Owns: what a queue, a job and a handler are, and the service that delivers.
 * Does not own: who enqueues (reactors), what handlers do (workers), business retries (decisions in the log).
 * Invariants: a job is delivered at least once, so a handler finds or adopts what an earlier run left; a job whose claim was
 * lost or that was cancelled is interrupted; draining burns no attempt; no failure of Postgres ends the process.
 */
import { Context, type Duration, Effect, Schema } from "effect"
import type { DbError } from "../postgres/Db.ts"

export interface QueueDefinition {
  readonly name: string
  /** Jobs at once in this process. */
  readonly concurrency: number
  /** ≥ 10. Without a sign of life for so long a job is given to another worker. */
  readonly heartbeatSeconds: number
  /** No attempt lasts longer; ≤ 86,400. */
  readonly expireSeconds: number
  /** Attempts after the first. Crash recovery only, so generous. */
  readonly retryLimit: number
  readonly retryDelaySeconds: number
  readonly retryDelayMaxSeconds: number
  /** "exclusive": at most one queued or running job per singletonKey. Never changes once created. */
  readonly policy: "standard" | "exclusive"
  /** When the process drains: "finish" is given the grace, "interrupt" (watches) is handed back at once. */
  readonly drain: "finish" | "interrupt"
  /** How long a settled job is kept. Short: history is in the log. */
  readonly keepSeconds: number
}

export const queue = (name: string, options: Partial<Omit<QueueDefinition, "name">> = {}): QueueDefinition => ({
  name,
  concurrency: 4,
  heartbeatSeconds: 15,
  expireSeconds: 900,
  retryLimit: 20,
  retryDelaySeconds: 1,
  retryDelayMaxSeconds: 60,
  policy: "standard",
  drain: "finish",
  keepSeconds: 3600,
  ...options
})

/** Where the jobs of a queue go that cannot be decoded or have used up their attempts. */
export const deadLetterOf = (queue: string): string => `${queue}.dead`

export interface JobInfo {
  readonly id: string
  /** 1, 2, 3 … */
  readonly attempt: number
  /** Aborted when the job is interrupted: for promise APIs. */
  readonly signal: AbortSignal
}

/** A handler with its data type closed over: make it with `jobHandler`. */
export interface JobHandler<R = never> {
  readonly queue: string
  readonly run: (data: unknown, job: JobInfo) => Effect.Effect<void, JobFailed | JobNotDecodable, R>
  readonly exhausted: (data: unknown, job: ExhaustedJob) => Effect.Effect<void, JobNotDecodable, R>
}
export interface ExhaustedJob {
  readonly id: string
  readonly attempts: number
  readonly reason: string
}

export class JobNotDecodable extends Schema.TaggedError<JobNotDecodable>()("JobNotDecodable", {
  queue: Schema.String,
  id: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `job ${this.id} of ${this.queue} does not fit its schema and went to ${deadLetterOf(this.queue)}: ${this.reason}`
  }
}
/** The handler failed; pg-boss tries again after a while. */
export class JobFailed extends Schema.TaggedError<JobFailed>()("JobFailed", {
  queue: Schema.String,
  id: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `job ${this.id} of ${this.queue} failed: ${this.reason}`
  }
}
/** The job now belongs to nobody or to another worker: what this attempt would still do must not be done. */
export class ClaimLost extends Schema.TaggedError<ClaimLost>()("ClaimLost", {
  queue: Schema.String,
  id: Schema.String,
  attempt: Schema.Int
}) {
  override get message(): string {
    return `attempt ${this.attempt} of job ${this.id} (${this.queue}) was cancelled or taken over and has been stopped`
  }
}
export class UnknownQueue extends Schema.TaggedError<UnknownQueue>()("UnknownQueue", { name: Schema.String }) {
  override get message(): string {
    return `there is no queue ${this.name}; add it to the table of queues`
  }
}

/** @param options.run at least once per job; an error or defect is a failed attempt
 *  @param options.onExhausted told once every attempt has failed, at least once, in any process that works the queue */
export const jobHandler = <A, E extends { readonly message: string }, R>(options: {
  readonly queue: string
  readonly data: Schema.Codec<A, unknown>
  readonly run: (data: A, job: JobInfo) => Effect.Effect<void, E, R>
  readonly onExhausted?: (data: A, job: ExhaustedJob) => Effect.Effect<void, never, R>
}): JobHandler<R> => {
  const decodeData = Schema.decodeUnknownEffect(options.data)
  const decode = (id: string, data: unknown): Effect.Effect<A, JobNotDecodable> =>
    Effect.mapError(
      decodeData(data),
      (e) => new JobNotDecodable({ queue: options.queue, id, reason: e.message.replaceAll(/\s+/g, " ") })
    )
  return {
    queue: options.queue,
    run: (data, job) =>
      Effect.flatMap(decode(job.id, data), (decoded) =>
        Effect.mapError(
          options.run(decoded, job),
          (e) => new JobFailed({ queue: options.queue, id: job.id, reason: e.message })
        )
      ),
    exhausted: (data, job) =>
      Effect.flatMap(decode(job.id, data), (decoded) => options.onExhausted?.(decoded, job) ?? Effect.void)
  }
}

/** A job as it is put into a queue. */
export interface NewJob {
  readonly id: string
  readonly queue: string
  readonly data: Readonly<Record<string, Schema.Json>>
  readonly startAfter?: Date
  readonly priority?: number
  readonly singletonKey?: string
}

export interface QueueStatus {
  readonly name: string
  readonly waiting: number
  readonly delayed: number
  readonly active: number
  readonly dead: number
  readonly oldestWaitingSeconds: number
}

export class JobQueue extends Context.Service<
  JobQueue,
  {
    /** Joins the current transaction. Ids that are there already are left alone. For reactors, and handlers that go on later. */
    readonly enqueue: (jobs: ReadonlyArray<NewJob>) => Effect.Effect<void, DbError | UnknownQueue>
    /** What was enqueued there is committed: whoever works these queues in this process need not wait for the notification. */
    readonly nudge: (queues: ReadonlySet<string>) => void
    /** The running attempt is interrupted wherever it runs, within a third of the queue's heartbeat. */
    readonly cancel: (queue: string, id: string) => Effect.Effect<void, DbError | UnknownQueue>
    /**
     * Works the handlers' queues until interrupted, then drains: no new job, up to `grace` for short ones, the rest handed back
     * without a burnt attempt. Never fails.
     */
    readonly work: <R>(
      handlers: ReadonlyArray<JobHandler<R>>,
      options?: { readonly grace?: Duration.Input }
    ) => Effect.Effect<never, UnknownQueue, R>
    readonly status: Effect.Effect<ReadonlyArray<QueueStatus>, DbError>
  }
>()("@signalbox/core/queue/JobQueue") {}
