/**
 * Understands routine instructions without a model: text in, a draft of a plan out, or a question, or nothing.
 *
 * Owns: clauses, the targets, conditions and batches around a phrase, and what is said when there are two readings. Does not own: the
 * phrases (`phrases.ts`), what becomes of a draft (plan room).
 * Invariants: pure; every word of the instruction is accounted for, or it is not understood: a word that is skipped could have been
 * "not"; with two readings that differ nothing is chosen. What is not understood here may be asked of a model.
 */
import { Result, type Schema } from "effect"
import { decodeAction } from "../../action/catalog.ts"
import type { Batch, Condition, Draft, DraftStep, Selector } from "../plan.ts"
import { conditionAt } from "./conditions.ts"
import { match } from "./pattern.ts"
import { type Phrase, phrases } from "./phrases.ts"
import { type Said, sinceAt, slotsFor } from "./slots.ts"
import { targetsAt, type Vocabulary } from "./targets.ts"
import { toWords, type Words } from "./words.ts"

export type Reading =
  | { readonly _tag: "Understood"; readonly draft: Draft }
  /** Several drafts fit, or one of which something is missing: a person says which. */
  | { readonly _tag: "Unclear"; readonly question: string; readonly readings: ReadonlyArray<Draft> }
  | { readonly _tag: "NotUnderstood" }

type Args = { readonly [key: string]: Schema.Json }
interface Around {
  readonly targets?: Selector
  /** Said after the hosts: "… on web1 since yesterday". */
  readonly since?: string
  readonly when?: Condition
  readonly batch?: Batch
}
interface Clause extends Omit<Around, "since"> {
  readonly acts: ReadonlyArray<{ readonly action: Phrase["action"]; readonly args: Args }>
}

/** @param known hosts and tags of the fleet: a word is a host only if it is one of them */
export const readInstruction = (text: string, known: Vocabulary): Reading => {
  const words = toWords(text)
  if (words === undefined || words.length === 0 || words.length > 80) return { _tag: "NotUnderstood" }
  const clauses = distinct(sentences(words, known))
  if (clauses.length === 0) return unknownHost(words, known)
  const only = known.hosts.length === 1 ? known.hosts[0] : undefined
  const lonely: Selector | undefined = only === undefined ? undefined : { _tag: "Name", glob: only.name }
  const drafts = distinct(clauses.map((one) => drafted(one, lonely)))
  const whole = drafts.filter((draft) => draft !== undefined)
  if (whole.length === 0) return unclear("On which hosts? Say for example: on web1, on all web servers, everywhere.")
  const [draft] = drafts
  if (draft !== undefined && drafts.length === 1) return { _tag: "Understood", draft }
  return unclear("This can be understood in more than one way. Which is meant?", whole)
}

const unclear = (question: string, readings: ReadonlyArray<Draft> = []): Reading => ({
  _tag: "Unclear",
  question,
  readings
})

const mostPlaces = 4
/** With one name more in the fleet it would be understood: then that name is what is wrong. */
const unknownHost = (words: Words, known: Vocabulary): Reading => {
  const places = words.filter(
    ({ text, quoted }, at) =>
      !quoted &&
      /^(?=.*[a-z])[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(text) &&
      ["on", "from", "at", "for", "except", "and", ",", "of", "host", "server"].includes(words[at - 1]?.plain ?? "")
  )
  const name = places
    .slice(0, mostPlaces)
    .find(({ text }) => sentences(words, { hosts: [...known.hosts, { name: text, tags: [] }] }).length > 0)
  return name === undefined
    ? { _tag: "NotUnderstood" }
    : unclear(`There is no host ${name.text} here; a group is said as "all ${name.text} servers". See host list.`)
}

const distinct = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(list.map((one) => [JSON.stringify(one), one])).values()
]

/** Of "and" and "then" in one instruction, and of ways to read it: more is no routine any more. */
const mostJoints = 10
const mostWays = 64

const isJoint = ({ quoted, plain }: Words[number]): boolean => !quoted && (plain === "then" || plain === "and")

/**
 * Clauses one after the other: "stop nginx on web1, then reboot it" is none, "… then start it" neither: nothing is guessed. Each rest of
 * the words is read once, each part of them too.
 */
const sentences = (words: Words, known: Vocabulary): ReadonlyArray<ReadonlyArray<Clause>> => {
  if (words.filter(isJoint).length > mostJoints) return []
  const rests = new Map<number, ReadonlyArray<ReadonlyArray<Clause>>>()
  const rest = (from: number): ReadonlyArray<ReadonlyArray<Clause>> => {
    const known = rests.get(from)
    if (known !== undefined) return known
    const read = from >= words.length ? [] : ways(from)
    rests.set(from, read)
    return read
  }
  const ways = (from: number): ReadonlyArray<ReadonlyArray<Clause>> => {
    const found: Array<ReadonlyArray<Clause>> = clause(words.slice(from), known).map((one) => [one])
    for (let at = from + 1; at < words.length && found.length <= mostWays; at++) {
      const word = words[at]
      if (word === undefined || !isJoint(word)) continue
      const and = word.plain === "and" && words[at + 1]?.plain === "then"
      const next = rest(and ? at + 2 : at + 1)
      if (next.length === 0) continue
      const end = words[at - 1]?.plain === "," ? at - 1 : at
      const first = clause(words.slice(from, words[end - 1]?.plain === "and" ? end - 1 : end), known)
      found.push(...first.flatMap((one) => next.map((more) => [one, ...more])))
    }
    return found.slice(0, mostWays + 1)
  }
  return rest(0)
}

