/** Cold start of the command line, against Node doing nothing: `task list`, and the other plain reads as people run them. */
import { execFileSync } from "node:child_process"
import { type Home, dispose, makeHome, signalbox, startHub } from "../test/support/signalbox.ts"
import { create } from "./support-hosts.ts"
import { type Row, freshDatabase, median, millis } from "./support.ts"

const rounds = 15
const commands = ["task list --json", "task list", "host list", "host show local", "status", "events"]

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  const home = await makeHome({ database: await freshDatabase() })
  try {
    await startHub(home)
    const shown = `task show ${await create(home, "local", "true")}`
    const took = new Map([...commands, shown].map((command) => [command, [] as Array<number>]))
    const node: Array<number> = []
    for (let round = 0; round <= rounds; round++) {
      const began = performance.now()
      execFileSync(process.execPath, ["-e", "0"])
      const base = performance.now() - began
      for (const [command, times] of took) {
        const ms = await once(home, command)
        if (round > 0) times.push(ms) // the first round fills the disk's cache
      }
      if (round > 0) node.push(base)
    }
    const [first, ...others] = [...took].map(([command, times]) => ({ command, ms: median(times) }))
    if (first === undefined) throw new Error("nothing was measured")
    const slowest = others.reduce((one, two) => (one.ms > two.ms ? one : two))
    return [
      row(
        "`signalbox task list` from a cold start to its end, a hub running, against `node -e 0`",
        first.ms,
        median(node)
      ),
      row(
        `the same for people (tables) of task list, task show, host list, host show, status, events: the slowest (${slowest.command.split(" task-")[0]})`,
        slowest.ms,
        median(node)
      )
    ]
  } finally {
    await dispose(home)
  }
}

const once = async (home: Home, command: string): Promise<number> => {
  const began = performance.now()
  const ran = await signalbox(home, ...command.split(" "))
  if (ran.code !== 0) throw new Error(`${command} → ${ran.code} ${ran.stderr}`)
  return performance.now() - began
}

const row = (what: string, ours: number, against: number): Row => ({
  what,
  ours: millis(ours),
  against: millis(against),
  ratio: ours / against,
  target: "≤ 4×",
  ok: ours / against <= 4
})
