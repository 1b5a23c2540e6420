/**
 * What the kernel tells in /proc, as numbers.
 *
 * Owns: pure readings of the text of these files. Does not own: opening them (`usage.ts`, `info.ts`).
 * Invariants: memory in use is total less available; guest time is in user time already and is not counted twice; what is not there is
 * zero or absent, never a guess.
 */
export interface CpuTimes {
  readonly busy: number
  readonly total: number
}

export const parseCpuTimes = (stat: string): CpuTimes => {
  const fields = /^cpu\s+(.*)$/mu.exec(stat)?.[1]?.trim().split(/\s+/u).map(Number) ?? []
  const total = fields.slice(0, 8).reduce((sum, n) => sum + (Number.isFinite(n) ? n : 0), 0)
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total }
}

/** Percent in use between two looks. */
export const cpuPercent = (before: CpuTimes, after: CpuTimes): number => {
  const total = after.total - before.total
  return total <= 0 ? 0 : percent(Math.max(0, after.busy - before.busy), total)
}

export interface Memory {
  readonly total: number
  readonly used: number
  readonly swapTotal: number
  readonly swapUsed: number
}

/** In bytes. */
export const parseMemory = (meminfo: string): Memory => {
  const of = (key: string): number | undefined => {
    const found = new RegExp(`^${key}:\\s+(\\d+)`, "mu").exec(meminfo)?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  }
  const total = of("MemTotal") ?? 0
  const available = of("MemAvailable") ?? (of("MemFree") ?? 0) + (of("Buffers") ?? 0) + (of("Cached") ?? 0)
  const swapTotal = of("SwapTotal") ?? 0
  return {
    total,
    used: Math.max(0, total - available),
    swapTotal,
    swapUsed: Math.max(0, swapTotal - (of("SwapFree") ?? 0))
  }
}

export const parseLoad = (loadavg: string): readonly [number, number, number] => {
  const [one = 0, five = 0, fifteen = 0] = loadavg.trim().split(/\s+/u).slice(0, 3).map(Number)
  return [one, five, fifteen]
}

export const parseUptime = (uptime: string): number => Math.floor(Number(uptime.trim().split(/\s+/u)[0] ?? 0))

/** Percent of time in which something waited, over ten seconds; null where the kernel does not tell. */
export const parsePressure = (text: string): number | null => {
  const found = /^some avg10=([\d.]+)/mu.exec(text)?.[1]
  return found === undefined ? null : Number(found)
}

export interface Mount {
  readonly path: string
  readonly type: string
  readonly device: string
}

const real = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "jfs",
  "reiserfs",
  "vfat",
  "exfat",
  "ntfs",
  "ntfs3",
  "nfs",
  "nfs4",
  "cifs",
  "fuseblk",
  "overlay",
  "bcachefs"
])

/** File systems that hold data, each once: what is mounted a second time elsewhere fills no further disk. */
export const parseMounts = (mountinfo: string): ReadonlyArray<Mount> => {
  const seen = new Set<string>()
  const mounts: Array<Mount> = []
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ")
    const [, , numbers = "", , path = ""] = left.split(" ")
    const [type = "", device = ""] = right.split(" ")
    if (
      !real.has(type) ||
      (type === "overlay" && path !== "/") ||
      /^\/(?:snap|var\/lib\/(?:docker|containers|kubelet))\//u.test(path)
    )
      continue
    const key = type === "zfs" || type === "btrfs" ? device : numbers
    if (seen.has(key)) continue
    seen.add(key)
    mounts.push({ path: unescaped(path), type, device: unescaped(device) })
  }
  return mounts
}

/** Spaces and the like are written in octal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/gu, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))

/** os-release is a list of assignments of the shell. */
export const parseOsRelease = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\n").flatMap((line) => {
      const found = /^([A-Z][A-Z0-9_]*)=(.*)$/u.exec(line.trim())
      if (found === null) return []
      const [, key = "", value = ""] = found
      return [[key, /^(["']).*\1$/u.test(value) ? value.slice(1, -1).replace(/\\(["\\$`])/gu, "$1") : value] as const]
    })
  )

export const percent = (part: number, whole: number): number =>
  whole <= 0 ? 0 : Math.round((part / whole) * 1000) / 10
