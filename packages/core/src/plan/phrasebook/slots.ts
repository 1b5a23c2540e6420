/**
 * What can stand in the slots of phrases: units, paths, numbers, times, addresses and the like.
 *
 * Owns: reading each from words. Does not own: the phrases, the catalogue's own checks (which follow in any case).
 * Invariants: a name of a host is no unit and no package; a path is only a path where it begins with a slash.
 */
import type { Schema } from "effect"
import type { Selector } from "../plan.ts"
import type { Slot, Slots } from "./pattern.ts"
import { hostNamed, targetsAt, type Vocabulary } from "./targets.ts"
import { unitNamed } from "./units.ts"
import type { Word, Words } from "./words.ts"

/** What a slot was: an argument, or hosts. */
export type Said =
  { readonly _tag: "Argument"; readonly value: Schema.Json } | { readonly _tag: "Targets"; readonly selector: Selector }
type Value = Schema.Json
const one =
  (read: (word: Word) => Value | undefined): Slot<Value> =>
  (words, at) => {
    const word = words[at]
    const value = word === undefined ? undefined : read(word)
    return value === undefined ? [] : [[value, at + 1]]
  }
const plainOf = (words: Words, at: number): string => words[at]?.plain ?? ""
const matching = (pattern: RegExp) => one((word) => (pattern.test(word.text) ? word.text : undefined))
const path = (test: (path: string) => boolean) =>
  one((word) => (/^\/\S*$/u.test(word.text) && test(word.text) ? tidy(word.text) : undefined))
const tidy = (said: string): string => (said === "/" ? said : said.replace(/\/+$/u, ""))

/** "nginx, redis and cron": one list. */
const several =
  (single: Slot<Value>): Slot<Value> =>
  (words, at) =>
    single(words, at).flatMap(([first, next]): ReadonlyArray<readonly [Value, number]> => {
      const comma = plainOf(words, next) === ","
      const and = plainOf(words, comma ? next + 1 : next) === "and"
      const rest = comma || and ? several(single)(words, next + (comma ? 1 : 0) + (and ? 1 : 0)) : []
      return [
        [[first], next],
        ...rest.map(([more, end]): readonly [Value, number] => [[first, ...(Array.isArray(more) ? more : [])], end])
      ]
    })

const configs: { readonly [said: string]: string } = {
  nginx: "/etc/nginx/nginx.conf",
  ssh: "/etc/ssh/sshd_config",
  sshd: "/etc/ssh/sshd_config",
  sudoers: "/etc/sudoers",
  apache: "/etc/apache2/apache2.conf",
  apache2: "/etc/apache2/apache2.conf",
  journald: "/etc/systemd/journald.conf"
}
const levels: { readonly [said: string]: string } = {
  error: "err",
  errors: "err",
  warnings: "warning",
  warning: "warning",
  critical: "crit",
  criticals: "crit"
}
const durations = /^(?:s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|weeks?)$/u

/** "since yesterday", "in the last 2 hours", "today". */
export const sinceAt: Slot<string> = (words, at) => {
  const word = plainOf(words, at)
  if (word === "today" || word === "yesterday") return [[word, at + 1]]
  const open = ["from", "in", "of", "over", "within", "for", "during"].includes(word) ? at + 1 : at
  const the = plainOf(words, open) === "the" ? open + 1 : open
  if (["last", "past"].includes(plainOf(words, the))) {
    const amount = plainOf(words, the + 1)
    if (/^[0-9]{1,5}$/u.test(amount) && durations.test(plainOf(words, the + 2)))
      return [[`${amount} ${plainOf(words, the + 2)} ago`, the + 3]]
    return /^(?:hour|day|minute|week)$/u.test(amount) ? [[`1 ${amount} ago`, the + 2]] : []
  }
  if (word !== "since") return []
  const next = plainOf(words, at + 1)
  if (next === "today" || next === "yesterday") return [[next, at + 2]]
  if (/^[0-9]{1,5}$/u.test(next) && durations.test(plainOf(words, at + 2)))
    return [[`${next} ${plainOf(words, at + 2)} ago`, at + (plainOf(words, at + 3) === "ago" ? 4 : 3)]]
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:t[0-9:]{4,8}z?)?$/u.test(next)) return []
  const time = words[at + 2]?.text ?? ""
  return /^[0-9]{2}:[0-9]{2}(?::[0-9]{2})?$/u.test(time)
    ? [[`${next} ${time}`, at + 3]]
    : [[next.toUpperCase(), at + 2]]
}

