/**
 * Clauses: what is done, and the targets, condition, time and batch before and behind it; and instructions of several.
 *
 * Owns: every way to read the words as clauses. Does not own: the phrases (`phrases.ts`), which reading is taken (`read.ts`).
 * Invariants: pure; each word of an instruction belongs to one of its clauses.
 */
import { Result, type Schema } from "effect"
import { decodeAction } from "../../action/catalog.ts"
import type { Batch, Condition, Selector } from "../plan.ts"
import { conditionAt, withOwnUnit } from "./conditions.ts"
import { match } from "./pattern.ts"
import type { Phrase } from "./phrase.ts"
import { phrasesFrom } from "./phrases.ts"
import { perPlace, plainAt, type Sentence, step } from "./sentence.ts"
import { type Said, sinceAt, slots } from "./slots.ts"
import { targetsAt } from "./targets.ts"
import type { Words } from "./words.ts"

type Args = { readonly [key: string]: Schema.Json }
interface Around {
  readonly targets?: Selector
  /** Said after the hosts: "… on web1 since yesterday". */
  readonly since?: string
  readonly when?: Condition
  readonly batch?: Batch
}
export interface Clause extends Omit<Around, "since"> {
  readonly acts: ReadonlyArray<{ readonly action: Phrase["action"]; readonly args: Args }>
}
type Ended<A> = readonly [value: A, next: number]

/**
 * From `from` to the last word, clauses one after the other: "stop nginx on web1, then reboot it" is none, "… then start it" neither:
 * nothing is guessed.
 */
export const clausesFrom: (said: Sentence, from: number) => ReadonlyArray<ReadonlyArray<Clause>> = perPlace(
  (said, from) =>
    clauseAt(said, from).flatMap(([clause, end]) => {
      const next = said.joints.get(end)
      if (next === undefined) return [[clause]]
      return clausesFrom(said, next).map((more) => [clause, ...more])
    })
)

/** Each clause that begins here and ends with the words or where "and" or "then" joins another. */
const clauseAt = (said: Sentence, from: number): ReadonlyArray<Ended<Clause>> =>
  distinct(
    fronts(said, from).flatMap(([around, at]) =>
      phrasesFrom(plainAt(said, at)).flatMap((phrase) =>
        match(phrase.pattern, said, at, slots).flatMap(({ values, next }) =>
          tails(said, next, around).flatMap(([all, end]): ReadonlyArray<Ended<Clause>> => {
            const { since, ...outer } = all
            const targeted = values["targets"]
            const own = targeted?._tag === "Targets" ? targeted.selector : undefined
            if (own !== undefined && (all.targets !== undefined || !fits(phrase, own))) return []
            const acts = toActs(phrase, values, since)
            if (acts === undefined) return []
            const units = acts.flatMap(({ args }) => (typeof args["unit"] === "string" ? [args["unit"]] : []))
            const when = outer.when === undefined ? undefined : withOwnUnit(outer.when, distinct(units))
            if ((when === undefined) !== (outer.when === undefined)) return []
            const batch = phrase.batch === undefined ? {} : { batch: { ...phrase.batch, ...outer.batch } }
            const said = { ...outer, ...(when === undefined ? {} : { when }), ...batch }
            return [[{ ...said, ...(own === undefined ? {} : { targets: own }), acts }, end]]
          })
        )
      )
    )
  )

export const distinct = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> =>
  list.length < 2 ? list : [...new Map(list.map((one) => [JSON.stringify(one), one])).values()]

/** "On web1, …", "web1: …", "if cpu is over 80 %, …": what may come before the verb. */
const fronts = (said: Sentence, from: number): ReadonlyArray<Ended<Around>> => {
  const none: Ended<Around> = [{}, from]
  const comma = (at: number) => (plainAt(said, at) === "," ? at + 1 : at)
  const colon = (at: number) => (plainAt(said, at) === ":" ? at + 1 : comma(at))
  const where = ["on", "for", "at", "in", "across"].includes(plainAt(said, from))
    ? targetsAt(said, from + 1).map(([targets, next]): Ended<Around> => [{ targets }, colon(next)])
    : []
  const addressed = targetsAt(said, from).flatMap(([targets, next]): ReadonlyArray<Ended<Around>> =>
    plainAt(said, next) === ":" ? [[{ targets }, next + 1]] : []
  )
  const when = conditionAt(said, from).map(([condition, next]): Ended<Around> => {
    const after = plainAt(said, comma(next)) === "then" ? comma(next) + 1 : comma(next)
    return [{ when: condition }, after]
  })
  return [none, ...where, ...addressed, ...when]
}

