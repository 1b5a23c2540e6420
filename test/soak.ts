/**
 * Two processes write for minutes, are killed at random, lose their connections at random, and are run again: nobody waits for
 * ever, and the log stays dense and chained. By hand: `node test/soak.ts` (`node test/soak.ts 600` for ten minutes).
 *
 * Owns: the proof that appends neither hang nor break a law, over time. Does not own: the laws one by one (`writers.test.ts`).
 * Invariants: a writer that says nothing for 30 s, without being killed, is a failure; what was reported as accepted is in the log
 * where the report says.
 */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import postgres from "postgres"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import type { Reported } from "./support/log-operations.ts"
import { freshDatabase, logLayer, stopServer } from "../bench/support.ts"

const seconds = Number(process.argv[2] ?? 180)
const script = fileURLToPath(new URL("support/soak-writer.ts", import.meta.url))
const operationsOfOne = 3_000
const silenceMs = 30_000

const accepted = new Map<string, Reported>()
const tally = { finished: 0, killed: 0, cut: 0, reports: 0, "gave up": 0 }
const wrong: Array<string> = []
let longest = 0

const main = async (): Promise<void> => {
  const url = await freshDatabase()
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  const end = performance.now() + seconds * 1_000
  let seed = 0
  const lane = async (): Promise<void> => {
    let again: number | undefined
    while (performance.now() < end && wrong.length === 0) {
      const mine = again ?? ++seed
      const finished = await write(url, mine, again === undefined && Math.random() < 0.5)
      again = finished ? undefined : mine // it is run again until it has come to its end
    }
  }
  const cutting = setInterval(() => void cut(sql), 3_000)
  await Promise.all([lane(), lane()])
  clearInterval(cutting)
  await laws(url, sql)
  await sql.end()
  const told = Object.entries(tally).map(([what, n]) => `${what} ${n}`)
  process.stdout.write(`${seconds} s: ${told.join(", ")}, longest silence ${Math.round(longest)} ms\n`)
}

/** @returns whether it came to its end */
const write = async (url: string, seed: number, mayBeKilled: boolean): Promise<boolean> => {
  const child = fork(script, [url, String(seed), String(operationsOfOne)])
  let finished = false
  let killed = false
  let last = performance.now()
  child.on("message", (message: Reported | "finished" | "gave up") => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
    if (message === "finished") finished = true
    else if (message === "gave up") tally["gave up"]++
    else {
      tally.reports++
      if (message.outcome === "accepted") accepted.set(`${message.commandId} ${message.position}`, message)
    }
  })
  const kill = (): void => {
    killed = true
    tally.killed++
    child.kill("SIGKILL")
  }
  const timer = mayBeKilled ? setTimeout(kill, 500 + Math.random() * 4_000) : undefined
  const watch = setInterval(() => {
    if (performance.now() - last < silenceMs) return
    wrong.push(`the writer of seed ${seed} has said nothing for ${silenceMs} ms`)
    child.kill("SIGKILL")
  }, 1_000)
  const [code] = await once(child, "exit")
  clearTimeout(timer)
  clearInterval(watch)
  if (finished) tally.finished++
  else if (!killed) wrong.push(`the writer of seed ${seed} ended with ${code}`)
  return finished
}

/** The connections of all writers, at once. */
const cut = async (sql: postgres.Sql): Promise<void> => {
  const rows = await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'signalbox-append' and datname = current_database()`
  tally.cut += rows.length
}

const laws = async (url: string, sql: postgres.Sql): Promise<void> => {
  const verified = await Effect.runPromise(
    Effect.flatMap(EventLog, (log) => log.verify()).pipe(Effect.provide(logLayer(url)))
  )
  if (!verified.ok) wrong.push(`the chain is broken: ${JSON.stringify(verified)}`)
  const [size] = await sql<{ events: number; head: number }[]>`
    select count(*)::int as events, coalesce(max(position), 0)::int as head from log.event`
  if (size === undefined || size.events === 0 || size.events !== size.head)
    wrong.push(`positions are not dense: ${JSON.stringify(size)}`)
  const gaps =
    await sql`select stream from log.event group by stream having count(*) <> max(version) or min(version) <> 1`
  if (gaps.length > 0) wrong.push(`${gaps.length} streams are not dense`)
  const torn = await sql`
    select r.command_id from log.receipt r left join log.event e using (command_id)
    where r.outcome = 'accepted'
    group by r.command_id, r.from_version, r.to_version, r.to_position
    having count(e.position) <> r.to_version - r.from_version + 1 or coalesce(max(e.position) <> r.to_position, false)
      or max(e.position) - min(e.position) + 1 <> count(e.position)`
  if (torn.length > 0) wrong.push(`${torn.length} commands are not whole`)
  const orphans =
    await sql`select 1 from log.event e left join log.receipt r using (command_id) where r.command_id is null`
  if (orphans.length > 0) wrong.push(`${orphans.length} events have no receipt`)
  const receipts = await sql<{ command_id: string; to_position: string; to_version: number }[]>`
    select command_id, to_position, to_version from log.receipt where outcome = 'accepted'`
  const known = new Map(receipts.map((one) => [one.command_id, one]))
  for (const report of accepted.values()) {
    const receipt = known.get(report.commandId)
    if (Number(receipt?.to_position) !== report.position || receipt?.to_version !== report.to)
      wrong.push(`${report.commandId} was reported at ${report.position}, its receipt says ${receipt?.to_position}`)
  }
  process.stdout.write(`${size?.events} events in the log, ${accepted.size} reports of acceptance compared\n`)
}

try {
  await main()
} finally {
  await stopServer()
}
for (const what of wrong.slice(0, 20)) process.stderr.write(`WRONG: ${what}\n`)
process.exit(wrong.length > 0 ? 1 : 0)