/** A value: quoted, or one word. */
const value = one((word) => (word.quoted || !/^(?:,|%|to|in|on)$/u.test(word.plain) ? word.text : undefined))

export const slotsFor = (known: Vocabulary): Slots<Said> => {
  const unit: Slot<Value> = (words, start) => {
    const at = plainOf(words, start) === "the" ? start + 1 : start
    const named = ["service", "unit", "daemon"].includes(plainOf(words, at)) ? at + 1 : at
    const word = words[named]
    const found = word === undefined || hostNamed(word.text, known) !== undefined ? undefined : unitNamed(word)
    if (found === undefined) return []
    const after = ["service", "daemon", "unit"].includes(plainOf(words, named + 1)) ? named + 2 : named + 1
    return [[found, after]]
  }
  const packaged = one((word) =>
    /^[a-z0-9][a-z0-9+.:-]{1,100}$/u.test(word.text) &&
    hostNamed(word.text, known) === undefined &&
    !common.has(word.plain)
      ? word.text
      : undefined
  )
  const targets: Slot<Said> = (words, at) =>
    targetsAt(words, at, known).map(([selector, next]) => [{ _tag: "Targets", selector }, next])
  const plain: Slots<Value> = {
    unit,
    units: several(unit),
    package: packaged,
    packages: several(packaged),
    number: one((word) => (/^[0-9]{1,4}$/u.test(word.text) && Number(word.text) > 0 ? Number(word.text) : undefined)),
    port: one((word) => (/^[0-9]{1,5}$/u.test(word.text) ? Number(word.text) : undefined)),
    etc: path((said) => said.startsWith("/etc/")),
    log: path((said) => said.startsWith("/var/log/")),
    file: path((said) => !said.startsWith("/etc/") && !said.startsWith("/var/log/")),
    path: path(() => true),
    config: one((word) => configs[word.plain]),
    level: one((word) => levels[word.plain]),
    since: sinceAt,
    address: matching(/^(?=.*[.:]|localhost$)[A-Za-z0-9][A-Za-z0-9.:_-]{1,252}$/u),
    anyaddress: matching(/^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$/u),
    domain: matching(/^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+[A-Za-z]{2,62}$/u),
    url: matching(/^https?:\/\/\S{1,2000}$/u),
    key: matching(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/u),
    value,
    text: one((word) =>
      word.quoted || /^[\p{L}\p{N}][\p{L}\p{N}._:/@-]{0,200}$/u.test(word.text) ? word.text : undefined
    ),
    quoted: one((word) => (word.quoted ? word.text : undefined)),
    id: matching(/^[0-9A-Za-z-]{1,80}$/u)
  }
  const entries = Object.entries(plain).map(([kind, slot]): readonly [string, Slot<Said>] => [kind, argument(slot)])
  // for "which hosts …" there are two kinds more, told apart by what they ask (`read.ts`)
  return { ...Object.fromEntries(entries), targets, busy: targets, still: targets }
}

const argument =
  (slot: Slot<Value>): Slot<Said> =>
  (words, at) =>
    slot(words, at).map(([value, next]) => [{ _tag: "Argument", value }, next])

/** Words of the language that also could be names of packages. */
const common = new Set(
  (
    "all the a an it them everything package packages update updates upgrade upgrades pending available software security new newest latest server servers host hosts " +
    "machine machines system systems and or if on in at of to that this my our every each any some not no none nothing"
  ).split(" ")
)