/** What follows a phrase, up to the last word or one that joins. */
const tails = (said: Sentence, at: number, around: Around): ReadonlyArray<Ended<Around>> => {
  if (at >= said.words.length) return [[around, at]]
  if (!step(said)) return []
  const word = plainAt(said, at)
  if (word === ",") return tails(said, at + 1, around)
  const more: Array<Ended<Around>> = []
  if (around.targets === undefined) {
    const open = ["on", "in", "at", "for", "across", "from", "of"].includes(word)
      ? at + 1
      : word === "everywhere"
        ? at
        : undefined
    if (open !== undefined)
      for (const [targets, next] of targetsAt(said, open)) more.push([{ ...around, targets }, next])
  }
  if (around.when === undefined)
    for (const [when, next] of conditionAt(said, at)) more.push([{ ...around, when }, next])
  if (around.since === undefined) for (const [since, next] of sinceAt(said, at)) more.push([{ ...around, since }, next])
  // "on web1 only", "only on web1"; "only if" is a condition
  if (word === "only") {
    const after = plainAt(said, at + 1)
    const closes = after === "" || after === "," || said.joints.has(at + 1)
    if (around.targets === undefined ? after === "on" : closes) more.push([around, at + 1])
  }
  const batch = batchAt(said.words, word === "and" ? at + 1 : at)
  if (batch !== undefined)
    more.push([{ ...around, batch: { size: 1, maxFailures: 0, ...around.batch, ...batch.value } }, batch.next])
  const found = more.flatMap(([one, next]) => tails(said, next, one))
  return said.joints.has(at) ? [[around, at], ...found] : found
}

const batchAt = (words: Words, at: number): { readonly value: Partial<Batch>; readonly next: number } | undefined => {
  const said = words.slice(at, at + 5).map((word) => word.plain)
  const number = (text: string | undefined) => (/^[1-9][0-9]{0,2}$/u.test(text ?? "") ? Number(text) : undefined)
  const named: { readonly [word: string]: number } = { one: 1, two: 2, three: 3, four: 4, five: 5, ten: 10 }
  const count = number(said[0]) ?? named[said[0] ?? ""]
  if (count !== undefined && said[1] === "at" && said[2] === "a" && said[3] === "time")
    return { value: { size: count }, next: at + 4 }
  if (said[0] === "one" && (said[1] === "by" || said[1] === "after") && (said[2] === "one" || said[2] === "another"))
    return { value: { size: 1 }, next: at + 3 }
  const size = number(said[3]) ?? named[said[3] ?? ""]
  if (said[0] === "in" && said[1] === "batches" && said[2] === "of" && size !== undefined)
    return { value: { size }, next: at + 4 }
  const failures = number(said[2]) ?? named[said[2] ?? ""]
  if (said[0] === "stop" && said[1] === "after" && failures !== undefined && /^failures?$/u.test(said[3] ?? ""))
    return { value: { maxFailures: failures - 1 }, next: at + 4 }
  if (/^stop (?:at|on|after) the first (?:failure|error)$/u.test(said.join(" ")))
    return { value: { maxFailures: 0 }, next: at + 5 }
  return undefined
}

/** The questions "which hosts …" are about what they ask: a moving fact is usage, a lasting one is what the host is. */
const fits = (phrase: Phrase, targets: Selector): boolean => {
  const kind = phrase.pattern.find((part) => part._tag === "Slot" && part.name === "targets")
  if (kind?._tag !== "Slot" || kind.kind === "targets") return true
  if (targets._tag !== "Fact") return false
  const moving = ["cpu", "memory", "disk", "load", "uptime"].includes(targets.fact)
  return moving === (kind.kind === "busy")
}

/** Units and the like that were said as a list are one act each. */
const toActs = (
  phrase: Phrase,
  values: { readonly [name: string]: Said },
  since: string | undefined
): Clause["acts"] | undefined => {
  const given = Object.entries(values).flatMap(([name, said]) =>
    said._tag === "Argument" ? [[name, said.value] as const] : []
  )
  const { units, ...rest } = Object.fromEntries(given)
  if (since !== undefined && rest["since"] !== undefined) return undefined
  const time = since === undefined ? {} : { since }
  const each = Array.isArray(units) ? units.map((unit): Args => ({ unit })) : [{}]
  const acts = each.flatMap((one) =>
    [phrase.action, ...(phrase.after === undefined ? [] : [phrase.after])].map((action) => ({
      action,
      args: sorted({ ...phrase.args, ...rest, ...time, ...one })
    }))
  )
  return acts.every(({ action, args }) => Result.isSuccess(decodeAction(action, args))) ? acts : undefined
}

/** So that readings that differ only in the order of their arguments are one. */
const sorted = (args: Args): Args => Object.fromEntries(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1)))
