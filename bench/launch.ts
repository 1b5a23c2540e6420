/** How fast a task starts on a real host over SSH, against doing it by hand. Needs root (the fleet). */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { type FleetHost, host, ssh } from "../test/fleet/support.ts"
import { type Home, until } from "../test/support/signalbox.ts"
import { add, create, withWorker } from "./support-hosts.ts"
import { type Row, median, millis } from "./support.ts"

const run = promisify(execFile)
const samples = 30

export const rows = (): Promise<ReadonlyArray<Row>> => withWorker(launching)

const launching = async (home: Home): Promise<ReadonlyArray<Row>> => {
  const box = await host("launch")
  await add(home, box, samples * 2)
  const control = join(home.path, "control")
  const byHand = (command: string): Promise<unknown> => run("ssh", [...sshOptions(box, control), command])
  await byHand("tmux new-session -d -s keep sleep 3600") // the connection and the tmux server are warm
  const [ours, hand]: [Array<number>, Array<number>] = [[], []]
  for (let n = 0; n < samples + 3; n++) {
    let began = Date.now()
    await create(home, box.name, `date +%s%N >/root/ours-${n}; exec sleep 300`)
    const a = (await startedAt(box, `ours-${n}`)) - began
    began = Date.now()
    await byHand(`tmux new-session -d -s hand-${n} 'date +%s%N >/root/hand-${n}; exec sleep 300'`)
    const b = (await startedAt(box, `hand-${n}`)) - began
    if (n < 3) continue
    ours.push(a)
    hand.push(b)
  }
  if (process.env["TRACE"] !== undefined) await trace(home, box)
  const ratio = median(ours) / median(hand)
  return [
    {
      what: "task created by HTTP → its process runs on an SSH host, connection warm, against `ssh -o ControlMaster` + `tmux new-session -d`",
      ours: `p50 ${millis(median(ours))}`,
      against: `p50 ${millis(median(hand))}`,
      ratio,
      target: "≤ 1.5×",
      ok: ratio <= 1.5
    }
  ]
}

/** Milliseconds since 1970, from the file that the started process wrote. */
const startedAt = async (box: FleetHost, file: string): Promise<number> => {
  const { value } = await until(`${file} was written`, 20_000, async () => {
    const text = (await ssh(box.name, `cat /root/${file}`)).trim()
    return text === "" ? undefined : Number(text) / 1e6
  })
  return value
}

const sshOptions = (box: FleetHost, control: string): ReadonlyArray<string> =>
  [
    "BatchMode=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ControlMaster=auto",
    `ControlPath=${control}`,
    "ControlPersist=60"
  ]
    .flatMap((option) => ["-o", option])
    .concat("-i", box.keyFile, `root@${box.address}`)

const trace = async (home: Home, box: FleetHost): Promise<void> => {
  const sql = (await import("postgres")).default(home.env["DATABASE_URL"] ?? "")
  const rows = await sql<{ stream: string; type: string; ms: number; data: { command?: string } }[]>`select stream, type, (extract(epoch from at) * 1000)::float8 as ms, data from log.event where stream like 'task/%' order by position`
  const seg: Record<string, number[]> = {}
  const by = Map.groupBy(rows, (r) => r.stream)
  for (const list of by.values()) {
    const n = /ours-(\d+)/.exec(list[0]?.data.command ?? "")?.[1]
    if (n === undefined || Number(n) < 3) continue
    const at = Object.fromEntries(list.map((r) => [r.type, r.ms]))
    const proc = Number((await ssh(box.name, `cat /root/ours-${n}`)).trim()) / 1e6
    const add = (k: string, v: number) => (seg[k] ??= []).push(v)
    add("created→dispatched", at["TaskDispatched"]! - at["TaskCreated"]!)
    add("dispatched→process", proc - at["TaskDispatched"]!)
    add("process→launched", at["TaskLaunched"]! - proc)
  }
  for (const [k, v] of Object.entries(seg)) console.error(k, "p50", median(v).toFixed(1), "min", Math.min(...v).toFixed(1), "max", Math.max(...v).toFixed(1))
  await sql.end()
}
