/**
 * Tasks on a real host over SSH: how fast one starts against doing it by hand, and what watching 500 costs against watching 1.
 * Needs root (the fleet). All clocks are one clock: the hosts are containers of this machine.
 */
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { Schema } from "effect"
import { type FleetHost, host, inside, ssh } from "../test/fleet/support.ts"
import { type Home, type Role, dispose, hubFetch, makeHome, start, startHub, until } from "../test/support/signalbox.ts"
import { type Row, count, freshDatabase, median, millis } from "./support.ts"

const run = promisify(execFile)
const samples = 30
const many = 500

export const rows = async (): Promise<ReadonlyArray<Row>> => {
  if (process.getuid?.() !== 0) throw new Error("needs root: the fleet's hosts cannot be made")
  const fleet = await mkdtemp("/var/tmp/signalbox-fleet.")
  process.env["FLEET_DIR"] = fleet
  const home = await makeHome({ database: await freshDatabase() })
  try {
    await startHub(home)
    const worker = await start(home, "worker")
    const launched = await launching(home)
    return [...launched, ...(await watching(home, worker).catch(notMeasured))]
  } finally {
    await dispose(home)
    await run(new URL("../test/fleet/fleet", import.meta.url).pathname, ["down"])
    await rm(fleet, { recursive: true, force: true })
  }
}

/** What could be measured before stays. */
const notMeasured = (cause: unknown): ReadonlyArray<Row> => {
  const why = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, " ").slice(0, 200)
  return [{ what: `watching ${many} tasks: not measured`, ours: why, against: "", ratio: null, target: "", ok: false }]
}

const launching = async (home: Home): Promise<ReadonlyArray<Row>> => {
  const box = await host("launch")
  await add(home, box, samples * 2)
  const control = join(home.path, "control")
  const byHand = (command: string): Promise<unknown> => run("ssh", [...sshOptions(box, control), command])
  await byHand("tmux new-session -d -s keep sleep 3600") // the connection and the tmux server are warm
  const [ours, hand]: [Array<number>, Array<number>] = [[], []]
  for (let n = 0; n < samples + 3; n++) {
    let began = Date.now()
    const taskId = await create(home, box.name, `date +%s%N >/root/ours-${n}; exec sleep 60`)
    const a = (await startedAt(box, `ours-${n}`)) - began
    began = Date.now()
    await byHand(`tmux new-session -d -s hand-${n} 'date +%s%N >/root/hand-${n}; exec sleep 60'`)
    const b = (await startedAt(box, `hand-${n}`)) - began
    await hubFetch(home, `/api/v1/tasks/${taskId}/kill`, { method: "POST", body: JSON.stringify({ graceMs: 0 }) })
    if (n < 3) continue
    ours.push(a)
    hand.push(b)
  }
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

const watching = async (home: Home, worker: Role): Promise<ReadonlyArray<Row>> => {
  const box = await host("watch")
  await add(home, box, many)
  await create(home, box.name, ticker)
  await running(box, 1)
  const one = await cpuSeconds(box, worker)
  for (let n = 1; n < many; n += 20)
    await Promise.all(Array.from({ length: Math.min(20, many - n) }, () => create(home, box.name, ticker)))
  await running(box, many)
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

const running = (box: FleetHost, wanted: number) =>
  until(`${wanted} tasks run`, 300_000, async () => {
    const now = Number(await inside(box.name, "pgrep -fc '^sleep 5$' || true"))
    if (now < wanted * 0.98) throw new Error(`${now} run`)
    return true
  })

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

const add = async (home: Home, box: FleetHost, maxTasks: number): Promise<void> => {
  const added = await hubFetch(home, "/api/v1/hosts", {
    method: "POST",
    body: JSON.stringify({
      name: box.name,
      address: box.address,
      user: "root",
      keyFile: box.keyFile,
      hostKeys: [box.hostKey],
      defaults: { maxTasks }
    })
  })
  if (added.status !== 201) throw new Error(`host add: ${added.status} ${(await added.text()).slice(0, 300)}`)
  await until(`${box.name} is reachable`, 60_000, async () => {
    const checked = await hubFetch(home, `/api/v1/hosts/${box.name}/check`, { method: "POST", body: "{}" })
    return /"reachable":true/.test(await checked.text()) ? true : undefined
  })
}

const Created = Schema.Struct({ taskId: Schema.String })
const create = async (home: Home, hostName: string, command: string): Promise<string> => {
  const body = JSON.stringify({ host: hostName, tool: "shell", command })
  const answer = await hubFetch(home, "/api/v1/tasks", { method: "POST", body })
  if (answer.status !== 201)
    throw new Error(`the hub answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  return Schema.decodeUnknownSync(Created)(await answer.json()).taskId
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
