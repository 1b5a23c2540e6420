/**
 * process.list: processes with what they take, told apart for good by their start times.
 *
 * Owns: looking twice at all of /proc. Does not own: the one file of each (`stat.ts`), signals (`signal.ts`).
 * Invariants: command lines are text of strangers and often hold secrets: cleaned, cut, masked; a process that ends meanwhile is left out.
 */
import { readdir, readFile } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import type { Performer } from "../Performer.ts"
import { clean, fitting, listBytes } from "../text/clean.ts"
import { mask } from "../text/mask.ts"
import { memory } from "../../proc.ts"
import { type Stat, readStat } from "./stat.ts"

/** Linux tells user space a hundred ticks a second on all that we run on. */
const ticksPerSecond = 100
const betweenMillis = 500
const defaultCount = 20

export const listProcesses: Performer<"process.list"> = async ({ by = "cpu", count = defaultCount, text }, of) => {
  const first = new Map((await allStats()).map((stat) => [`${stat.pid} ${stat.started}`, stat.ticks]))
  const from = performance.now()
  await delay(betweenMillis, undefined, { signal: of.signal })
  const stats = await allStats()
  const seconds = (performance.now() - from) / 1000
  const [users, meminfo, pageBytes] = await Promise.all([
    userNames(),
    readFile("/proc/meminfo", "utf8").catch(() => ""),
    readFile("/proc/self/auxv").then(pageSize, () => 4096)
  ])
  const { totalBytes: total } = memory(meminfo)
  const cpuOf = (stat: Stat) => {
    const before = first.get(`${stat.pid} ${stat.started}`)
    return before === undefined ? 0 : Math.round(((stat.ticks - before) / ticksPerSecond / seconds) * 1000) / 10
  }
  const sorted = stats
    .map((stat) => ({ stat, cpu: cpuOf(stat), bytes: stat.residentPages * pageBytes }))
    .toSorted((a, b) => (by === "cpu" ? b.cpu - a.cpu || b.bytes - a.bytes : b.bytes - a.bytes))
  const found: Array<{
    pid: number
    started: number
    user: string
    cpu: number
    memoryBytes: number
    memory: number
    state: string
    command: string
  }> = []
  let matching = 0
  for (const { stat, cpu, bytes } of sorted) {
    if (text === undefined && found.length >= count) break
    const command = await commandOf(stat)
    if (command === undefined || (text !== undefined && !command.includes(text))) continue
    matching += 1
    if (found.length >= count) continue
    found.push({
      pid: stat.pid,
      started: stat.started,
      user: users.get(await ownerOf(stat.pid)) ?? "",
      cpu,
      memoryBytes: bytes,
      memory: total === 0 ? 0 : Math.round((bytes / total) * 1000) / 10,
      state: stat.state,
      command
    })
  }
  const { items, left } = fitting(found, listBytes)
  return {
    outcome: "succeeded",
    summary: `${stats.length} processes${text === undefined ? "" : `, ${matching} with ${text}`}; the first ${items.length} by ${by}.`,
    data: { processes: [...items], left, all: stats.length }
  }
}

/** The kernel tells each program: 4 KiB mostly, 16 or 64 on some ARM machines. */
export const pageSize = (auxv: Buffer): number => {
  const pageSizeKey = 6n
  for (let at = 0; at + 16 <= auxv.length; at += 16)
    if (auxv.readBigUInt64LE(at) === pageSizeKey) return Number(auxv.readBigUInt64LE(at + 8))
  return 4096
}

const allStats = async (): Promise<ReadonlyArray<Stat>> => {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name))
  const stats: Array<Stat> = []
  // a few hundred at once: a host with 100,000 processes has fewer descriptors than that
  for (let at = 0; at < pids.length; at += 256)
    for (const stat of await Promise.all(pids.slice(at, at + 256).map((pid) => readStat(Number(pid)))))
      if (stat !== undefined) stats.push(stat)
  return stats
}

const commandOf = async ({ pid, command }: Stat): Promise<string | undefined> => {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => undefined)
  if (line === undefined) return undefined
  const words = line.replace(/\0+$/u, "").replaceAll("\0", " ")
  return words === "" ? `[${clean(command, 60)}]` : clean(mask(words.slice(0, 4_000)), 300)
}

const ownerOf = async (pid: number): Promise<string> =>
  /^Uid:\s+(\d+)/mu.exec(await readFile(`/proc/${pid}/status`, "utf8").catch(() => ""))?.[1] ?? ""

const userNames = async (): Promise<ReadonlyMap<string, string>> =>
  new Map(
    (await readFile("/etc/passwd", "utf8").catch(() => "")).split("\n").flatMap((line) => {
      const [name = "", , uid = ""] = line.split(":")
      return name === "" ? [] : [[uid, clean(name, 60)] as const]
    })
  )
