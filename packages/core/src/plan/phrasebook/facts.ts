/**
 * Facts and how they compare, in words: "cpu is over 80 %", "less than 10 % memory", "uptime above 30 days".
 *
 * Owns: the words for facts, comparisons and units of measure. Does not own: reading a fact from a host.
 */
import type { Comparison, FactName } from "../plan.ts"
import type { Word, Words } from "./words.ts"

export interface SaidFact {
  readonly _tag: "Fact"
  readonly fact: FactName
  readonly is: Comparison
  readonly value: number
}

const facts: { readonly [said: string]: FactName } = {
  cpu: "cpu",
  processor: "cpu",
  memory: "memory",
  ram: "memory",
  mem: "memory",
  disk: "disk",
  storage: "disk",
  load: "load",
  uptime: "uptime",
  up: "uptime",
  cpus: "cpus",
  cores: "cpus"
}
const relations: ReadonlyArray<readonly [string, Comparison]> = [
  ["more than", ">"],
  ["greater than", ">"],
  ["higher than", ">"],
  ["larger than", ">"],
  ["over", ">"],
  ["above", ">"],
  ["exceeds", ">"],
  ["at least", ">="],
  ["less than", "<"],
  ["lower than", "<"],
  ["fewer than", "<"],
  ["under", "<"],
  ["below", "<"],
  ["at most", "<="],
  [">=", ">="],
  ["<=", "<="],
  [">", ">"],
  ["<", "<"]
]
/** Words that begin a comparison are no names of hosts. */
export const comparisons: ReadonlySet<string> = new Set(relations.map(([said]) => said.split(" ")[0] ?? ""))

const filler = new Set([
  "usage",
  "use",
  "used",
  "utilization",
  "utilisation",
  "average",
  "is",
  "at",
  "are",
  "has",
  "been",
  "for",
  "the",
  "of",
  "percent"
])
const daySeconds: { readonly [unit: string]: number } = {
  s: 1,
  second: 1,
  seconds: 1,
  minute: 60,
  minutes: 60,
  hour: 3600,
  hours: 3600,
  day: 86_400,
  days: 86_400,
  week: 604_800,
  weeks: 604_800
}

const measuredInPercent = (fact: FactName): boolean => fact === "cpu" || fact === "memory" || fact === "disk"

/** Both orders: "cpu is over 80 %" and "more than 80 % cpu". */
export const factIs = (words: Words, at: number): ReadonlyArray<readonly [SaidFact, number]> => [
  ...subjectFirst(words, at),
  ...valueFirst(words, at)
]

const subjectFirst = (words: Words, start: number): ReadonlyArray<readonly [SaidFact, number]> => {
  const at = plain(words[start]) === "the" ? start + 1 : start
  const fact = facts[plain(words[at])]
  if (fact === undefined) return []
  const found = relation(words, skip(words, at + 1))
  if (found === undefined) return []
  const value = amount(words, found.next, fact)
  return value === undefined ? [] : [[{ _tag: "Fact", fact, is: found.is, value: value.value }, value.next]]
}

const valueFirst = (words: Words, at: number): ReadonlyArray<readonly [SaidFact, number]> => {
  const found = relation(words, at)
  if (found === undefined) return []
  const said = Object.entries(facts).flatMap(([name, fact]) => {
    const value = amount(words, found.next, fact)
    const place = value === undefined ? -1 : skip(words, value.next)
    return value !== undefined && plain(words[place]) === name ? [{ fact, value, place }] : []
  })
  const [one] = said
  if (one === undefined) return []
  const { fact, value: bare, place } = one
  const end = ["usage", "use", "used", "utilization", "utilisation"].includes(plain(words[place + 1]))
    ? place + 2
    : place + 1
  return [[{ _tag: "Fact", fact, is: found.is, value: bare.value }, end]]
}

const plain = (word: Word | undefined): string => (word === undefined || word.quoted ? "" : word.plain)
const skip = (words: Words, at: number): number => (filler.has(plain(words[at])) ? skip(words, at + 1) : at)

const relation = (words: Words, at: number): { readonly is: Comparison; readonly next: number } | undefined => {
  for (const [said, is] of relations) {
    const parts = said.split(" ")
    if (parts.every((part, i) => plain(words[at + i]) === part)) return { is, next: at + parts.length }
  }
  return undefined
}

const amount = (
  words: Words,
  at: number,
  fact: FactName
): { readonly value: number; readonly next: number } | undefined => {
  const said = plain(words[at])
  if (!/^[0-9]{1,9}(?:\.[0-9]{1,3})?$/u.test(said)) return undefined
  const unit = plain(words[at + 1])
  if (fact === "uptime") {
    const seconds = daySeconds[unit]
    return seconds === undefined ? undefined : { value: Number(said) * seconds, next: at + 2 }
  }
  const percent = unit === "%" || unit === "percent"
  // "load over 80 %", "memory over 2048", "cpu over 0.8": of another measure than ours
  if (measuredInPercent(fact) ? Number(said) < 1 || Number(said) > 100 : percent) return undefined
  return { value: Number(said), next: percent ? at + 2 : at + 1 }
}
