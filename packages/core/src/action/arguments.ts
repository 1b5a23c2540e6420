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
export const NetworkName = matching(/^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$/u, "a host name or an IP address")
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
