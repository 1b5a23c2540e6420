/**
 * One attempt at one job: run the handler, then settle what came of it.
 *
 * Owns: the ways an attempt can end. Does not own: when jobs are fetched and claims renewed (`worker.ts`).
 * Invariants: every settlement names the attempt (id and retry count), so an attempt that was taken over settles nothing; a job
 * that was drained is put back exactly as it was fetched; settling is tried until Postgres answers.
 */
import { Cause, type Context, Duration, Effect, Exit, Fiber, Metric, Option, Schedule, Schema } from "effect"
import type { Db as BossDb, PgBoss } from "pg-boss"
import type { Db, DbError } from "../postgres/Db.ts"
import { uuidV5 } from "../projection/Reactor.ts"
import { type Boss, CHANNEL, noteTrouble, onOurs, untilItWorks } from "./boss.ts"
import { ClaimLost, JobFailed, type JobInfo, JobNotDecodable } from "./Queue.ts"

/** What we read of a fetched job. */
export const ClaimedJob = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  data: Schema.Unknown,
  retryCount: Schema.Int,
  retryLimit: Schema.Int,
  createdOn: Schema.Date,
  startAfter: Schema.Date,
  startedOn: Schema.Date,
  sourceId: Schema.NullOr(Schema.String),
  sourceRetryCount: Schema.NullOr(Schema.Int),
  sourceOutput: Schema.Unknown
})
export type ClaimedJob = typeof ClaimedJob.Type

export interface Claimed {
  readonly job: ClaimedJob
  readonly controller: AbortController
  phase: "running" | "lost" | "drained" | "settling"
  fiber: Fiber.Fiber<void> | undefined
}

/** What the attempts of one queue share. */
export interface Desk<R> {
  readonly db: Db["Service"]
  readonly boss: Boss
  /** Its connections for what every job takes: claiming it, keeping the claim, settling it. */
  readonly hands: BossDb
  readonly context: Context.Context<R>
  readonly queue: string
  /** Undefined for a dead letter queue itself. */
  readonly dead: string | undefined
  readonly run: (data: unknown, info: JobInfo, job: ClaimedJob) => Effect.Effect<void, JobFailed | JobNotDecodable, R>
  /** Told that a job has gone to the dead letters. */
  readonly exhausted: Effect.Effect<void>
}

const waited = Metric.histogram("job_queue_wait_seconds", {
  description: "From ready to claimed, by the database's clock",
  boundaries: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
})
const attempts = Metric.counter("job_attempts_total", { description: "Attempts by outcome", incremental: true })
const lasted = Metric.histogram("job_run_seconds", {
  description: "How long handlers ran",
  boundaries: [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200]
})

export const attempt = <R>(desk: Desk<R>, claim: Claimed): Effect.Effect<void> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { job } = claim
      const named = { queue: desk.queue }
      const ready = Math.max(job.createdOn.getTime(), job.startAfter.getTime())
      yield* Metric.update(Metric.withAttributes(waited, named), Math.max(job.startedOn.getTime() - ready, 0) / 1000)
      const info = { id: job.id, attempt: job.retryCount + 1, signal: claim.controller.signal }
      const [took, exit] = yield* restore(Effect.suspend(() => desk.run(job.data, info, job))).pipe(
        Effect.provide(desk.context),
        Effect.annotateLogs({ queue: desk.queue, job: job.id, attempt: info.attempt }),
        Effect.exit,
        Effect.timed
      )
      yield* Metric.update(Metric.withAttributes(lasted, named), Duration.toSeconds(took))
      const outcome = yield* settle(desk, claim, exit)
      yield* Metric.update(Metric.withAttributes(attempts, { ...named, outcome }), 1)
    })
  )

/** Stops a running attempt and waits for its settlement. */
export const interrupt = <R>(desk: Desk<R>, claim: Claimed, why: "lost" | "drained"): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (claim.phase !== "running" || claim.fiber === undefined) return Effect.void
    claim.phase = why
    claim.controller.abort(
      why === "lost"
        ? new ClaimLost({ queue: desk.queue, id: claim.job.id, attempt: claim.job.retryCount + 1 })
        : new Error("this worker is stopping")
    )
    return Fiber.interrupt(claim.fiber)
  })

type Outcome = "completed" | "failed" | "exhausted" | "undecodable" | "claim_lost" | "handed_back" | "unsettled"

