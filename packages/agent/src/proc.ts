/**
 * What the kernel's files say, as numbers: pure functions over their text.
 *
 * Owns: /proc/stat, meminfo, loadavg, uptime and os-release. Does not own: reading the files (`facts.ts`).
 * Invariants: memory in use is what is not available; guest time is in user time already and is not counted twice.
 */
export interface CpuTimes {
  readonly busy: number
  readonly total: number
}

export const cpuTimes = (stat: string): CpuTimes => {
  const line = /^cpu\s+(.+)$/mu.exec(stat)?.[1] ?? ""
  // user nice system idle iowait irq softirq steal, and then guest and guest_nice
  const fields = line.split(/\s+/u).slice(0, 8).map(Number)
  const total = fields.reduce((sum, field) => sum + field, 0)
  return { total, busy: total - (fields[3] ?? 0) - (fields[4] ?? 0) }
}

/** Percent between two looks, 0 when no time has passed. */
export const cpuPercent = (before: CpuTimes, after: CpuTimes): number =>
  after.total <= before.total ? 0 : percent(after.busy - before.busy, after.total - before.total)

export interface Memory {
  readonly totalBytes: number
  readonly availableBytes: number
  readonly swapTotalBytes: number
  readonly swapFreeBytes: number
}

export const memory = (meminfo: string): Memory => {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "mu").exec(meminfo)?.[1] ?? 0) * 1024
  return {
    totalBytes: bytes("MemTotal"),
    availableBytes: bytes("MemAvailable"),
    swapTotalBytes: bytes("SwapTotal"),
    swapFreeBytes: bytes("SwapFree")
  }
}

export const loadOfMinute = (loadavg: string): number => Number(loadavg.split(" ")[0] ?? 0)
export const uptimeSeconds = (uptime: string): number => Number(uptime.split(" ")[0] ?? 0)

/** Like "Debian GNU/Linux 12 (bookworm)". */
export const osName = (osRelease: string): string => {
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=(.*)$`, "mu").exec(osRelease)?.[1]?.replace(/^(["'])(.*)\1$/u, "$2")
  return value("PRETTY_NAME") ?? value("NAME") ?? "Linux"
}

export const percent = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.round(Math.min(100, Math.max(0, (100 * part) / whole)) * 10) / 10
