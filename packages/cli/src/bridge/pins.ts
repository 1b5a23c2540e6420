/**
 * Which bridge showed which certificate: HOME/known_bridges, one `HOST:PORT FINGERPRINT` a line.
 *
 * Invariants: readers see a whole file or none; a line that cannot be read counts as none, never as trust.
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs/promises"
import { join } from "node:path"

export const readPin = async (home: string, place: string): Promise<string | undefined> =>
  (await lines(home)).find(([name]) => name === place)?.[1]

export const writePin = async (home: string, place: string, fingerprint: string): Promise<void> => {
  const kept = (await lines(home)).filter(([name]) => name !== place)
  const text = [...kept, [place, fingerprint]].map((line) => `${line.join(" ")}\n`).join("")
  const making = join(home, `known_bridges.${randomBytes(4).toString("hex")}`)
  try {
    await fs.writeFile(making, text, { mode: 0o600 })
    await fs.rename(making, join(home, "known_bridges"))
  } finally {
    await fs.rm(making, { force: true })
  }
}

const lines = async (home: string): Promise<ReadonlyArray<readonly [string, string]>> => {
  const text = await fs.readFile(join(home, "known_bridges"), "utf8").catch(() => "")
  return text.split("\n").flatMap((line) => {
    const parts = /^(\S+) ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/u.exec(line)
    return parts === null ? [] : [[parts[1] ?? "", parts[2] ?? ""] as const]
  })
}

/** As people paste it: with or without colons, in any case, `sha256:` before it. */
export const plainFingerprint = (text: string): string | undefined => {
  const hex = text
    .trim()
    .replace(/^sha-?256[:=\s]*(fingerprint=)?/iu, "")
    .replaceAll(":", "")
    .toUpperCase()
  return /^[0-9A-F]{64}$/u.test(hex) ? (hex.match(/../gu) ?? []).join(":") : undefined
}
