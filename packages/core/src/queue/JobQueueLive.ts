/**
 * The queue service on pg-boss.
 *
 * Owns: enqueueing and cancelling on our own connection, the queues' status. Does not own: working (`worker.ts`).
 * Invariant: an enqueue inside a transaction commits or vanishes with it, its wake-up too.
 */
import { Effect, Layer } from "effect"
import { connect, Db } from "../postgres/Db.ts"
import { CHANNEL, onOurs, startBoss } from "./boss.ts"
import { deadLetterOf, JobQueue, type NewJob, type QueueDefinition, type QueueStatus, UnknownQueue } from "./Queue.ts"
import { CANCEL_CHANNEL, workQueues } from "./worker.ts"

/**
 * @param queues the whole table of queues, the same in every process
 * @param options.connections pg-boss's own pool @param options.supervise finds dead workers' jobs; false in processes that never work
 */
export const layer = (
  queues: ReadonlyArray<QueueDefinition>,
  options: { readonly connections?: number; readonly supervise?: boolean } = {}
): Layer.Layer<JobQueue, never, Db> =>
  Layer.effect(
    JobQueue,
    Effect.gen(function* () {
      const db = yield* Db
      const boss = yield* startBoss(db.url, queues, {
        connections: options.connections ?? 4,
        supervise: options.supervise ?? true
      })
      // opened with the first job that is looked for
      const hands = yield* Effect.acquireRelease(
        Effect.sync(() => connect(db.url, { max: 4, name: "signalbox-jobs" })),
        (sql) => Effect.promise(() => sql.end({ timeout: 5 }))
      )
      const byName = new Map(queues.map((one) => [one.name, one]))
      const known = (name: string): Effect.Effect<QueueDefinition, UnknownQueue> => {
        const found = byName.get(name)
        return found === undefined ? Effect.fail(new UnknownQueue({ name })) : Effect.succeed(found)
      }

      const enqueue = Effect.fn("JobQueue.enqueue")(function* (jobs: ReadonlyArray<NewJob>) {
        for (const [name, group] of grouped(jobs)) {
          yield* known(name)
          const rows = [...group.values()].map(({ id, data, priority, startAfter, singletonKey }) => ({
            id,
            data,
            ...(priority === undefined ? {} : { priority }),
            ...(startAfter === undefined ? {} : { startAfter }),
            ...(singletonKey === undefined ? {} : { singletonKey })
          }))
          yield* Effect.flatten(
            db.query("enqueue jobs", async (sql) => {
              const client = onOurs(sql)
              return boss.call("enqueue jobs", (pg) => pg.insert(name, rows, { db: client }))
            })
          )
        }
      })

      const cancel = Effect.fn("JobQueue.cancel")(function* (name: string, id: string) {
        yield* known(name)
        yield* Effect.flatten(
          db.query("cancel a job", async (sql) => {
            const client = onOurs(sql)
            return boss.call("cancel a job", (pg) => pg.cancel(name, id, { db: client }))
          })
        )
        yield* db.query("announce a cancellation", (sql) => sql`select pg_notify(${CANCEL_CHANNEL}, ${name})`)
      })

      const lanes = new Set<(queue: string) => void>()

      return JobQueue.of({
        enqueue,
        nudge: (names) => names.forEach((name) => lanes.forEach((wake) => wake(name))),
        cancel,
        work: (handlers, workOptions = {}) =>
          Effect.gen(function* () {
            const definitions = yield* Effect.forEach(handlers, (handler) => known(handler.queue))
            return yield* workQueues({
              db,
              boss,
              hands: onOurs(hands),
              nudged: lanes,
              channel: CHANNEL,
              definitions,
              handlers,
              grace: workOptions.grace ?? "10 seconds"
            })
          }),
        status: Effect.suspend(() => queueStatus(db, [...byName.keys()]))
      })
    })
  )

/** By queue, then by id: pg-boss refuses the same id twice in a statement. */
const grouped = (jobs: ReadonlyArray<NewJob>): Map<string, Map<string, NewJob>> => {
  const queues = new Map<string, Map<string, NewJob>>()
  for (const job of jobs) {
    const group = queues.get(job.queue) ?? new Map<string, NewJob>()
    queues.set(job.queue, group.set(job.id, job))
  }
  return queues
}

const queueStatus = (db: Db["Service"], names: ReadonlyArray<string>) =>
  db.query(
    "read the queues",
    (sql) => sql<QueueStatus[]>`select q.name,
        count(j.id) filter (where j.state < 'active' and j.start_after <= now())::int as waiting,
        count(j.id) filter (where j.state < 'active' and j.start_after > now())::int as delayed,
        count(j.id) filter (where j.state = 'active')::int as active,
        (select count(*) from pgboss.job d where d.name = q.dead)::int as dead,
        coalesce(extract(epoch from now() - min(j.start_after) filter (where j.state < 'active' and j.start_after <= now())), 0)::float8
          as "oldestWaitingSeconds"
      from unnest(${[...names]}::text[], ${names.map(deadLetterOf)}::text[]) as q(name, dead)
      left join pgboss.job j on j.name = q.name and j.state <= 'active'
      group by q.name, q.dead order by q.name`
  )
