/**
 * system.usage.
 *
 * Owns: what the processors did since an earlier look (or, where there was none, between two now), disks, and putting it together. Does not own: the reading of /proc (`proc.ts`), heartbeats.
 * Invariants: a disk that does not answer (a dead network mount) does not keep the rest waiting.
 */
import { readFile, statfs } from "node:fs/promises"
import { setTimeout as delay } from "node:timers/promises"
import { run } from "../child.ts"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { looks } from "../../last-look.ts"
import { type CpuTimes, cpuPercent, cpuTimes, memory as memoryIn, percent, uptimeSeconds } from "../../proc.ts"
import { type Mount, parseLoad, parseMounts, parsePressure } from "./proc.ts"

const cpuMillis = 500
const diskMillis = 2_000
const mostDisks = 100

export const systemUsage: Performer<"system.usage"> = async (_args, of) => {
  const before = looks.before(performance.now())
  const first = before ?? (await readCpuTimes())
  const wait = before === undefined ? delay(cpuMillis, undefined, { signal: of.signal }) : undefined
  // whatever its file system is: a container's or a live system's root is often none of those that are listed
  const [disks, root] = await Promise.all([readDisks(), readDisk({ path: "/", remote: false }), wait])
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
    /** Null: the kernel does not tell, as of a root file system without a size. */
    disk: root?.percent ?? null,
    disks: disks.map((disk) => ({ ...disk })),
    pressure: { cpu: pressure[0] ?? null, memory: pressure[1] ?? null, io: pressure[2] ?? null }
  }
  return {
    outcome: "succeeded",
    summary: `CPU ${usage.cpu} %, memory ${usage.memory} %, ${usage.disk === null ? "disk unknown" : `disk ${usage.disk} %`}, load ${load}.`,
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
  const disks = await Promise.all(mounts.map(readDisk))
  return disks.filter((disk) => disk !== undefined)
}

/** What was asked and has not answered yet: it is not asked again, since each question keeps a thread or a process waiting. */
const waiting = new Map<string, Promise<Sizes | undefined>>()

interface Sizes {
  readonly blocks: number
  readonly bfree: number
  readonly bavail: number
  readonly bsize: number
  readonly files: number
  readonly ffree: number
}

const readDisk = async (mount: Pick<Mount, "path" | "remote">): Promise<Disk | undefined> => {
  const { path } = mount
  if (waiting.has(path)) return undefined
  const asked = (mount.remote ? remoteSizes(path) : statfs(path)).catch(() => undefined)
  waiting.set(path, asked)
  void asked.finally(() => waiting.delete(path))
  const late = new AbortController()
  const found = await Promise.race([
    asked,
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

/** By a program: a server that is gone would keep one of Node's few threads for file systems for good. */
const remoteSizes = async (path: string): Promise<Sizes | undefined> => {
  const ran = await run("stat", ["--file-system", "--format=%b %f %a %S %c %d", "--", path], {
    signal: AbortSignal.timeout(diskMillis),
    graceMs: 100
  })
  const [blocks, bfree, bavail, bsize, files, ffree] = ran.stdout.trim().split(" ").map(Number)
  return ran.code !== 0 || blocks === undefined || bfree === undefined || bavail === undefined
    ? undefined
    : { blocks, bfree, bavail, bsize: bsize ?? 0, files: files ?? 0, ffree: ffree ?? 0 }
}

const proc = (name: string): Promise<string> => readFile(`/proc/${name}`, "utf8").catch(() => "")
