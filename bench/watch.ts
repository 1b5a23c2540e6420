/** What watching 500 running tasks on one host costs, against watching 1. Needs root (the fleet). */
import { readFile } from "node:fs/promises"
import { Schema } from "effect"
import { type FleetHost, host, inside } from "../test/fleet/support.ts"
import { type Home, type Role, hubFetch, until } from "../test/support/signalbox.ts"
import { add, create, withWorker } from "./support-hosts.ts"
import { type Row, count } from "./support.ts"

const many = 500

export const rows = (): Promise<ReadonlyArray<Row>> => withWorker(watching)

const watching = async (home: Home, worker: Role): Promise<ReadonlyArray<Row>> => {
  const box = await host("watch")
  await add(home, box, many)
  await create(home, box.name, ticker)
  await running(home, box, 1)
  const one = await cpuSeconds(box, worker)
  for (let n = 1; n < many; n += 20)
    await Promise.all(Array.from({ length: Math.min(20, many - n) }, () => create(home, box.name, ticker)))
  await running(home, box, many)
  const all = await cpuSeconds(box, worker)
  const connections = Number(await inside(box.name, "ss -Htn state established '( sport = :22 )' | wc -l"))
  const ratio = all / one
  return [
    {
      what: `watching ${many} running tasks on one host (a line every 5 s each) against 1: CPU of worker, sshd and watcher in 20 s; SSH connections`,
      ours: `${all.toFixed(2)} s, ${count(connections)} connection`,
      against: `${one.toFixed(2)} s`,
      ratio,
      target: "≤ 10× CPU, one SSH connection",
      ok: ratio <= 10 && connections === 1
    }
  ]
}

const ticker = "while :; do echo tick; sleep 5; done"

/** Their processes are there, and no launch is under way any more: that is measured elsewhere. */
const running = (home: Home, box: FleetHost, wanted: number) =>
  until(`${wanted} tasks run`, 300_000, async () => {
    const answer = await hubFetch(home, "/api/v1/tasks?limit=1&status=queued&status=starting")
    const { tasks } = Schema.decodeUnknownSync(Listed)(await answer.json())
    const now = Number(await inside(box.name, "pgrep -fc '^sleep 5$' || true"))
    if (tasks.length > 0 || now < wanted * 0.98) throw new Error(`${now} run`)
    return true
  })
const Listed = Schema.Struct({ tasks: Schema.Array(Schema.Unknown) })

/** CPU of the worker here and of what serves it there, over 20 s. */
const cpuSeconds = async (box: FleetHost, worker: Role): Promise<number> => {
  const used = async (): Promise<number> => {
    const there = await inside(box.name, "cat $(pgrep -d ' ' 'perl|sshd' | sed 's,[0-9]*,/proc/&/stat,g') 2>/dev/null")
    const here = await readFile(`/proc/${worker.pid}/stat`, "utf8")
    return [...there.trim().split("\n"), here].reduce((sum, line) => {
      const fields = line.slice(line.lastIndexOf(")") + 2).split(" ")
      return sum + (Number(fields[11]) + Number(fields[12])) / 100
    }, 0)
  }
  const before = await used()
  await new Promise((resolve) => setTimeout(resolve, 20_000))
  return (await used()) - before
}
