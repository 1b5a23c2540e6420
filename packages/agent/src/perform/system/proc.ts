/**
 * Mounts, pressure and the three loads, as the kernel tells them in /proc.
 *
 * Owns: pure readings of the text of these files. Does not own: processors, memory and uptime (`../../proc.ts`), opening files.
 * Invariants: what is not there is absent, never a guess.
 */
export const parseLoad = (loadavg: string): readonly [number, number, number] => {
  const [one = 0, five = 0, fifteen = 0] = loadavg.trim().split(/\s+/u).slice(0, 3).map(Number)
  return [one, five, fifteen]
}

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
