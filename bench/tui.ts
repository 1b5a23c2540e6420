/** The first screen of the full-screen terminal on a log of 1,000,000 events, against an empty log. Real terminal: tmux. */
import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import postgres from "postgres"
import { dispose, makeHome, startHub, until } from "../test/support/signalbox.ts"
import { seed } from "./child/seed.ts"
import { type Row, count, freshDatabase, logLayer, median, millis } from "./support.ts"

const run = promisify(execFile)
const events = 1_000_000
const rounds = 5
const program = fileURLToPath(new URL("../packages/cli/bin/signalbox.mjs", import.meta.url))

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const [empty, full] = [await freshDatabase(), await freshDatabase()]
  await Effect.runPromise(seed(events).pipe(Effect.provide(logLayer(full))))
  const [onEmpty, onFull] = [await firstScreens(empty, 0), await firstScreens(full, events)]
  const ratio = median(onFull.times) / median(onEmpty.times)
  const megabytes = Math.max(...onFull.memory)
  return [
    {
      what: `first screen of the TUI on a log of ${count(events)} events, against an empty log; its memory`,
      ours: `${millis(median(onFull.times))}, ${count(megabytes)} MB`,
      against: millis(median(onEmpty.times)),
      ratio,
      target: "≤ 3×; memory ≤ 300 MB",
      ok: ratio <= 3 && megabytes <= 300
    }
  ]
}

const firstScreens = async (database: string, wanted: number) => {
  const home = await makeHome({ database })
  const socket = join(home.path, "tmux")
  const tmux = async (...args: ReadonlyArray<string>): Promise<string> =>
    (await run("tmux", ["-S", socket, "-f", "/dev/null", ...args], { env: { ...home.env, TERM: "xterm-256color" } }))
      .stdout
  const [times, memory]: [Array<number>, Array<number>] = [[], []]
  try {
    // without it the server ends with its session, and a round that begins meanwhile finds it ending
    await tmux("start-server", ";", "set-option", "-g", "exit-empty", "off")
    await startHub(home)
    await caughtUp(database, wanted)
    for (let round = 0; round <= rounds; round++) {
      const began = performance.now()
      await tmux("new-session", "-d", "-s", `r${round}`, "-x", "120", "-y", "40", process.execPath, program, "tui")
      const { value: pid } = await quickly("the first screen", async () => {
        const screen = await tmux("capture-pane", "-p", "-t", `r${round}`)
        return /tasks/i.test(screen) && screen.trim().split("\n").length > 3
          ? (await tmux("display-message", "-p", "-t", `r${round}`, "#{pane_pid}")).trim()
          : undefined
      })
      if (round > 0) times.push(performance.now() - began)
      const status = await readFile(`/proc/${pid}/status`, "utf8")
      memory.push(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024)
      await tmux("kill-session", "-t", `r${round}`).catch(() => "")
    }
    return { times, memory }
  } finally {
    await tmux("kill-server").catch(() => "")
    await dispose(home)
  }
}

/** The read models have all of the log: a first screen of half a log would be no comparison. */
const caughtUp = async (database: string, position: number): Promise<void> => {
  const sql = postgres(database, { max: 1, onnotice: () => {} })
  await until("the projections have caught up", 300_000, async () => {
    const [row] = await sql<
      { at: number | null }[]
    >`select min(position)::float8 as at from derived.checkpoint where target = 'read'`
    return position === 0 || (row?.at ?? 0) >= position ? true : undefined
  })
  await sql.end()
}

const quickly = async <A>(what: string, probe: () => Promise<A | undefined>): Promise<{ readonly value: A }> => {
  const deadline = performance.now() + 60_000
  while (performance.now() < deadline) {
    const value = await probe()
    if (value !== undefined) return { value }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`not within 60 s: ${what}`)
}
