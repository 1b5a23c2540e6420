/**
 * Facts of hosts: where each one is known from, when it is too old to be believed, and how it compares.
 *
 * Owns: the table of facts, comparisons, and what the results of `system.usage`, `system.info` and `service.status` say. Does not own:
 * which hosts are meant (`selectors.ts`), when a step is done (`conditions.ts`).
 * Invariants: a moving fact counts as long as its host is heard of; what is missing, stale or of another kind is unknown with a reason.
 */
import { Option, Schema } from "effect"
import type { FleetMember } from "../agent/Fleet.ts"
import { heartbeatMillis } from "../agent/protocol.ts"
import type { Comparison, FactName } from "./plan.ts"
import { type Truth, truthOf } from "./truth.ts"

/** `moving`: told by heartbeats, in percent or plain numbers. `lasting`: told when the agent connects. */
const facts = {
  name: { kind: "text", from: "itself" },
  os: { kind: "release", from: "system.info" },
  kernel: { kind: "release", from: "system.info" },
  arch: { kind: "text", from: "system.info" },
  virtualization: { kind: "text", from: "system.info" },
  cpus: { kind: "number", from: "system.info" },
  cpu: { kind: "number", from: "system.usage" },
  memory: { kind: "number", from: "system.usage" },
  disk: { kind: "number", from: "system.usage" },
  load: { kind: "number", from: "system.usage" },
  uptime: { kind: "number", from: "system.usage" }
} as const satisfies Record<FactName, { readonly kind: "text" | "release" | "number"; readonly from: string }>

export const isMoving = (fact: FactName): boolean => facts[fact].from === "system.usage"
/** The read that tells it anew; undefined: the fleet knows. */
export const readFor = (fact: FactName): "system.info" | "system.usage" | undefined => {
  const { from } = facts[fact]
  return from === "itself" ? undefined : from
}

/** Two heartbeats may be lost. */
export const freshMillis = 3 * heartbeatMillis

export type Known = { readonly value: string | number } | { readonly unknown: string }

export const isStale = (member: FleetMember, now: number): boolean =>
  !member.online || member.lastSeen === null || now - member.lastSeen > freshMillis

/** What the fleet knows of a host without asking it. */
export const knownFact = (member: FleetMember, fact: FactName, now: number): Known => {
  if (fact === "name") return { value: member.host }
  if (!isMoving(fact)) return lasting(member, fact)
  const { sample } = member
  if (!member.online) return { unknown: "its agent is not connected" }
  if (sample === undefined) return { unknown: "its agent has told no numbers yet" }
  if (now - sample.at > freshMillis)
    return { unknown: `its last numbers are ${Math.round((now - sample.at) / 1000)} s old` }
  return Option.getOrElse(valueIn({ ...sample }, fact), (): Known => ({ unknown: "its agent does not tell it" }))
}

const lasting = (member: FleetMember, fact: FactName): Known =>
  member.facts === undefined
    ? { unknown: "its agent has never connected" }
    : Option.getOrElse(valueIn({ ...member.facts }, fact), (): Known => ({ unknown: "its agent does not tell it" }))

/** What a read told of a host: the parts that conditions look at, and no more. */
export type Reading = Readonly<Record<string, string | number>>

const readingFields: Readonly<Record<string, ReadonlyArray<string>>> = {
  "system.usage": ["cpu", "memory", "disk", "load", "uptime"],
  "system.info": ["os", "kernel", "arch", "cpus", "virtualization"],
  "service.status": ["active"]
}
const decodeFields = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))

export const readingOf = (action: string, data: unknown): Reading => {
  const fields: Readonly<Record<string, unknown>> = Option.getOrElse(decodeFields(data), () => ({}))
  return Object.fromEntries(
    (readingFields[action] ?? []).flatMap((name): ReadonlyArray<[string, string | number]> => {
      const told: unknown = Object.hasOwn(fields, name) ? fields[name] : undefined
      // load comes as the averages of 1, 5 and 15 minutes
      const value: unknown = Array.isArray(told) ? told[0] : told
      const fits = typeof value === "number" ? Number.isFinite(value) : typeof value === "string" && value.length <= 300
      return fits && (typeof value === "number" || typeof value === "string") ? [[name, value]] : []
    })
  )
}

