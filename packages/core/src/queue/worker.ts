/**
 * Works queues: fetch as many jobs as there are free slots, run each in a fiber of its own, keep claims alive, drain at the end.
 *
 * Owns: the loops of one process. Does not own: one job's run and settlement (`attempt.ts`).
 * Invariants: one fetch at a time per queue, and never for more jobs than slots; a job is forked before a fetch can be
 * interrupted; a lost notification costs a second; no failure of Postgres ends a loop.
 */
import type { Db as BossDb } from "pg-boss"
import { type Duration, Effect, Exit, Fiber, Metric, Queue as Mailbox, Random, Schema, Scope } from "effect"
import type { Db, Sql } from "../postgres/Db.ts"
import { listenForever } from "../postgres/listen.ts"
import { attempt, type Claimed, ClaimedJob, type Desk, interrupt } from "./attempt.ts"
import { type Boss, noteTrouble, untilItWorks } from "./boss.ts"
import { deadLetterOf, type JobHandler, type QueueDefinition } from "./Queue.ts"

/** Carries a queue's name: whoever runs jobs of it looks at once whether they still may. */
export const CANCEL_CHANNEL = "signalbox_cancel"
const POLL_MS = 1_000
const FETCH_AT_MOST = 50

const running = Metric.gauge("job_running", { description: "Jobs running in this process" })
const freeSlots = Metric.gauge("job_slots_free", { description: "Free slots of this process" })
const fetches = Metric.counter("job_fetches_total", { description: "Fetches by result", incremental: true })

const decodeJobs = Schema.decodeUnknownEffect(Schema.Array(ClaimedJob))
const decodeTouched = Schema.decodeUnknownEffect(
  Schema.Struct({ settled: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))) })
)

interface Lane<R> {
  readonly desk: Desk<R>
  readonly limit: number
  readonly beatMs: number
  readonly drain: QueueDefinition["drain"]
  readonly claims: Map<string, Claimed>
  readonly wake: Mailbox.Queue<void>
  readonly check: Mailbox.Queue<void>
}

export const workQueues = <R>(options: {
  readonly db: Db["Service"]
  readonly boss: Boss
  readonly hands: BossDb
  /** Who is told of jobs that were committed in this process. */
  readonly nudged: Set<(queue: string) => void>
  readonly channel: string
  readonly definitions: ReadonlyArray<QueueDefinition>
  readonly handlers: ReadonlyArray<JobHandler<R>>
  readonly grace: Duration.Input
}): Effect.Effect<never, never, R> =>
  Effect.acquireUseRelease(
    Effect.gen(function* () {
      const [loops, jobs] = [yield* Scope.make(), yield* Scope.make()]
      const lanes = yield* makeLanes(options)
      for (const lane of lanes) {
        yield* Effect.forkIn(Effect.interruptible(fetchLoop(lane, jobs)), loops)
        yield* Effect.forkIn(Effect.interruptible(heartbeatLoop(lane)), jobs)
      }
      yield* Effect.forkIn(Effect.interruptible(pollLoop(options.db, lanes)), loops)
      yield* Effect.forkIn(Effect.interruptible(listen(options.db, options.channel, lanes)), jobs)
      const byName = new Map(lanes.map((lane) => [lane.desk.queue, lane]))
      const wake = (queue: string): void => {
        const lane = byName.get(queue)
        if (lane !== undefined) Mailbox.offerUnsafe(lane.wake, undefined)
      }
      options.nudged.add(wake)
      return { loops, jobs, lanes, wake }
    }),
    () => Effect.never,
    ({ loops, jobs, lanes, wake }) =>
      Effect.sync(() => options.nudged.delete(wake)).pipe(
        Effect.andThen(Scope.close(loops, Exit.void)),
        Effect.andThen(drain(lanes, options.grace)),
        Effect.andThen(Scope.close(jobs, Exit.void))
      )
  )

