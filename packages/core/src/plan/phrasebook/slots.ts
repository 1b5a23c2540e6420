/**
 * What can stand in the slots of phrases: units, paths, numbers, times, addresses and the like.
 *
 * Owns: reading each from words. Does not own: the phrases, the catalogue's own checks (which follow in any case).
 * Invariants: a name of a host is no unit and no package; a path is only a path where it begins with a slash.
 */
import type { Schema } from "effect"
import type { Selector } from "../plan.ts"
import type { Slot, Slots } from "./pattern.ts"
import { hostNamed, perPlace, plainAt, type Sentence } from "./sentence.ts"
import { targetsAt } from "./targets.ts"
import { unitNamed } from "./units.ts"
import type { Word } from "./words.ts"

/** What a slot was: an argument, or hosts. */
export type Said =
  { readonly _tag: "Argument"; readonly value: Schema.Json } | { readonly _tag: "Targets"; readonly selector: Selector }
type Value = Schema.Json
const one =
  (read: (word: Word, said: Sentence) => Value | undefined): Slot<Value> =>
  (said, at) => {
    const word = said.words[at]
    const value = word === undefined ? undefined : read(word, said)
    return value === undefined ? [] : [[value, at + 1]]
  }
const matching = (pattern: RegExp) => one((word) => (pattern.test(word.text) ? word.text : undefined))
const path = (test: (path: string) => boolean) =>
  one((word) => (/^\/\S*$/u.test(word.text) && test(word.text) ? tidy(word.text) : undefined))
const tidy = (said: string): string => (said === "/" ? said : said.replace(/\/+$/u, ""))

/** "nginx, redis and cron": one list. */
const several = (single: Slot<Value>): Slot<Value> => {
  const list: Slot<ReadonlyArray<Value>> = perPlace((said, at) =>
    single(said, at).flatMap(([first, next]): ReadonlyArray<readonly [ReadonlyArray<Value>, number]> => {
      const comma = plainAt(said, next) === ","
      const and = plainAt(said, comma ? next + 1 : next) === "and"
      const rest = comma || and ? list(said, next + (comma ? 1 : 0) + (and ? 1 : 0)) : []
      return [[[first], next], ...rest.map(([more, end]) => [[first, ...more], end] as const)]
    })
  )
  return list
}

/**
 * Programs that people run to be told something: whoever means another command says it in quotes. What their arguments do is not looked at:
 * a command is critical in any case, and approved as it stands.
 */
const telling = new Set(
  (
    "uptime df du free uname hostname hostnamectl whoami id date w who last ls lsblk lscpu lsof lsmod ps ip ss netstat dmesg vmstat iostat nproc " +
    "findmnt timedatectl lsb_release arch stat pwd getent"
  ).split(" ")
)
/** Words that end a command which is not quoted. */
const goesOn = new Set(
  "on in at for across from everywhere if when where unless only provided as but then and all the".split(" ")
)
/** "df -h /": each way to end it, because "on web1" may follow. */
const tellingCommand: Slot<Value> = (said, at) => {
  if (!telling.has(said.words[at]?.text ?? "")) return []
  const found: Array<readonly [string, number]> = []
  let command = ""
  for (let next = at; next < at + 12; next++) {
    const word = said.words[next]
    if (word === undefined || word.quoted || !/^[A-Za-z0-9._/:=@+-]{1,200}$/u.test(word.text) || goesOn.has(word.plain))
      break
    command = command === "" ? word.text : `${command} ${word.text}`
    found.push([command, next + 1])
  }
  return found
}

/** "What is in /etc/hosts" asks for its text, "what is in /etc/nginx" for its files. */
const isEtcFile =
  /^\/etc\/(?:.+\.(?:conf|cfg|cnf|ini|json|list|rules|toml|ya?ml)|(?:.+\/)?(?:hosts|hostname|fstab|crontab|passwd|group|sudoers|motd|issue|environment|os-release|[a-z]+_config))$/u

