/**
 * system.info: what a host is.
 *
 * Owns: putting the facts together; `hello` of the agent takes them from here. Does not own: what changes by the second (`usage.ts`).
 */
import { readFile } from "node:fs/promises"
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from "node:os"
import { run } from "../child.ts"
import { bootId } from "../config/guard.ts"
import type { Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { parseOsRelease, parseUptime } from "./proc.ts"
import { readDisks } from "./usage.ts"

export interface HostFacts {
  readonly hostname: string
  readonly machineId: string
  readonly bootId: string
  readonly os: string
  readonly kernel: string
  readonly arch: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly virtualization: string
}

export const hostFacts = async (signal: AbortSignal): Promise<HostFacts> => {
  const [release_, machineId, boot, virtualization] = await Promise.all([
    readFile("/etc/os-release", "utf8").catch(() => readFile("/usr/lib/os-release", "utf8").catch(() => "")),
    readFile("/etc/machine-id", "utf8").catch(() => ""),
    bootId(),
    // it ends with 1 and says "none" on bare metal
    run("systemd-detect-virt", [], { signal, timeoutMs: 5_000 }).then(
      ({ stdout }) => stdout,
      () => ""
    )
  ])
  return {
    hostname: clean(hostname(), 253),
    machineId: clean(machineId, 64),
    bootId: boot,
    os: osName(release_),
    kernel: clean(release(), 200),
    arch: arch(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    virtualization: clean(virtualization, 60) || "none"
  }
}

/** "Debian 12", "Ubuntu 24.04": as people name it. */
export const osName = (release: string): string => {
  const found = parseOsRelease(release)
  const name = (found.get("NAME") ?? "Linux").replace(/ (?:GNU\/Linux|Linux)$/u, "")
  return clean(`${name} ${found.get("VERSION_ID") ?? ""}`, 100)
}

export const systemInfo: Performer<"system.info"> = async (_args, of) => {
  const [facts, disks, uptime, model] = await Promise.all([
    hostFacts(of.signal),
    readDisks(),
    readFile("/proc/uptime", "utf8"),
    Promise.resolve(clean(cpus()[0]?.model ?? "", 200))
  ])
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, found = []]) =>
    found
      .filter((one) => !one.internal)
      .map((one) => ({ interface: clean(name, 60), address: one.cidr ?? one.address }))
  )
  return {
    outcome: "succeeded",
    summary: `${facts.hostname}: ${facts.os}, kernel ${facts.kernel}, ${facts.cpus} CPUs, ${Math.round(facts.memoryBytes / 2 ** 20)} MiB memory.`,
    data: {
      ...facts,
      cpuModel: model,
      uptime: parseUptime(uptime),
      disks: disks.map((disk) => ({ ...disk })),
      addresses: addresses.slice(0, 200)
    }
  }
}
