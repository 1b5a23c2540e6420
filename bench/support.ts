/**
 * What the benchmarks share: a Postgres of their own, layers on a fresh database, child processes, and sober statistics.
 *
 * Owns: measuring. Does not own: what is measured (one file per subject), the report (`run.ts`).
 * Invariants: what is compared is measured in pairs within one run, in turns, and the median of the rounds is told; the server's
 * durability settings are Postgres's defaults.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Effect, Layer, Logger } from "effect"
import postgres from "postgres"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { migrate } from "@signalbox/core/postgres/migrate.ts"
import type { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { type TestServer, startServer } from "../test/support/postgres-server.ts"

export interface Row {
  readonly what: string
  readonly ours: string
  readonly against: string
  /** ours / against in the direction of the target; null where the target is absolute. */
  readonly ratio: number | null
  readonly target: string
  readonly ok: boolean
}

const migrations = fileURLToPath(new URL("../migrations", import.meta.url))

let shared: Promise<TestServer> | undefined
/** One server for the whole run. */
export const server = (): Promise<TestServer> => (shared ??= startDurable())

/** What is measured on a server that loses commits is worth nothing, and looks like a great success. */
const startDurable = async (): Promise<TestServer> => {
  const started = await startServer()
  const sql = postgres(started.url, { max: 1, onnotice: () => {} })
  const loose = await sql<{ name: string }[]>`select name from pg_settings
    where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting <> 'on'`
  await sql.end()
  if (loose.length === 0) return started
  await started.stop()
  throw new Error(`nothing is measured: this Postgres has ${loose.map(({ name }) => name).join(", ")} off`)
}
export const stopServer = async (): Promise<void> => (await shared)?.stop()

export const emptyDatabase = async (): Promise<string> => {
  const { url } = await server()
  const name = `b_${randomBytes(6).toString("hex")}`
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${name}`)
  await sql.end()
  return url.replace(/\/postgres$/, `/${name}`)
}

export const freshDatabase = async (): Promise<string> => {
  const url = await emptyDatabase()
  await Effect.runPromise(migrate(migrations).pipe(Effect.provide(Db.layer(url, { max: 1 }))))
  return url
}

/** Warnings and errors are told on stderr; a benchmark's stdout is its report. */
export const quiet = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

/** The log, and the database below it. */
export const logLayer = (url: string): Layer.Layer<EventLog | Db> =>
  eventLogLayer.pipe(Layer.provideMerge(Db.layer(url)), Layer.provide(quiet), Layer.orDie)

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)
export const quantile = (values: ReadonlyArray<number>, q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
export const count = (n: number): string => Math.round(n).toLocaleString("en-US")
export const millis = (n: number): string => `${n < 10 ? n.toFixed(1) : Math.round(n)} ms`

/** What a child measured. */
export interface Measured {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** Children that have warmed up wait for each other, so that all of them measure the same seconds. */
export const together = async (
  script: string,
  commands: ReadonlyArray<ReadonlyArray<string>>
): Promise<ReadonlyArray<Measured>> => {
  const children = commands.map((args) => {
    const file = fileURLToPath(new URL(script, import.meta.url))
    const child = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "inherit"] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const line = async (): Promise<string> => {
      const next = await lines.next()
      if (next.done === true) throw new Error(`${script} ${args.join(" ")} ended without an answer`)
      return next.value
    }
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
    return { child, line, closed }
  })
  for (const one of children) if ((await one.line()) !== "ready") throw new Error(`${script} is not ready`)
  for (const one of children) one.child.stdin.write("go\n")
  const answers = await Promise.all(children.map((one) => one.line()))
  for (const one of children) one.child.stdin.end()
  await Promise.all(children.map((one) => one.closed))
  return answers.map((answer) => JSON.parse(answer) as Measured)
}
