/**
 * Durable single-event appends against the raw limit: plain autocommit INSERTs of the same events by the same driver.
 *
 * Owns: the rows "append" and "append, 4 processes" of the design's table. Does not own: printing and RESULTS.md.
 * Invariants: all sides run in one run on one server with fsync on, in turns, and the median of each side's rounds counts.
 * Run alone: node bench/append.ts
 */
import { fork } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Effect, Layer } from "effect"
import postgres from "postgres"
import { EventLog } from "../packages/core/src/log/EventLog.ts"
import { layer } from "../packages/core/src/log/EventLogLive.ts"
import { Db } from "../packages/core/src/postgres/Db.ts"
import { migrate } from "../packages/core/src/postgres/migrate.ts"
import { startServer } from "../test/support/postgres-server.ts"

/** One line of the table: `value` and `against` in `unit`; reached when value / against ≥ target. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly peer: string
  readonly against: number
  readonly unit: string
  readonly ratio: number
  readonly target: number
  readonly p99Millis?: number
}

const ROUNDS = 5
const CALLERS = 64
const PROCESSES = 4
const EVENTS = 12_000
const DATA = { text: "a line of output as a task prints it, of a usual length", n: 1, done: false }
const migrations = fileURLToPath(new URL("../migrations", import.meta.url))

export const run = async (): Promise<ReadonlyArray<Row>> => {
  const server = await startServer()
  try {
    await Effect.runPromise(migrate(migrations).pipe(Effect.provide(Db.layer(server.url, { max: 1 }))))
    const [plain, one, many, p99]: [number[], number[], number[], number[]] = [[], [], [], []]
    for (let round = 0; round <= ROUNDS; round++) {
      const inserts = await plainInserts(server.url)
      const { rate, p99Millis } = await oneProcess(server.url)
      const spread = await processes(server.url)
      if (round === 0) continue // warms up caches
      plain.push(inserts)
      one.push(rate)
      many.push(spread)
      p99.push(p99Millis)
    }
    const [inserts, single, spread] = [median(plain), median(one), median(many)]
    const p99Millis = Math.round(median(p99) * 10) / 10
    const row = (name: string, value: number, peer: string, against: number, target: number): Row => ({
      name,
      value: Math.round(value),
      peer,
      against: Math.round(against),
      unit: "events/s",
      ratio: Math.round((value / against) * 100) / 100,
      target
    })
    return [
      { ...row(`appends, ${CALLERS} callers`, single, "plain autocommit INSERTs", inserts, 2), p99Millis },
      row(`appends, ${PROCESSES} processes × ${CALLERS / PROCESSES}`, spread, `1 process × ${CALLERS}`, single, 0.8)
    ]
  } finally {
    await server.stop()
  }
}

/** The same columns and keys without the chain, without receipts and without order. */
const plainInserts = async (url: string): Promise<number> => {
  const sql = postgres(url, { max: 16, onnotice: () => {} })
  await sql`create table if not exists plain (like log.event including all)`
  await sql`truncate plain`
  await Promise.all(Array.from({ length: 16 }, () => sql`select 1`))
  const hash = Buffer.alloc(32, 7)
  const data = JSON.stringify(DATA)
  let position = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let version = 1; version <= EVENTS / CALLERS; version++)
        await sql`insert into plain values (${++position}, ${`plain-${caller}`}, ${version}, 'Happened', ${data}::text::json,
          'bench', ${randomUUID()}, ${randomUUID()}, null, now(), ${hash})`
    })
  )
  const elapsed = performance.now() - started
  await sql.end()
  return (position / elapsed) * 1_000
}

const oneProcess = (url: string): Promise<{ rate: number; p99Millis: number }> => {
  const latencies: Array<number> = []
  return Effect.runPromise(
    Effect.gen(function* () {
      yield* appendMany(CALLERS, CALLERS * 4, [])
      const started = performance.now()
      yield* appendMany(CALLERS, EVENTS, latencies)
      const rate = (EVENTS / (performance.now() - started)) * 1_000
      return { rate, p99Millis: latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0 }
    }).pipe(Effect.provide(logAt(url)))
  )
}

export const logAt = (url: string) => layer.pipe(Layer.provide(Db.layer(url, { max: 2 })))

/** `callers` loops that each append one event and wait for the answer, until `events` are written. */
export const appendMany = Effect.fnUntraced(function* (callers: number, events: number, latencies: Array<number>) {
  const log = yield* EventLog
  const caller = Effect.fnUntraced(function* () {
    const stream = `bench-${randomUUID()}`
    for (let n = 0; n < events / callers; n++) {
      const sent = performance.now()
      yield* log.append({
        stream,
        expected: n,
        commandId: randomUUID(),
        events: [{ type: "Happened", data: DATA }],
        actor: "bench"
      })
      latencies.push(performance.now() - sent)
    }
  })
  yield* Effect.all(
    Array.from({ length: callers }, () => caller()),
    { concurrency: "unbounded", discard: true }
  )
})

const processes = async (url: string): Promise<number> => {
  const script = fileURLToPath(new URL("append-worker.ts", import.meta.url))
  const children = Array.from({ length: PROCESSES }, () =>
    fork(script, [url, String(CALLERS / PROCESSES), String(EVENTS / PROCESSES)])
  )
  await Promise.all(children.map((child) => once(child, "message"))) // ready
  const started = performance.now()
  for (const child of children) child.send("go")
  await Promise.all(children.map((child) => once(child, "message"))) // done
  const elapsed = performance.now() - started
  await Promise.all(
    children.map((child) => {
      child.send("end")
      return once(child, "exit")
    })
  )
  return (EVENTS / elapsed) * 1_000
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await run())
