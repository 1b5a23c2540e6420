/**
 * One million events: dense, proven, readable in little memory, and a changed byte is found. `npm run test:million` (minutes, 2 GB of disk).
 *
 * Owns: the proof of design §3 at size. Does not own: speed (`bench/`).
 * Invariants: reading, proving and following are done by the real command; every process that takes part, Postgres' too, is weighed
 * (peak resident set); the tampering is a superuser's, past every trigger.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { Effect } from "effect"
import postgres from "postgres"
import { type Home, type Role, dispose, makeHome, ready, start, until } from "./support/signalbox.ts"
import { seed } from "../bench/child/seed.ts"
import { freshDatabase, logLayer, server, stopServer } from "../bench/support.ts"

const events = 1_000_000
const limitMb = 300
const victim = 654_321

const peaks = new Map<string, number>()
let failed = 0

const main = async (): Promise<void> => {
  const url = await freshDatabase()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const postmaster = (await server()).pid
  const home = await makeHome({ database: url })
  const weighing = setInterval(() => weighTree(postmaster, "Postgres"), 200)
  try {
    await step(`${events.toLocaleString("en-US")} events are appended`, () =>
      Effect.runPromise(seed(events).pipe(Effect.provide(logLayer(url))))
    )
    await step("count = max(position)", async () => {
      const [row] = await sql<{ n: string; max: string }[]>`select count(*) as n, max(position) as max from log.event`
      expect(row?.n === String(events) && row.max === String(events), `count ${row?.n}, max ${row?.max}`)
    })
    await step("audit verify passes", async () => {
      const { code, output } = await command(home, "audit", "verify")
      expect(code === 0, `exit ${code}: ${output.slice(-300)}`)
    })
    await step("hub and worker start on it, project all of it, and `events` reads all of it", () => readAll(home, sql))
    await step("a byte changed by a superuser is found and named", async () => {
      await sql.unsafe(`alter table log.event disable trigger immutable`)
      const changed = await sql`update log.event set data = replace(data::text, 'clock', 'clocк')::json
        where position = (select position from log.event where position >= ${victim} and data::text like '%clock%' order by 1 limit 1)
        returning position::int as position`
      await sql.unsafe(`alter table log.event enable trigger immutable`)
      const position = changed[0]?.["position"]
      const { code, output } = await command(home, "audit", "verify")
      expect(
        code === 1 && output.includes(String(position)),
        `position ${position}, exit ${code}: ${output.slice(-300)}`
      )
    })
  } finally {
    clearInterval(weighing)
    await dispose(home)
    await sql.end()
    await stopServer()
  }
  for (const [name, mb] of [...peaks].toSorted((a, b) => b[1] - a[1]).slice(0, 12))
    report(mb < limitMb, `${name}: at most ${Math.round(mb)} MB resident`)
  process.exitCode = failed === 0 ? 0 : 1
}

const readAll = async (home: Home, sql: postgres.Sql): Promise<void> => {
  const hub = await start(home, "hub")
  await ready(home, hub)
  const worker = await start(home, "worker")
  const roles: ReadonlyArray<Role> = [hub, worker]
  const weighing = setInterval(() => roles.forEach((role) => weigh(role.pid, role.name)), 200)
  try {
    await until("the read models have caught up", 600_000, async () => {
      const [row] = await sql<{ at: number | null }[]>`
        select min(position)::float8 as at from derived.checkpoint where target = 'read'`
      return (row?.at ?? 0) >= events ? true : undefined
    })
    const { code, lines } = await command(home, "events", "--from", "1", "--json")
    expect(code === 0 && lines >= events, `exit ${code}, ${lines} lines`)
  } finally {
    clearInterval(weighing)
  }
}

/** One command to its end, weighed all the way; output is counted, and only its end is kept. */
const command = async (
  home: Home,
  ...args: ReadonlyArray<string>
): Promise<{ readonly code: number | null; readonly output: string; readonly lines: number }> => {
  const role = await start(home, ...args)
  const weighing = setInterval(() => weigh(role.pid, `signalbox ${args.join(" ")}`), 100)
  const code = await role.ended
  clearInterval(weighing)
  const log = await readFile(role.file)
  let lines = 0
  for (const byte of log) if (byte === 10) lines++
  return { code, output: log.subarray(-4000).toString(), lines }
}

const weigh = (pid: number, name: string): void => {
  try {
    const kb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
    peaks.set(name, Math.max(peaks.get(name) ?? 0, kb / 1024))
  } catch {
    // it has ended
  }
}

const weighTree = (root: number, name: string): void => {
  weigh(root, name)
  const children = execFileSync("cat", [`/proc/${root}/task/${root}/children`], { encoding: "utf8" }).trim()
  for (const pid of children === "" ? [] : children.split(" ")) weigh(Number(pid), `${name}, a backend`)
}

const step = async (what: string, run: () => Promise<void>): Promise<void> => {
  const began = performance.now()
  try {
    await run()
    report(true, `${what} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
  } catch (cause) {
    report(false, `${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

const expect = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(otherwise)
}

const report = (ok: boolean, what: string): void => {
  if (!ok) failed++
  process.stdout.write(`${ok ? "ok    " : "FAILED"} ${what}\n`)
}

await main()
