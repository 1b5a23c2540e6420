/**
 * Names of hosts and tags as a model is told them: identifiers, and nothing that could be read as an order.
 *
 * Owns: which names a model sees as they are, which under an alias, and the way back. Does not own: what the model is asked
 * (`proposing.ts`).
 * Invariants: pure; a name that reads like an order is shown only when the person said its words; an alias stands for exactly one name
 * of this fleet; what cannot be named in a plan is not shown at all.
 */
import type { FleetMember } from "../agent/Fleet.ts"
import type { Condition, Draft, Selector } from "./plan.ts"

export interface Names {
  /** Undefined: it cannot be named in a plan. */
  readonly host: (name: string) => string | undefined
  readonly tag: (name: string) => string | undefined
  /** A text of ours in which names may stand. */
  readonly hide: (text: string) => string
  readonly draft: (draft: Draft) => Draft
  readonly selector: (selector: Selector) => Selector
}

/** @param said the person's own words: what stands there is no news to the model */
export const makeNames = (members: ReadonlyArray<Pick<FleetMember, "host" | "tags">>, said: string): Names => {
  const words = new Set(partsOf(said))
  const hosts = aliases("machine", [...new Set(members.map((one) => one.host))].filter(isHost), words)
  const tags = aliases("label", [...new Set(members.flatMap((one) => one.tags))].filter(isTag), words)
  const hostOf = (glob: string): string => hosts.back.get(glob) ?? glob
  const selector = (one: Selector): Selector => {
    switch (one._tag) {
      case "All":
        return one
      case "Name":
        return { ...one, glob: hostOf(one.glob) }
      case "Tag":
        return { ...one, tag: tags.back.get(one.tag) ?? one.tag }
      case "Fact":
        return one.fact === "name" && typeof one.value === "string" ? { ...one, value: hostOf(one.value) } : one
      case "And":
      case "Or":
        return { ...one, of: one.of.map(selector) }
      case "Not":
        return { ...one, of: selector(one.of) }
    }
  }
  const condition = (one: Condition): Condition => {
    switch (one._tag) {
      case "And":
      case "Or":
        return { ...one, of: one.of.map(condition) }
      case "Not":
        return { ...one, of: condition(one.of) }
      case "Online":
        return { ...one, host: hostOf(one.host) }
      default:
        return one.host === undefined ? one : { ...one, host: hostOf(one.host) }
    }
  }
  const hidden = [...hosts.shown, ...tags.shown]
    .filter(([name, shown]) => name !== shown)
    .toSorted(([a], [b]) => b.length - a.length)
  return {
    host: (name) => hosts.shown.get(name),
    tag: (name) => tags.shown.get(name),
    hide: (text) => hidden.reduce((clean, [name, shown]) => clean.replaceAll(name, shown), text),
    selector,
    draft: (draft) => ({
      ...draft,
      steps: draft.steps.map(({ targets, when, ...step }) => ({
        ...step,
        targets: selector(targets),
        ...(when === undefined ? {} : { when: condition(when) })
      }))
    })
  }
}

/** What agents tell of their machines, as one plain line; undefined when it looks like anything else. */
export const plainFact = (told: string): string | undefined =>
  /^[A-Za-z0-9][A-Za-z0-9 ()/._+~-]{0,59}$/u.test(told) && partsOf(told).length <= 8 && !partsOf(told).some(orders)
    ? told
    : undefined

const isHost = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(name)
const isTag = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$/u.test(name)

const aliases = (kind: string, names: ReadonlyArray<string>, said: ReadonlySet<string>) => {
  const taken = new Set(names.map((name) => name.toLowerCase()))
  const shown = new Map<string, string>()
  const back = new Map<string, string>()
  let next = 1
  for (const name of names) {
    if (isPlain(name, said)) {
      shown.set(name, name)
      continue
    }
    while (taken.has(`${kind}-${next}`)) next++
    const alias = `${kind}-${next++}`
    shown.set(name, alias)
    back.set(alias, name)
  }
  return { shown, back }
}

const isPlain = (name: string, said: ReadonlySet<string>): boolean => {
  const parts = partsOf(name)
  if (parts.every((part) => said.has(part))) return true
  return name.length <= 40 && parts.length <= 5 && !parts.some(orders)
}

/** Words in lower case, those of camelCase apart. */
const partsOf = (text: string): ReadonlyArray<string> =>
  text
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []

/** Five letters and more are looked for inside of words, too. */
const commanding = (
  "ignore disregard forget override obey instruct prompt reboot restart start stop shutdown poweroff halt kill delete remove drop " +
  "wipe erase destroy format install uninstall purge update upgrade enable disable mask reload run execute exec call invoke propose " +
  "plan approve approval accept confirm reject grant allow append write set change modify edit send curl shell bash sudo all every " +
  "everything always must should please now then also step action tool assistant you your previous above"
).split(" ")
const orders = (part: string): boolean =>
  commanding.some((word) => (word.length >= 5 ? part.includes(word) : part === word || part === `${word}s`))
