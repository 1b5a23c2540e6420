import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import type postgres from "postgres"
import { migrations, startServer } from "../../../../test/support/postgres-server.ts"
import { connect, Db } from "../postgres/Db.ts"
import { migrate } from "../postgres/migrate.ts"
import { EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

/** A server that gives the disk what somebody waits for, and the rest every ten seconds. */
const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const started = await startServer({ autovacuum: "off", wal_writer_delay: "10000ms" })
    await Effect.runPromise(migrate(migrations).pipe(Effect.provide(Db.layer(started.url, { max: 1 }))))
    return started
  }),
  (one) => Effect.promise(one.stop)
)

/** Committed, and not on the disk: what an append is until it is answered. */
const commit = async (sql: postgres.Sql) => {
  await sql`select log.append(array['a'], null, null, null, array['Happened'], '{}', array['hub'], array[${randomUUID()}]::uuid[],
    null, null, sha256('')::bytea, null)`
  const [row] = await sql<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`
  return row?.lsn ?? ""
}
const onDisk = async (sql: postgres.Sql, lsn: string) => {
  const [row] = await sql<{ there: boolean }[]>`select pg_current_wal_flush_lsn() >= ${lsn}::pg_lsn as there`
  return row?.there
}

const last = <A, E, R>(stream: Stream.Stream<A, E, R>) => Effect.map(Stream.runCollect(stream), (all) => all.at(-1))

/** Every way in which somebody hears of the log, and what he hears last. */
const ways: ReadonlyArray<readonly [string, (log: EventLog["Service"]) => Effect.Effect<unknown, unknown>]> = [
  ["read", (log) => Effect.map(log.read({ from: 1 }), (events) => events.at(-1)?.position)],
  ["read of a stream", (log) => Effect.map(log.read({ stream: "a" }), (events) => events.at(-1)?.position)],
  ["readAll", (log) => Effect.map(last(log.readAll()), (event) => event?.position)],
  ["head", (log) => log.head],
  ["verify", (log) => Effect.map(log.verify(), (verdict) => (verdict.ok ? verdict.events : undefined))],
  [
    "changes",
    (log) =>
      last(
        log.changes.pipe(
          Stream.filter((head) => head > 0),
          Stream.take(1)
        )
      )
  ],
  [
    "follow",
    (log) =>
      Effect.map(last(log.follow().pipe(Stream.takeUntil((one) => one._tag === "CaughtUp"))), (one) =>
        one?._tag === "CaughtUp" ? one.position : undefined
      )
  ],
  [
    "an append",
    (log) =>
      Effect.map(
        log.append({ stream: "b", expected: "any", commandId: randomUUID(), events: [], actor: "hub" }),
        (done) => done.toPosition
      )
  ]
]

describe("what is settled", () => {
  it.live(
    "is what anybody is told: the disk has it by then, whichever way he asks",
    () =>
      Effect.gen(function* () {
        const { url } = yield* server
        const sql = connect(url, { max: 1, lazyCommit: true })
        let events = 0
        for (const [way, told] of ways) {
          let lsn = ""
          do {
            lsn = yield* Effect.promise(() => commit(sql))
            events++
          } while (yield* Effect.promise(() => onDisk(sql, lsn))) // the ten seconds are over just now
          const heard = yield* Effect.flatMap(EventLog, told).pipe(
            Effect.provide(Layer.fresh(layer).pipe(Layer.provideMerge(Db.layer(url))))
          )
          assert.strictEqual(heard, events, way)
          assert.isTrue(yield* Effect.promise(() => onDisk(sql, lsn)), `after ${way}`)
        }
        yield* Effect.promise(() => sql.end())
      }).pipe(Effect.scoped),
    120_000
  )

  it.live("is told by the bell alone: a lazy commit does not ring, one that waited for the disk does", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const [lazy, patient] = [connect(url, { max: 1, lazyCommit: true }), connect(url, { max: 2 })]
      const heard: Array<string> = []
      yield* Effect.promise(() => patient.listen("signalbox_log", (text) => heard.push(text)))
      yield* Effect.promise(() => commit(lazy))
      yield* Effect.promise(() => patient.notify("signalbox_log", "between"))
      yield* Effect.promise(() => commit(patient)) // a process of the version before
      yield* Effect.promise(() => lazy`call log.settle(true)`)
      yield* Effect.promise(() => lazy`call log.settle(false)`)
      yield* Effect.promise(() => patient.notify("signalbox_log", "end"))
      while (heard.at(-1) !== "end") yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["between", "2", "2", "end"])
      yield* Effect.promise(() => Promise.all([lazy.end(), patient.end()]))
    }).pipe(Effect.scoped)
  )

  it.live("writes nothing where everything is settled: a quiet system leaves the disk alone", () =>
    Effect.gen(function* () {
      const { url } = yield* server
      const sql = connect(url, { max: 1 })
      const at = async () => (await sql<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`)[0]?.lsn
      yield* Effect.promise(() => sql`call log.settle(false)`)
      const before = yield* Effect.promise(at)
      for (let n = 0; n < 5; n++) yield* Effect.promise(() => sql`call log.settle(false)`)
      assert.strictEqual(yield* Effect.promise(at), before)
      yield* Effect.promise(() => sql.end())
    }).pipe(Effect.scoped)
  )
})
