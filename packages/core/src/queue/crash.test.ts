/** Workers and a Postgres that die in the middle of work: every job ends, and takes effect once. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { startChild } from "../../../../test/support/child.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { migrations, startServer } from "../../../../test/support/postgres-server.ts"
import { added, createTally, reactor } from "../../../../test/support/tally.ts"
import { until } from "../../../../test/support/until.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as logLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { migrate } from "../postgres/migrate.ts"
import { Reactors } from "../projection/Reactor.ts"
import { layer as reactorsLayer } from "../projection/ReactorsLive.ts"
import { layer } from "./JobQueueLive.ts"
import { jobHandler, JobQueue, queue } from "./Queue.ts"

const queues = [queue("sort", { concurrency: 4, heartbeatSeconds: 10 })]
const job = (position: number) => ({ id: randomUUID(), queue: "sort", data: { position } })

const createEffects = Effect.flatMap(Db, (db) =>
  db.query("create the tables", (sql) =>
    sql
      .unsafe(
        `create table run (id uuid not null, attempt int not null, worker text not null, at timestamptz default now());
         create table effect (id uuid primary key);`
      )
      .simple()
  )
)
const count = (what: "completed" | "effects") =>
  Effect.flatMap(Db, (db) =>
    db.query("count", (sql) =>
      what === "effects"
        ? sql<{ n: number }[]>`select count(*)::int as n from effect`
        : sql<{ n: number }[]>`select count(*)::int as n from pgboss.job where name = 'sort' and state = 'completed'`
    )
  ).pipe(Effect.map((rows) => rows[0]?.n ?? 0))

describe("workers that share a queue", () => {
  it.live(
    "finish every job although one of three is killed in the middle; only its jobs run again",
    () =>
      Effect.gen(function* () {
        yield* createEffects
        const [db, jobs] = [yield* Db, yield* JobQueue]
        const children = yield* Effect.forEach(["a", "b", "c"], (name) =>
          startChild("follower.ts", { url: db.url, role: "work", name })
        )
        let sent = 0
        const more = Effect.suspend(() => {
          sent += 300
          return jobs.enqueue(Array.from({ length: 300 }, (_, n) => job(n)))
        })
        yield* more
        const busy = db.query(
          "see who is busy",
          (sql) => sql<{ worker: string; n: number }[]>`select worker, count(*)::int as n from run group by worker`
        )
        yield* until(
          "all three have worked",
          Effect.gen(function* () {
            if ((yield* busy).length === 3) return true
            if ((yield* count("completed")) > sent - 100) yield* more // one of them is slow to start: work is there when it comes
            return false
          })
        )
        yield* more
        yield* children[0]?.kill("SIGKILL") ?? Effect.void
        yield* until(
          "all are completed",
          Effect.map(count("completed"), (n) => n === sent),
          "120 seconds"
        )
        assert.strictEqual(yield* count("effects"), sent)
        const repeated = yield* db.query(
          "read what ran twice",
          (sql) => sql<
            { workers: string[]; n: number }[]
          >`select array_agg(worker order by attempt) as workers, count(*)::int as n
            from run group by id having count(*) > 1`
        )
        assert.isAtMost(repeated.length, 4)
        for (const one of repeated) assert.strictEqual(one.workers[0], "a")
        const claimed = yield* db.query(
          "read the attempts of killed jobs",
          (sql) =>
            sql<{ n: number }[]>`select count(*)::int as n from pgboss.job where name = 'sort' and retry_count > 0`
        )
        assert.isAtMost(claimed[0]?.n ?? 99, 4)
      }).pipe(Effect.provide(layer(queues).pipe(Layer.provideMerge(Layer.fresh(DbTest))))),
    300_000
  )
})

const PrivateServer = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => startServer()),
      (server) => Effect.promise(server.stop)
    ),
    (server) => Layer.effectDiscard(migrate(migrations)).pipe(Layer.provideMerge(Db.layer(server.url)))
  )
)

describe("a Postgres that crashes and comes back", () => {
  it.live(
    "costs nothing but time: reactors, queue and handlers go on, each job takes effect once",
    () =>
      Effect.gen(function* () {
        yield* createEffects
        yield* createTally
        const [db, log, jobs, reactors] = [yield* Db, yield* EventLog, yield* JobQueue, yield* Reactors]
        const handler = jobHandler({
          queue: "sort",
          data: Schema.Struct({ position: Schema.Int }),
          run: (_, info) =>
            Effect.gen(function* () {
              yield* Effect.sleep("10 millis")
              yield* db.query(
                "take effect",
                (sql) => sql`insert into effect (id) values (${info.id}) on conflict do nothing`
              )
            })
        })
        const running = yield* Effect.forkChild(Effect.all([reactors.run, jobs.work([handler])], { concurrency: 2 }))
        let last = 0
        for (let round = 0; round < 3; round++) {
          for (let i = 0; i < 20; i++) last = (yield* log.append(added(`s-${i}`, i))).toPosition
          const [victim] = yield* until(
            "a process of the server can be killed",
            Effect.orElseSucceed(
              db.query(
                "find the checkpointer",
                (sql) => sql<{ pid: number }[]>`select pid from pg_stat_activity where backend_type = 'checkpointer'`
              ),
              () => undefined
            )
          )
          // the postmaster answers the death of any process by ending every session and recovering
          process.kill(victim?.pid ?? Number.NaN, "SIGKILL")
          const before = victim?.pid
          yield* until(
            "the server is back",
            Effect.orElseSucceed(
              Effect.map(
                db.query(
                  "find the checkpointer",
                  (sql) => sql<{ pid: number }[]>`select pid from pg_stat_activity where backend_type = 'checkpointer'`
                ),
                ([row]) => row !== undefined && row.pid !== before
              ),
              () => false as const
            )
          )
        }
        yield* reactors.waitFor("sorter", last)
        yield* until(
          "all are completed",
          Effect.map(
            Effect.orElseSucceed(count("completed"), () => 0),
            (n) => n === last * 2
          ),
          "120 seconds"
        )
        assert.strictEqual(yield* count("effects"), last * 2)
        assert.isUndefined(running.pollUnsafe())
        yield* Fiber.interrupt(running)
      }).pipe(
        Effect.provide(
          reactorsLayer([reactor()]).pipe(
            Layer.provideMerge(layer(queues)),
            Layer.provideMerge(logLayer),
            Layer.provideMerge(PrivateServer)
          )
        )
      ),
    300_000
  )
})