const makeLanes = Effect.fnUntraced(function* <R>(options: {
  readonly db: Db["Service"]
  readonly boss: Boss
  readonly hands: BossDb
  readonly definitions: ReadonlyArray<QueueDefinition>
  readonly handlers: ReadonlyArray<JobHandler<R>>
}) {
  const context = yield* Effect.context<R>()
  const lanes: Array<Lane<R>> = []
  for (const handler of options.handlers) {
    const definition = options.definitions.find((one) => one.name === handler.queue)
    if (definition === undefined) continue
    const dead = deadLetterOf(definition.name)
    const deadWake = yield* Mailbox.sliding<void>(1)
    const shared = { db: options.db, boss: options.boss, hands: options.hands, context }
    lanes.push({
      desk: {
        ...shared,
        queue: definition.name,
        dead,
        run: handler.run,
        exhausted: Effect.asVoid(Mailbox.offer(deadWake, undefined))
      },
      limit: definition.concurrency,
      beatMs: (definition.heartbeatSeconds * 1000) / 3,
      drain: definition.drain,
      claims: new Map(),
      wake: yield* Mailbox.sliding<void>(1),
      check: yield* Mailbox.sliding<void>(1)
    })
    lanes.push({
      desk: {
        ...shared,
        queue: dead,
        dead: undefined,
        run: (data, _, job) =>
          handler.exhausted(data, {
            id: job.sourceId ?? job.id,
            attempts: (job.sourceRetryCount ?? 0) + 1,
            reason: reasonOf(job.sourceOutput)
          }),
        exhausted: Effect.void
      },
      limit: 1,
      beatMs: 5_000,
      drain: "finish",
      claims: new Map(),
      wake: deadWake,
      check: yield* Mailbox.sliding<void>(1)
    })
  }
  return lanes
})

/** Claims what is ready while there is room. */
const fetchLoop = <R>(lane: Lane<R>, jobs: Scope.Scope): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { queue: name, boss, hands: db } = lane.desk
    for (;;) {
      const free = Math.min(lane.limit - lane.claims.size, FETCH_AT_MOST)
      if (free <= 0) {
        yield* Mailbox.take(lane.wake)
        continue
      }
      const claimed = yield* Effect.uninterruptible(
        boss
          .call("fetch jobs", (pg) => pg.fetch(name, { batchSize: free, includeMetadata: true, db }))
          .pipe(
            Effect.timeout("20 seconds"),
            Effect.flatMap(decodeJobs),
            Effect.tap((found) => Effect.forEach(found, (job) => begin(lane, job, jobs), { discard: true }))
          )
      ).pipe(
        Effect.tapError((error) => noteTrouble(`fetch from ${name}`, error)),
        Effect.retry(untilItWorks),
        Effect.orDie
      )
      yield* Metric.update(
        Metric.withAttributes(fetches, { queue: name, result: claimed.length === 0 ? "empty" : "jobs" }),
        1
      )
      if (claimed.length < free) yield* Mailbox.take(lane.wake)
    }
  })

const begin = <R>(lane: Lane<R>, job: ClaimedJob, jobs: Scope.Scope): Effect.Effect<void> =>
  Effect.gen(function* () {
    const older = lane.claims.get(job.id)
    if (older !== undefined) yield* Effect.forkIn(interrupt(lane.desk, older, "lost"), jobs) // its claim ran out and came back to us
    const claim: Claimed = { job, controller: new AbortController(), phase: "running", fiber: undefined }
    lane.claims.set(job.id, claim)
    yield* gauges(lane)
    claim.fiber = yield* attempt(lane.desk, claim).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          if (lane.claims.get(job.id) === claim) lane.claims.delete(job.id)
          return Effect.andThen(gauges(lane), Mailbox.offer(lane.wake, undefined))
        })
      ),
      Effect.interruptible,
      Effect.forkIn(jobs)
    )
  })

const gauges = <R>(lane: Lane<R>): Effect.Effect<void> => {
  const queue = lane.desk.queue
  return Effect.andThen(
    Metric.update(Metric.withAttributes(running, { queue }), lane.claims.size),
    Metric.update(Metric.withAttributes(freeSlots, { queue }), lane.limit - lane.claims.size)
  )
}

/** One statement per queue and beat; a job that it does not find is not ours any more. */
const heartbeatLoop = <R>(lane: Lane<R>): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { queue, boss, hands: db } = lane.desk
    for (;;) {
      yield* Effect.timeoutOption(Mailbox.take(lane.check), lane.beatMs)
      const held = [...lane.claims.values()]
      if (held.length === 0) continue
      const touched = yield* boss
        .call("renew claims", (pg) =>
          pg.touch(
            queue,
            held.map((claim) => claim.job),
            { db }
          )
        )
        .pipe(
          Effect.timeout("10 seconds"),
          Effect.flatMap(decodeTouched),
          Effect.tapError((error) => noteTrouble(`renew its claims on ${queue}`, error)),
          Effect.option
        )
      if (touched._tag === "None") {
        yield* Effect.sleep("300 millis")
        yield* Mailbox.offer(lane.check, undefined)
        continue
      }
      const kept = new Set(touched.value.settled ?? [])
      for (const claim of held)
        if (!kept.has(claim.job.id) && claim.phase === "running")
          yield* Effect.asVoid(interrupt(lane.desk, claim, "lost"))
    }
  })