const clause = (words: Words, known: Vocabulary): ReadonlyArray<Clause> => {
  const slots = slotsOf(known)
  return fronts(words, known).flatMap(([around, at]) =>
    phrases.flatMap((phrase) =>
      match(phrase.pattern, words, at, slots).flatMap(({ values, next }) =>
        tails(words, next, known, around).flatMap((all) => {
          const { since, ...outer } = all
          const acts = toActs(phrase, values, since)
          const said = values["targets"]
          const own = said?._tag === "Targets" ? said.selector : undefined
          if (acts === undefined || (own !== undefined && all.targets !== undefined)) return []
          if (own !== undefined && !fits(phrase, own)) return []
          return [{ ...outer, ...(own === undefined ? {} : { targets: own }), acts }]
        })
      )
    )
  )
}

const made = new WeakMap<Vocabulary, ReturnType<typeof slotsFor>>()
const slotsOf = (known: Vocabulary): ReturnType<typeof slotsFor> => {
  const slots = made.get(known) ?? slotsFor(known)
  made.set(known, slots)
  return slots
}

/** "On web1, …", "if cpu is over 80 %, …": what may come before the verb. */
const fronts = (words: Words, known: Vocabulary): ReadonlyArray<readonly [Around, number]> => {
  const none: readonly [Around, number] = [{}, 0]
  const comma = (at: number) => (words[at]?.plain === "," ? at + 1 : at)
  const where = ["on", "for", "at", "in", "across"].includes(words[0]?.plain ?? "")
    ? targetsAt(words, 1, known).map(([targets, next]): readonly [Around, number] => [{ targets }, comma(next)])
    : []
  const when = conditionAt(words, 0, known).map(([condition, next]): readonly [Around, number] => {
    const after = words[comma(next)]?.plain === "then" ? comma(next) + 1 : comma(next)
    return [{ when: condition }, after]
  })
  return [none, ...where, ...when]
}

/** Everything after the phrase, to the last word. */
const tails = (words: Words, at: number, known: Vocabulary, around: Around): ReadonlyArray<Around> => {
  if (at >= words.length) return [around]
  const word = words[at]?.plain ?? ""
  const more: Array<readonly [Around, number]> = []
  if (word === ",") return tails(words, at + 1, known, around)
  if (around.targets === undefined) {
    const open = ["on", "in", "at", "for", "across", "from", "of"].includes(word)
      ? at + 1
      : word === "everywhere"
        ? at
        : undefined
    if (open !== undefined)
      for (const [targets, next] of targetsAt(words, open, known)) more.push([{ ...around, targets }, next])
  }
  if (around.when === undefined)
    for (const [when, next] of conditionAt(words, at, known)) more.push([{ ...around, when }, next])
  if (around.since === undefined)
    for (const [since, next] of sinceAt(words, at)) more.push([{ ...around, since }, next])
  const batch = batchAt(words, at)
  if (batch !== undefined)
    more.push([{ ...around, batch: { size: 1, maxFailures: 0, ...around.batch, ...batch.value } }, batch.next])
  return more.flatMap(([found, next]) => tails(words, next, known, found))
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
  const acts = each.map((one) => ({
    action: phrase.action,
    args: sorted({ ...phrase.args, ...rest, ...time, ...one })
  }))
  return acts.every(({ action, args }) => Result.isSuccess(decodeAction(action, args))) ? acts : undefined
}

/** So that readings that differ only in the order of their arguments are one. */
const sorted = (args: Args): Args => Object.fromEntries(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** A later clause that names no hosts means those of the one before. */
const drafted = (clauses: ReadonlyArray<Clause>, lonely: Selector | undefined): Draft | undefined => {
  const steps: Array<DraftStep> = []
  let targets = clauses.at(-1)?.targets !== undefined && clauses.length > 1 ? clauses.at(-1)?.targets : undefined
  let batch: Batch | undefined
  for (const one of clauses) {
    targets = one.targets ?? targets ?? lonely
    if (targets === undefined) return undefined
    const { when } = one
    for (const { action, args } of one.acts)
      steps.push({ action, args, targets, ...(when === undefined ? {} : { when }) })
    batch = one.batch ?? batch
  }
  return steps.length > 20 ? undefined : { steps, ...(batch === undefined ? {} : { batch }) }
}
