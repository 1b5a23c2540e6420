/**
 * What is known of a host's public key: OpenSSH's known_hosts files and the keys pinned in a host's configuration.
 *
 * Owns: reading both forms, the verdict on an offered key, fingerprints as OpenSSH prints them. Does not own: files (`dial.ts`
 * reads them), asking a person.
 * Invariants: pure; a line that cannot be read is skipped and never makes a key good; `@revoked` beats everything;
 * `@cert-authority` lines are skipped, because ssh2 offers no certificates.
 */
import { createHash, createHmac } from "node:crypto"
import type { ServerHostKeyAlgorithm } from "ssh2"

export interface Judgement {
  readonly verdict: "ok" | "unknown" | "changed" | "revoked"
  /** What is known for this host: offer only these, because a server may prefer a type that we know nothing of. */
  readonly types: ReadonlyArray<ServerHostKeyAlgorithm>
}

export interface PublicKey {
  readonly type: string
  readonly blob: Uint8Array
}

/** The verdict of known_hosts `text` on `key` (without a key: what is known), as ssh would give it for `host` and `port`. */
export const judge = (text: string, host: string, port: number, key?: Uint8Array): Judgement => {
  const bare = host.toLowerCase()
  if (port === 22) return judgeName(text, bare, key)
  const exact = judgeName(text, `[${bare}]:${port}`, key)
  if (exact.verdict === "revoked" || exact.types.length > 0) return exact
  // ssh also takes the very same key known for the plain name: one machine, a second port.
  const plain = judgeName(text, bare, key)
  return plain.verdict === "changed" ? { verdict: "unknown", types: [] } : plain
}

/** The verdict of a host's own list of pinned keys. A list that holds nothing readable knows nothing. */
export const judgePinned = (pinned: ReadonlyArray<string>, key?: Uint8Array): Judgement => {
  const keys = pinned.map(parsePublicKey).filter((one) => one !== undefined)
  const types = [...new Set(keys.flatMap((one) => algorithms(one.type)))]
  if (key === undefined || pinned.length === 0) return { verdict: "unknown", types }
  return { verdict: keys.some((one) => sameBytes(one.blob, key)) ? "ok" : "changed", types }
}

/** "type base64 [comment]", as in a .pub file. `undefined` when the two halves do not agree or are damaged. */
export const parsePublicKey = (line: string): PublicKey | undefined => {
  const [type, base64] = line.trim().split(/\s+/u)
  if (type === undefined || base64 === undefined || !/^[A-Za-z0-9+/]+={0,2}$/u.test(base64)) return undefined
  const blob = Buffer.from(base64, "base64")
  return keyType(blob) === type ? { type, blob } : undefined
}

export const formatPublicKey = (blob: Uint8Array): string => `${keyType(blob)} ${Buffer.from(blob).toString("base64")}`

export const fingerprint = (blob: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/u, "")}`

/** The type that the key itself tells; empty when it is no key. */
export const keyType = (blob: Uint8Array): string => {
  const bytes = Buffer.from(blob)
  if (bytes.length < 8) return ""
  const length = bytes.readUInt32BE(0)
  return length > 64 || length + 4 > bytes.length ? "" : bytes.toString("latin1", 4, 4 + length)
}

const judgeName = (text: string, name: string, key: Uint8Array | undefined): Judgement => {
  const types = new Set<ServerHostKeyAlgorithm>()
  const offered = key === undefined ? "" : keyType(key)
  let verdict: Judgement["verdict"] = "unknown"
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/u)
    const mark = words[0]?.startsWith("@") === true ? words.shift() : undefined
    const [names, type, base64] = words
    if (names === undefined || type === undefined || base64 === undefined || names.startsWith("#")) continue
    if (mark !== undefined && mark !== "@revoked") continue
    if (!isNamed(names, name)) continue
    const known = parsePublicKey(`${type} ${base64}`)
    if (known === undefined) continue
    const same = key !== undefined && sameBytes(known.blob, key)
    if (mark === "@revoked") {
      if (same) return { verdict: "revoked", types: [] }
      continue
    }
    for (const one of algorithms(known.type)) types.add(one)
    if (same) verdict = "ok"
    else if (known.type === offered && verdict === "unknown") verdict = "changed"
  }
  return { verdict, types: [...types] }
}

const isNamed = (patterns: string, name: string): boolean => {
  let hit = false
  for (const pattern of patterns.split(",")) {
    if (pattern.startsWith("|1|")) {
      const [, , salt, hash] = pattern.split("|")
      if (salt === undefined || hash === undefined) continue
      hit ||= createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash
      continue
    }
    const not = pattern.startsWith("!")
    if (!matchesPattern(pattern.slice(not ? 1 : 0).toLowerCase(), name)) continue
    if (not) return false
    hit = true
  }
  return hit
}

/** `*` and `?` as in ssh's patterns. */
export const matchesPattern = (pattern: string, name: string): boolean => {
  // Without regular expressions: a hostile `*a*a*a*…` must not take exponential time.
  let p = 0
  let n = 0
  let star = -1
  let mark = 0
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n]) && pattern[p] !== "*") {
      p += 1
      n += 1
    } else if (pattern[p] === "*") {
      star = p
      mark = n
      p += 1
    } else if (star >= 0) {
      p = star + 1
      mark += 1
      n = mark
    } else return false
  }
  while (pattern[p] === "*") p += 1
  return p === pattern.length
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b)

/** Types that ssh2 cannot check (security keys, certificates) offer nothing. */
const algorithms = (type: string): ReadonlyArray<ServerHostKeyAlgorithm> => {
  switch (type) {
    case "ssh-rsa":
      return ["rsa-sha2-512", "rsa-sha2-256"]
    case "ssh-ed25519":
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
      return [type]
    default:
      return []
  }
}