/** The floor under notifications, and the clock of delayed jobs: one statement per second for all queues of the process. */
const pollLoop = <R>(db: Db["Service"], lanes: ReadonlyArray<Lane<R>>): Effect.Effect<never> =>
  Effect.gen(function* () {
    const byName = new Map(lanes.map((lane) => [lane.desk.queue, lane]))
    for (;;) {
      yield* Effect.sleep(yield* Random.nextBetween(POLL_MS * 0.8, POLL_MS * 1.2))
      const hungry = lanes.filter((lane) => lane.claims.size < lane.limit).map((lane) => lane.desk.queue)
      const ready = yield* db
        .query("look for ready jobs", (sql) => readyQuery(sql, hungry))
        .pipe(
          Effect.timeout("10 seconds"),
          Effect.tapError((error) => noteTrouble("look for ready jobs", error)),
          Effect.orElseSucceed(() => [])
        )
      for (const row of ready) {
        const lane = byName.get(row.name)
        if (lane !== undefined) yield* Mailbox.offer(lane.wake, undefined)
      }
    }
  })

/** Which of the queues have a job that may run now. */
export const readyQuery = (sql: Sql, names: ReadonlyArray<string>) => sql<{ name: string }[]>`
  select q.name from unnest(${[...names]}::text[]) as q(name) where exists (
    select 1 from pgboss.job j where j.name = q.name and j.state < 'active' and not j.blocked and j.start_after <= now())`

/** Wakes the lane that a notification names; after a gap in listening, all of them. */
const listen = <R>(db: Db["Service"], channel: string, lanes: ReadonlyArray<Lane<R>>): Effect.Effect<never> => {
  const byName = new Map(lanes.map((lane) => [lane.desk.queue, lane]))
  return listenForever(db.url, {
    name: "signalbox-queue-ear",
    op: "listen for jobs",
    channels: [channel, CANCEL_CHANNEL],
    heard: (from, name) => {
      const lane = byName.get(name)
      if (lane !== undefined) Mailbox.offerUnsafe(from === channel ? lane.wake : lane.check, undefined)
    },
    opened: Effect.sync(() =>
      lanes.forEach((lane) => {
        Mailbox.offerUnsafe(lane.wake, undefined)
        Mailbox.offerUnsafe(lane.check, undefined)
      })
    ),
    trouble: (error) => noteTrouble("listen for jobs", error)
  })
}

/** No new jobs come any more. Short ones may end; the rest is interrupted and handed back as it was before this attempt. */
const drain = <R>(lanes: ReadonlyArray<Lane<R>>, grace: Duration.Input): Effect.Effect<void> =>
  Effect.gen(function* () {
    const watching = lanes.filter((lane) => lane.drain === "interrupt")
    yield* Effect.forEach(watching, stopAll, { concurrency: "unbounded", discard: true })
    const left = lanes.flatMap((lane) => [...lane.claims.values()])
    yield* Effect.forEach(left, (claim) => (claim.fiber === undefined ? Effect.void : Fiber.await(claim.fiber)), {
      concurrency: "unbounded",
      discard: true
    }).pipe(Effect.timeoutOption(grace))
    yield* Effect.forEach(lanes, stopAll, { concurrency: "unbounded", discard: true })
  })

const stopAll = <R>(lane: Lane<R>): Effect.Effect<void> =>
  Effect.forEach(
    [...lane.claims.values()],
    (claim) =>
      interrupt(lane.desk, claim, "drained").pipe(
        Effect.timeoutOption("5 seconds"),
        Effect.flatMap((ended) =>
          ended._tag === "Some"
            ? Effect.void
            : Effect.logWarning(
                `job ${claim.job.id} of ${lane.desk.queue} does not stop; another worker takes it when this process is gone`
              )
        )
      ),
    { concurrency: "unbounded", discard: true }
  )

const reasonOf = (output: unknown): string => {
  if (typeof output === "object" && output !== null && "message" in output && typeof output.message === "string")
    return output.message
  return output === null || output === undefined ? "its worker died" : JSON.stringify(output)
}
