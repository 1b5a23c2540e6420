/**
 * What this host is and how it is doing: read from the kernel's files when it is asked.
 *
 * Owns: the reads behind hello and heartbeats. Does not own: what the text means (`proc.ts`), when it is sent (`link.ts`).
 * Invariants: a file that is not there gives a plain default and never ends the agent; the machine's id leaves this host only hashed.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs/promises"
import { arch, hostname, release } from "node:os"
import { hashedMachineId } from "@signalbox/core/agent/machine-id.ts"
import type { AgentHello, AgentSample } from "@signalbox/core/agent/protocol.ts"
import { looks } from "./last-look.ts"
import { cpuPercent, cpuTimes, loadOfMinute, memory, osName, percent, uptimeSeconds, type CpuTimes } from "./proc.ts"
import { version } from "./version.ts"

const read = (path: string): Promise<string> => fs.readFile(path, "utf8").catch(() => "")

export const readBootId = async (): Promise<string> => (await read("/proc/sys/kernel/random/boot_id")).trim()

export const machineId = async (): Promise<string> =>
  hashedMachineId((await read("/etc/machine-id")).trim() || hostname())

export const hello = async (of: Pick<AgentHello, "allows" | "actions" | "relay" | "through">): Promise<AgentHello> => {
  const [id, bootId, osRelease, meminfo, stat, virtualization] = await Promise.all([
    machineId(),
    readBootId(),
    read("/etc/os-release"),
    read("/proc/meminfo"),
    read("/proc/stat"),
    output("/usr/bin/systemd-detect-virt", [])
  ])
  return {
    version,
    hostname: hostname(),
    machineId: id,
    bootId,
    os: osName(osRelease),
    kernel: release(),
    arch: arch(),
    cpus: [...stat.matchAll(/^cpu\d+ /gmu)].length,
    memoryBytes: memory(meminfo).totalBytes,
    virtualization: virtualization.trim() || "unknown",
    ...of
  }
}

/** Samples, of which each covers the time since the one before. */
export const sampler = (): (() => Promise<AgentSample>) => {
  let before: CpuTimes = { busy: 0, total: 0 }
  return async () => {
    const [stat, meminfo, loadavg, uptime, disk, failed] = await Promise.all([
      read("/proc/stat"),
      read("/proc/meminfo"),
      read("/proc/loadavg"),
      read("/proc/uptime"),
      fs.statfs("/").catch(() => ({ blocks: 0, bfree: 0, bavail: 0 })),
      output("/usr/bin/systemctl", ["show", "--property=NFailedUnits", "--value"])
    ])
    const now = cpuTimes(stat)
    const cpu = cpuPercent(before, now)
    before = now
    looks.looked(now, performance.now())
    const { totalBytes, availableBytes } = memory(meminfo)
    const used = disk.blocks - disk.bfree // as df counts: what root keeps back is neither used nor free
    return {
      at: Date.now(),
      cpu,
      memory: percent(totalBytes - availableBytes, totalBytes),
      disk: percent(used, used + disk.bavail),
      load: loadOfMinute(loadavg),
      uptime: uptimeSeconds(uptime),
      ...(/^\d+\n?$/u.test(failed) ? { failedUnits: Number(failed) } : {})
    }
  }
}

/** What a program says whatever its exit code; nothing when it is not there. */
const output = (program: string, args: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, [...args], { timeout: 5_000, env: { LC_ALL: "C" } }, (_, stdout) => resolve(stdout))
  })
