/**
 * system.usage.
 *
 * Owns: what the processors did since an earlier look (or, where there was none, between two now), disks, and putting it together. Does not own: the reading of /proc (`proc.ts`), heartbeats.
 * Invariants: a disk that does not answer (a dead network mount) does not keep the rest waiting.
 */
import { readFile, statfs } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { looks } from "../../last-look.ts"
import { type CpuTimes, cpuPercent, cpuTimes, memory as memoryIn, percent, uptimeSeconds } from "../../proc.ts"
import { parseLoad, parseMounts, parsePressure } from "./proc.ts"

const cpuMillis = 500
const diskMillis = 2_000
const mostDisks = 100

export const systemUsage: Performer<"system.usage"> = async (_args, of) => {
  const before = looks.before(performance.now())
  const first = before ?? (await readCpuTimes())
  const wait = before === undefined ? delay(cpuMillis, undefined, { signal: of.signal }) : undefined
  const [disks] = await Promise.all([readDisks(), wait])
  const [second, meminfo, loadavg, uptime, pressure] = await Promise.all([
    readCpuTimes(),
    proc("meminfo"),
    proc("loadavg"),
    proc("uptime"),
    Promise.all(["cpu", "memory", "io"].map(async (name) => parsePressure(await proc(`pressure/${name}`))))
  ])
  const memory = memoryIn(meminfo)
  const used = memory.totalBytes - memory.availableBytes
  const [load, fiveMinutes, quarter] = parseLoad(loadavg)
  looks.looked(second, performance.now())
  const cpu = cpuPercent(first, second)
  const root = disks.find(({ path }) => path === "/")
  const usage = {
    cpu,
    memory: percent(used, memory.totalBytes),
    memoryBytes: {
      total: memory.totalBytes,
      used,
      swapTotal: memory.swapTotalBytes,
      swapUsed: memory.swapTotalBytes - memory.swapFreeBytes
    },
    load,
    loads: [load, fiveMinutes, quarter],
    uptime: uptimeSeconds(uptime),
    disk: root?.percent ?? 0,
    disks: disks.map((disk) => ({ ...disk })),
    pressure: { cpu: pressure[0] ?? null, memory: pressure[1] ?? null, io: pressure[2] ?? null }
  }
  return {
    outcome: "succeeded",
    summary: `CPU ${usage.cpu} %, memory ${usage.memory} %, disk ${usage.disk} %, load ${load}.`,
    data: usage
  }
}

const readCpuTimes = async (): Promise<CpuTimes> => cpuTimes(await proc("stat"))

export interface Disk {
  readonly path: string
  readonly bytes: number
  readonly usedBytes: number
  readonly freeBytes: number
  /** As df tells it: of what ordinary users can have. */
  readonly percent: number
  readonly inodesPercent: number
}

export const readDisks = async (): Promise<ReadonlyArray<Disk>> => {
  const mounts = parseMounts(await proc("self/mountinfo")).slice(0, mostDisks)
  const disks = await Promise.all(mounts.map(({ path }) => readDisk(path)))
  return disks.filter((disk) => disk !== undefined)
}

const readDisk = async (path: string): Promise<Disk | undefined> => {
  const late = new AbortController()
  const found = await Promise.race([
    statfs(path).catch(() => undefined),
    delay(diskMillis, undefined, { signal: late.signal, ref: false }).catch(() => undefined)
  ])
  late.abort()
  if (found === undefined || found.blocks === 0) return undefined
  const used = found.blocks - found.bfree
  return {
    path: clean(path, 300),
    bytes: found.blocks * found.bsize,
    usedBytes: used * found.bsize,
    freeBytes: found.bavail * found.bsize,
    percent: percent(used, used + found.bavail),
    inodesPercent: percent(found.files - found.ffree, found.files)
  }
}

const proc = (name: string): Promise<string> => readFile(`/proc/${name}`, "utf8").catch(() => "")