/** What the answer to `readFor(fact)` says of the fact. */
export const readFact = (reading: Reading, fact: FactName): Known =>
  Option.getOrElse(valueIn(reading, fact), (): Known => ({ unknown: `the host does not tell its ${fact}` }))

const valueIn = (fields: Readonly<Record<string, unknown>>, fact: FactName): Option.Option<Known> => {
  const value = Object.hasOwn(fields, fact) ? fields[fact] : undefined
  const fits =
    facts[fact].kind === "number"
      ? typeof value === "number" && Number.isFinite(value)
      : typeof value === "string" && value !== ""
  return fits && (typeof value === "number" || typeof value === "string") ? Option.some({ value }) : Option.none()
}

const percents: ReadonlySet<FactName> = new Set(["cpu", "memory", "disk"])

/** @returns why the comparison makes no sense, in one sentence */
export const comparisonFault = (fact: FactName, is: Comparison, value: string | number): string | undefined => {
  const { kind } = facts[fact]
  if (kind === "number" && !Number.isFinite(numberOf(value)))
    return `${fact} is a number, so it cannot be compared with "${value}".`
  if (percents.has(fact) && (numberOf(value) < 0 || numberOf(value) > 100))
    return `${fact} is percent in use, from 0 to 100, so it cannot be compared with ${value}.`
  if (kind === "number" && is === "~") return `${fact} is a number, so there is nothing for ~ to look for in it.`
  if (kind === "text" && is !== "=" && is !== "!=" && is !== "~")
    return `${fact} is a text, so ${is} says nothing about it.`
  return undefined
}

export const compare = (fact: FactName, known: Known, is: Comparison, value: string | number): Truth => {
  if ("unknown" in known || comparisonFault(fact, is, value) !== undefined) return "unknown"
  switch (facts[fact].kind) {
    case "number":
      return typeof known.value === "number" ? truthOf(ordered(known.value - numberOf(value), is)) : "unknown"
    case "text":
      return truthOf(compareText(String(known.value), is, String(value)))
    case "release":
      return compareRelease(String(known.value), is, String(value))
  }
}

const numberOf = (value: string | number): number =>
  typeof value === "number" ? value : value.trim() === "" ? Number.NaN : Number(value)

const ordered = (difference: number, is: Comparison): boolean => {
  switch (is) {
    case "=":
      return difference === 0
    case "!=":
      return difference !== 0
    case ">":
      return difference > 0
    case ">=":
      return difference >= 0
    case "<":
      return difference < 0
    case "<=":
      return difference <= 0
    case "~":
      return false
  }
}

const compareText = (known: string, is: Comparison, value: string): boolean => {
  const [has, wanted] = [known.toLowerCase(), value.toLowerCase()]
  return is === "~" ? has.includes(wanted) : (has === wanted) === (is === "=")
}

/**
 * Releases as people say them: "Debian 12" is "Debian GNU/Linux 12 (bookworm)" and 12.5 too, but not 1 or 120; "Debian 12" > "Debian 11",
 * while Debian and Ubuntu are not above each other.
 */
const compareRelease = (known: string, is: Comparison, value: string): Truth => {
  const [has, wanted] = [release(known), release(value)]
  const sameName = wanted.words.every((word) => has.words.includes(word))
  const same = sameName && wanted.version.every((part, nth) => has.version[nth] === part)
  if (is === "=" || is === "!=") return truthOf(same === (is === "="))
  // a number is never looked for as text: "Debian 1" is no part of "Debian 12"
  if (is === "~") return wanted.version.length > 0 ? truthOf(same) : truthOf(compareText(known, is, value))
  if (!sameName) return "false"
  if (has.version.length === 0 || wanted.version.length === 0) return "unknown"
  const at = wanted.version.findIndex((part, nth) => part !== (has.version[nth] ?? 0))
  return truthOf(ordered(at < 0 ? 0 : (has.version[at] ?? 0) - (wanted.version[at] ?? 0), is))
}

const release = (text: string): { readonly words: ReadonlyArray<string>; readonly version: ReadonlyArray<number> } => {
  const lower = text.toLowerCase()
  const version = /(?<![a-z0-9])[0-9]+(?:[.-][0-9]+)*/u.exec(lower)?.[0] ?? ""
  return {
    words: lower.replace(version, " ").match(/[\p{L}][\p{L}0-9]*/gu) ?? [],
    version: version === "" ? [] : version.split(/[.-]/u).map(Number)
  }
}
