/**
 * The kinds of values that arguments of actions have, each as narrow as the thing it names.
 *
 * Owns: their schemas. Does not own: which action takes which (`catalog.ts`).
 * Invariants: nothing here that becomes an argument of a program begins with a dash or holds a control character; every text and
 * every list has an upper limit.
 */
import { Schema } from "effect"

const matching = (pattern: RegExp, expected: string) => Schema.String.check(Schema.isPattern(pattern, { expected }))

export const UnitName = matching(
  /^(?!-)[A-Za-z0-9:_.@\\-]{1,200}\.(?:service|timer|socket|path|target|mount)$/u,
  "a systemd unit with its suffix, like nginx.service"
)
/** Absolute and already normal: no `..`, no `//`, no trailing slash. */
export const AbsolutePath = matching(
  /^(?:\/|(?!.*\/\.{1,2}(?:\/|$))(?:\/[^\p{Cc}/]{1,255}){1,40})$/u,
  "an absolute path without .. in it"
)
export const PackageName = matching(/^[a-z0-9][a-z0-9+.:-]{1,100}$/u, "the name of a Debian package")
/** A host name or an address; an IPv6 address is looked at closer, because its pattern alone would take any colons. */
const network = (pattern: RegExp, expected: string) =>
  matching(pattern, expected).check(
    Schema.makeFilter((text) => !text.includes(":") || isIpv6(text) || `"${text}" is no IPv6 address`)
  )
export const NetworkName = network(
  /^(?:(?!.{254})(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?|(?=.*:)[0-9A-Fa-f:]{2,39}(?:[0-9.]{7,15})?)$/u,
  "a host name or an IP address"
)
/** What the DNS can be asked for: also `_dmarc.example.com`, which no host is called. */
export const DnsName = network(
  /^(?:(?!.{254})(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?|(?=.*:)[0-9A-Fa-f:]{2,39}(?:[0-9.]{7,15})?)$/u,
  "a name in the DNS or an IP address"
)

const isIpv4 = (text: string): boolean =>
  /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/u.test(text)

/** RFC 4291, section 2.2: eight groups, or fewer around one `::`; the last two may be an IPv4 address. Without a zone. */
const isIpv6 = (text: string): boolean => {
  const halves = text.split("::")
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")))
  const last = groups.at(-1) ?? ""
  const dotted = last.includes(".")
  const count = groups.length + (dotted ? 1 : 0)
  const plain = dotted ? groups.slice(0, -1) : groups
  if (dotted && (!isIpv4(last) || text.endsWith("::"))) return false
  return plain.every((group) => /^[0-9A-Fa-f]{1,4}$/u.test(group)) && (halves.length === 2 ? count < 8 : count === 8)
}
export const HttpUrl = matching(/^https?:\/\/[^\s\p{Cc}]{1,2000}$/u, "an http or https URL")
export const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))
export const Lines = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5_000 }))
const mostContentBytes = 768 * 1024
/** A part of a line that is looked for as it is: no pattern. */
export const Needle = matching(/^[^\p{Cc}]{1,500}$/u, "1 to 500 characters on one line")
/** A cut of what journalctl understands. */
export const Since = matching(
  /^(?:today|yesterday|[0-9]{1,5} ?(?:s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?) ago|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)$/u,
  "a time like 2 hours ago, today or 2026-11-20T14:30:00Z"
)
/** Contents of a configuration file. Written as JSON it must leave room in a frame to the agent (`agent/protocol.ts`). */
export const Content = Schema.String.check(
  Schema.isMaxLength(512 * 1024),
  Schema.makeFilter(
    (text) =>
      text.length * 6 <= mostContentBytes ||
      new TextEncoder().encode(JSON.stringify(text)).length <= mostContentBytes ||
      "at most 768 KiB, counted with what JSON adds to it"
  )
)
export const Sha256 = matching(/^[0-9a-f]{64}$/u, "a SHA-256 in hexadecimal digits")
