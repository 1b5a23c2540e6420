/**
 * One million events: dense, proven, readable in little memory, and a changed byte is found. `npm run test:million` (minutes, 4 GB of disk;
 * `-- 100000` for fewer). Then the same readers on 2,000 tasks of 500 kB each (`-- 1000000 0`: without them).
 *
 * Owns: the proof of design §3 at size. Does not own: speed (`bench/`).
 * Invariants: reading, proving and following are done by the real command; every process that takes part, Postgres' too, is weighed
 * (peak resident set); the tampering is a superuser's, past every trigger.
 */
import { execFile, execFileSync } from "node:child_process"
import { randomBytes, randomUUID } from "node:crypto"
import { createReadStream, readFileSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import postgres from "postgres"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { makeTaskId, taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { type Home, dispose, hubFetch, makeHome, ready, start, until } from "./support/signalbox.ts"
import { seed } from "../bench/child/seed.ts"
import { freshDatabase, logLayer, server, stopServer } from "../bench/support.ts"

const events = Number(process.argv[2] ?? 1_000_000)
const limitMb = 300
const victim = Math.floor(events * 0.654321)
const heavyTasks = Number(process.argv[3] ?? 2_000)
const heavyBytes = 500_000
const program = fileURLToPath(new URL("../packages/cli/bin/signalbox.mjs", import.meta.url))
const run = promisify(execFile)

const homes: Array<Home> = []
const peaks = new Map<string, number>()
let failed = 0

const main = async (): Promise<void> => {
  const url = await freshDatabase()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const postmaster = (await server()).pid
  const home = await makeHome({ database: url })
  homes.push(home)
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
      const { code, output } = await command(home, "", "audit", "verify")
      expect(code === 0, `exit ${code}: ${output.slice(-300)}`)
    })
    await step("hub, worker, events, event stream, rebuild and terminal read all of it", () =>
      readAll(home, sql, events, "")
    )
    await step("a byte changed by a superuser is found and named", async () => {
      await sql.unsafe(`alter table log.event disable trigger immutable`)
      const changed = await sql`update log.event set data = replace(data::text, 'clock', 'clocк')::json
        where position = (select position from log.event where position >= ${victim} and data::text like '%clock%' order by 1 limit 1)
        returning position::int as position`
      await sql.unsafe(`alter table log.event enable trigger immutable`)
      const position = changed[0]?.["position"]
      const { code, output } = await command(home, "", "audit", "verify")
      expect(
        code === 1 && output.includes(String(position)),
        `position ${position}, exit ${code}: ${output.slice(-300)}`
      )
    })
  } finally {
    clearInterval(weighing)
    await dispose(home)
    await sql.end()
  }
  reportPeaks() // whoever ends the long part that follows has these
  if (heavyTasks > 0) {
    await step(`${heavyTasks} tasks of ${heavyBytes / 1000} kB: the same readers`, heavy)
    reportPeaks()
  }
  await stopServer()
  process.exitCode = failed === 0 ? 0 : 1
}

/** Whoever ends it early has the peaks so far, and no process of it is left. */
const endEarly = async (): Promise<void> => {
  reportPeaks()
  await Promise.allSettled(homes.map(dispose))
  await stopServer()
  process.exit(1)
}

/** The largest so far, in MB. */
const reportPeaks = (): void => {
  for (const [name, mb] of [...peaks].toSorted((a, b) => b[1] - a[1]).slice(0, 24))
    report(mb < limitMb, `${name}: at most ${Math.round(mb)} MB resident`)
}

const heavy = async (): Promise<void> => {
  const url = await freshDatabase()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const home = await makeHome({ database: url })
  homes.push(home)
  try {
    await Effect.runPromise(seedHeavy.pipe(Effect.provide(logLayer(url))))
    await readAll(home, sql, heavyTasks * 2, "2,000 × 500 kB: ")
  } finally {
    await dispose(home)
    await sql.end()
  }
}

/** Large payloads that do not compress; after them a small event for each, whose large view must be read and written again. */
const seedHeavy = Effect.gen(function* () {
  const log = yield* EventLog
  const ids = Array.from({ length: heavyTasks }, (_, n) =>
    makeTaskId(Date.UTC(2026, 0, 1) + n * 1000, Uint8Array.from([n % 36, Math.floor(n / 36) % 36, 0, 0, 0, 0]))
  )
  const append = (taskId: string, event: Parameters<typeof taskEvents.encode>[0]) =>
    log.append({
      stream: taskStream(taskId),
      expected: "any",
      commandId: randomUUID(),
      actor: "bench",
      events: [taskEvents.encode(event)]
    })
  yield* Effect.forEach(
    ids,
    (taskId) =>
      append(taskId, {
        _tag: "TaskCreated",
        taskId,
        host: "local",
        tool: "shell",
        command: randomBytes((heavyBytes / 4) * 3).toString("base64"),
        params: {},
        priority: 0,
        after: [],
        sessionId: randomUUID()
      }),
    { concurrency: 4, discard: true }
  )
  yield* Effect.forEach(
    ids,
    (taskId) => append(taskId, { _tag: "TaskSucceeded", exitCode: 0, report: {}, output: {} }),
    {
      concurrency: 64,
      discard: true
    }
  )
}).pipe(Effect.orDie)