const configs: { readonly [said: string]: string } = {
  nginx: "/etc/nginx/nginx.conf",
  ssh: "/etc/ssh/sshd_config",
  sshd: "/etc/ssh/sshd_config",
  sudoers: "/etc/sudoers",
  "nginx.conf": "/etc/nginx/nginx.conf",
  sshd_config: "/etc/ssh/sshd_config",
  "apache2.conf": "/etc/apache2/apache2.conf",
  "journald.conf": "/etc/systemd/journald.conf",
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
export const sinceAt: Slot<string> = (said, at) => {
  const word = plainAt(said, at)
  if (word === "today" || word === "yesterday") return [[word, at + 1]]
  const open = ["from", "in", "of", "over", "within", "for", "during"].includes(word) ? at + 1 : at
  const the = plainAt(said, open) === "the" ? open + 1 : open
  if (["last", "past"].includes(plainAt(said, the))) {
    const amount = plainAt(said, the + 1)
    if (/^[0-9]{1,5}$/u.test(amount) && durations.test(plainAt(said, the + 2)))
      return [[`${amount} ${plainAt(said, the + 2)} ago`, the + 3]]
    return /^(?:hour|day|minute|week)$/u.test(amount) ? [[`1 ${amount} ago`, the + 2]] : []
  }
  if (word !== "since") return []
  const next = plainAt(said, at + 1)
  if (next === "today" || next === "yesterday") return [[next, at + 2]]
  if (/^[0-9]{1,5}$/u.test(next) && durations.test(plainAt(said, at + 2)))
    return [[`${next} ${plainAt(said, at + 2)} ago`, at + (plainAt(said, at + 3) === "ago" ? 4 : 3)]]
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:t[0-9:]{4,8}z?)?$/u.test(next)) return []
  const time = said.words[at + 2]?.text ?? ""
  return /^[0-9]{2}:[0-9]{2}(?::[0-9]{2})?$/u.test(time)
    ? [[`${next} ${time}`, at + 3]]
    : [[next.toUpperCase(), at + 2]]
}

/** A value: quoted, or one word. */
const value = one((word) => (word.quoted || !/^(?:,|%|to|in|on)$/u.test(word.plain) ? word.text : undefined))

const unit: Slot<Value> = (said, start) => {
  const at = plainAt(said, start) === "the" ? start + 1 : start
  const named = ["service", "unit", "daemon"].includes(plainAt(said, at)) ? at + 1 : at
  const word = said.words[named]
  const found = word === undefined || hostNamed(word.text, said) !== undefined ? undefined : unitNamed(word)
  if (found === undefined) return []
  const after = ["service", "daemon", "unit"].includes(plainAt(said, named + 1)) ? named + 2 : named + 1
  return [[found, after]]
}
/** Words of the language that also could be names of packages. */
const common = new Set(
  (
    "debian ubuntu linux kernel os all the a an it them everything package packages update updates upgrade upgrades pending available software security new newest latest server servers host hosts " +
    "machine machines system systems and or if on in at of to that this my our every each any some not no none nothing"
  ).split(" ")
)
const packaged = one((word, said) =>
  /^[a-z0-9][a-z0-9+.:-]{1,100}$/u.test(word.text) &&
  hostNamed(word.text, said) === undefined &&
  !common.has(word.plain)
    ? word.text
    : undefined
)

const plain: Slots<Value> = {
  unit,
  units: several(unit),
  package: packaged,
  packages: several(packaged),
  number: one((word) => (/^[0-9]{1,4}$/u.test(word.text) && Number(word.text) > 0 ? Number(word.text) : undefined)),
  port: one((word) => (/^[0-9]{1,5}$/u.test(word.text) ? Number(word.text) : undefined)),
  etc: path((said) => said.startsWith("/etc/")),
  log: path((said) => said.startsWith("/var/log/")),
  etcfile: path((said) => isEtcFile.test(said)),
  folder: path((said) => !isEtcFile.test(said)),
  file: path((said) => !said.startsWith("/etc/") && !said.startsWith("/var/log/")),
  path: path(() => true),
  config: one((word) => configs[word.plain]),
  named: one((word) => (/[._]/u.test(word.plain) ? configs[word.plain] : undefined)),
  tells: tellingCommand,
  level: one((word) => levels[word.plain]),
  since: sinceAt,
  address: matching(/^(?=.*[.:]|localhost$)[A-Za-z0-9_:][A-Za-z0-9.:_-]{1,252}$/u),
  anyaddress: matching(/^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}$/u),
  record: one((word) => (/^(?:a|aaaa|cname|mx|ns|srv|txt)$/u.test(word.plain) ? word.plain.toUpperCase() : undefined)),
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

const argument =
  (slot: Slot<Value>): Slot<Said> =>
  (said, at) =>
    slot(said, at).map(([value, next]) => [{ _tag: "Argument", value }, next])
const targets: Slot<Said> = (said, at) =>
  targetsAt(said, at).map(([selector, next]) => [{ _tag: "Targets", selector }, next])

export const slots: Slots<Said> = {
  ...Object.fromEntries(Object.entries(plain).map(([kind, slot]) => [kind, argument(slot)])),
  targets,
  // for "which hosts …" there are two kinds more, told apart by what they ask (`read.ts`)
  busy: targets,
  still: targets
}