const settle = <R>(
  desk: Desk<R>,
  claim: Claimed,
  exit: Exit.Exit<void, JobFailed | JobNotDecodable>
): Effect.Effect<Outcome> => {
  if (claim.phase === "lost") return Effect.as(Effect.logWarning(lost(desk, claim).message), "claim_lost" as const)
  const drained = claim.phase === "drained"
  claim.phase = "settling"
  if (Exit.isSuccess(exit)) return persist(desk, claim, complete(desk, claim), "completed", drained)
  if (drained && Cause.hasInterrupts(exit.cause))
    return persist(desk, claim, handBack(desk, claim), "handed_back", drained)
  const error = Cause.squash(exit.cause)
  if (error instanceof JobNotDecodable)
    return Effect.andThen(
      desk.dead === undefined ? Effect.void : Effect.logError(error.message), // said when it became a dead letter
      persist(desk, claim, bury(desk, claim, error), "undecodable", drained)
    )
  const reason = error instanceof JobFailed ? error.reason : error instanceof Error ? error.message : String(error)
  const exhausted = claim.job.retryCount >= claim.job.retryLimit
  const line = exhausted ? `${reason} It was the last attempt.` : reason
  return Effect.andThen(
    Effect.logWarning(`attempt ${claim.job.retryCount + 1} of job ${claim.job.id} (${desk.queue}) failed: ${line}`),
    persist(desk, claim, fail(desk, claim, reason), exhausted ? "exhausted" : "failed", drained)
  )
}

/** Tries until Postgres answers; a stopping process only for some seconds: then the heartbeat's end gives the job to another. */
const persist = <R>(
  desk: Desk<R>,
  claim: Claimed,
  write: Effect.Effect<boolean, DbError>,
  outcome: Outcome,
  stopping: boolean
): Effect.Effect<Outcome> =>
  write.pipe(
    Effect.tapError((error) => noteTrouble(`settle job ${claim.job.id}`, error)),
    Effect.retry(untilItWorks.pipe(Schedule.upTo({ duration: stopping ? "3 seconds" : "5 minutes" }))),
    Effect.flatMap((ours) =>
      ours
        ? Effect.as(outcome === "exhausted" || outcome === "undecodable" ? desk.exhausted : Effect.void, outcome)
        : Effect.as(Effect.logWarning(lost(desk, claim).message), "claim_lost" as const)
    ),
    Effect.catch(() => Effect.succeed("unsettled" as const))
  )

const complete = <R>(desk: Desk<R>, claim: Claimed): Effect.Effect<boolean, DbError> =>
  Effect.map(
    desk.boss.call("complete a job", (pg) => pg.complete(desk.queue, claim.job, null, { db: desk.hands })),
    isOurs
  )

const fail = <R>(desk: Desk<R>, claim: Claimed, reason: string): Effect.Effect<boolean, DbError> =>
  Effect.map(
    desk.boss.call("fail a job", (pg) => pg.fail(desk.queue, claim.job, { message: reason.slice(0, 2_000) })),
    isOurs
  )

/**
 * What pg-boss does for itself in `restore`: the next claim counts as this one did. It offers no public call for it.
 * The id stays, so that a cancellation by id still finds the job.
 */
const handBack = <R>(desk: Desk<R>, claim: Claimed): Effect.Effect<boolean, DbError> =>
  Effect.map(
    desk.db.query(
      "hand a job back",
      (sql) => sql`with back as (
          update pgboss.job set state = 'created', started_on = null, heartbeat_on = null
          where name = ${desk.queue} and id = ${claim.job.id} and state = 'active' and retry_count = ${claim.job.retryCount}
          returning 1)
        select pg_notify(${CHANNEL}, ${desk.queue}) from back`
    ),
    (rows) => rows.length === 1
  )

/** Straight to the dead letters: no retry makes data fit a schema. */
const bury = <R>(desk: Desk<R>, claim: Claimed, error: JobNotDecodable): Effect.Effect<boolean, DbError> => {
  const { dead } = desk
  if (dead === undefined) return complete(desk, claim)
  const { job } = claim
  const letter = { id: uuidV5(`undecodable ${job.id}`), data: Object(job.data) }
  return desk.db.transaction(
    Effect.gen(function* () {
      const settled = yield* onOurConnection(desk, "settle a job", (pg, db) =>
        pg.complete(desk.queue, job, { message: error.message.slice(0, 2_000) }, { db })
      )
      if (!isOurs(settled)) return false
      yield* onOurConnection(desk, "bury a job", (pg, db) => pg.insert(dead, [letter], { db }))
      return true
    })
  )
}

const onOurConnection = <R, A>(
  desk: Desk<R>,
  op: string,
  f: (boss: PgBoss, db: BossDb) => Promise<A>
): Effect.Effect<A, DbError> =>
  Effect.flatten(desk.db.query(op, async (sql) => desk.boss.call(op, (pg) => f(pg, onOurs(sql)))))

const decodeResponse = Schema.decodeUnknownOption(Schema.Struct({ affected: Schema.Int }))
const isOurs = (response: unknown): boolean => Option.getOrUndefined(decodeResponse(response))?.affected === 1

const lost = <R>(desk: Desk<R>, claim: Claimed): ClaimLost =>
  new ClaimLost({ queue: desk.queue, id: claim.job.id, attempt: claim.job.retryCount + 1 })