/** Everything that reads a whole log, as real processes, one after the other and each weighed. */
const readAll = async (home: Home, sql: postgres.Sql, head: number, label: string): Promise<void> => {
  const hub = await start(home, "hub")
  await ready(home, hub)
  const worker = await start(home, "worker")
  const weighing = setInterval(() => {
    weigh(hub.pid, `${label}hub`)
    weigh(worker.pid, `${label}worker`)
  }, 200)
  try {
    await until("the followers of hub and worker have caught up", 1_200_000, async () => {
      const [row] = await sql<{ at: number | null; targets: number }[]>`
        select min(position)::float8 as at, count(distinct target)::int as targets from derived.checkpoint
        where target <> 'read_next'`
      return (row?.at ?? 0) >= head && row?.targets === 2 ? true : undefined
    })
    const [parked] = await sql<{ n: number }[]>`select count(*)::int as n from derived.parked`
    expect(parked?.n === 0, `${parked?.n} events are parked`)
    const { code, lines } = await command(home, label, "events", "--from", "1", "--json")
    expect(code === 0 && lines >= head, `events: exit ${code}, ${lines} lines`)
    await streamed(home, head)
    const rebuilt = await command(home, label, "db", "rebuild")
    expect(rebuilt.code === 0, `db rebuild: exit ${rebuilt.code}: ${rebuilt.output.slice(-300)}`)
    await terminal(home, label)
  } finally {
    clearInterval(weighing)
  }
}

/** The event stream of the hub from the first event until it says that it has caught up. */
const streamed = async (home: Home, head: number): Promise<void> => {
  const stop = new AbortController()
  const response = await hubFetch(home, "/api/v1/events?from=1", { signal: stop.signal })
  if (!response.ok || response.body === null) throw new Error(`the hub answered ${response.status}`)
  let frames = 0
  let rest = ""
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const pieces = (rest.slice(-1) + chunk).split("\n\n")
    frames += pieces.length - 1
    rest = (rest + chunk).slice(-100)
    if (/event: caught-up\n.*\n\n$/.test(rest)) break
  }
  stop.abort()
  // besides the events: the first bytes, and caught-up
  expect(frames >= head + 2, `the event stream gave ${frames} frames of ${head + 2}`)
}

/** The terminal in tmux until its first screen is there. */
const terminal = async (home: Home, label: string): Promise<void> => {
  const tmux = async (...args: ReadonlyArray<string>): Promise<string> =>
    (
      await run("tmux", ["-S", join(home.path, "tmux"), "-f", "/dev/null", ...args], {
        env: { ...home.env, TERM: "xterm-256color" }
      })
    ).stdout
  try {
    await tmux("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", process.execPath, program, "tui")
    const pid = Number((await tmux("display-message", "-p", "-t", "t", "#{pane_pid}")).trim())
    await until("the terminal shows tasks", 60_000, async () => {
      weigh(pid, `${label}signalbox tui`)
      const screen = await tmux("capture-pane", "-p", "-t", "t")
      return /task-\d{8}/.test(screen) ? true : undefined
    })
    weigh(pid, `${label}signalbox tui`)
  } finally {
    await tmux("kill-server").catch(() => "")
  }
}

/** One command to its end, weighed all the way; output is counted, and only its end is kept. */
const command = async (
  home: Home,
  label: string,
  ...args: ReadonlyArray<string>
): Promise<{ readonly code: number | null; readonly output: string; readonly lines: number }> => {
  const role = await start(home, ...args)
  const weighing = setInterval(() => weigh(role.pid, `${label}signalbox ${args.join(" ")}`), 100)
  const code = await role.ended
  clearInterval(weighing)
  let lines = 0
  let end = Buffer.alloc(0)
  for await (const chunk of createReadStream(role.file)) {
    for (const byte of chunk) if (byte === 10) lines++
    end = Buffer.concat([end, chunk]).subarray(-4000)
  }
  await rm(role.file)
  return { code, output: end.toString(), lines }
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

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void endEarly())
await main()
