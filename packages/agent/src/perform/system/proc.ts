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
  /** Answered by another machine or program, or not at all. */
  readonly remote: boolean
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

/**
 * File systems that hold data, each once: what is mounted a second time elsewhere fills no further disk, and is told by its shortest path.
 * What lies below a later mount at the same path cannot be seen.
 */
export const parseMounts = (mountinfo: string): ReadonlyArray<Mount> => {
  const byPath = new Map<string, Mount & { readonly key: string }>()
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ")
    const [, , numbers = "", , escaped = ""] = left.split(" ")
    const [type = "", device = ""] = right.split(" ")
    if (escaped === "") continue
    const path = unescaped(escaped)
    byPath.delete(path)
    if (
      !real.has(type) ||
      (type === "overlay" && path !== "/") ||
      /^\/(?:snap|var\/lib\/(?:docker|containers|kubelet))\//u.test(path)
    )
      continue
    const key = type === "zfs" || type === "btrfs" ? device : numbers
    byPath.set(path, { path, type, device: unescaped(device), remote: /^(?:nfs|cifs|fuse)/u.test(type), key })
  }
  const byKey = new Map<string, Mount>()
  for (const { key, ...mount } of byPath.values()) {
    const other = byKey.get(key)
    if (other === undefined || mount.path.length < other.path.length) byKey.set(key, mount)
  }
  return [...byKey.values()]
}

/** Spaces and the like are written in octal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/gu, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
