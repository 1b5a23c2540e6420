/**
 * Understands routine instructions without a model: text in, a draft of a plan out, or a question, or nothing.
 *
 * Owns: which reading is taken, and what is said when there are two. Does not own: the readings (`clauses.ts`), the phrases
 * (`phrases.ts`), what becomes of a draft (plan room).
 * Invariants: pure; every word of the instruction is accounted for, or it is not understood: a word that is skipped could have been
 * "not"; with two readings that differ nothing is chosen, nor where reading was cut short. What is not understood here may be asked of
 * a model.
 */
import type { Batch, Condition, Draft, DraftStep, Selector } from "../plan.ts"
import { type Clause, clausesFrom, distinct } from "./clauses.ts"
import type { Vocabulary } from "./names.ts"
import { hostNamed, type Sentence, sentenceOf, spent } from "./sentence.ts"
import { notUnits } from "./units.ts"
import { longest, mostWords, toWords, type Words } from "./words.ts"

export type Reading =
  | { readonly _tag: "Understood"; readonly draft: Draft }
  /** Several drafts fit, or one of which something is missing: a person says which. */
  | { readonly _tag: "Unclear"; readonly question: string; readonly readings: ReadonlyArray<Draft> }
  /** `long`: it was not even read. */
  | { readonly _tag: "NotUnderstood"; readonly long?: true }

/** What is longer is no routine, and is not read. */
export const readLimits = { characters: longest, words: mostWords }

/** @param known hosts and tags of the fleet: a word is a host only if it is one of them */
export const readInstruction = (text: string, known: Vocabulary): Reading => read(text, known).reading

/** @returns also how much work it was */
export const read = (text: string, known: Vocabulary): { readonly reading: Reading; readonly steps: number } => {
  const work = { steps: 0 }
  const words = toWords(text)
  const long = text.trim().length > longest || (words !== undefined && words.length > mostWords)
  if (words === undefined || words.length === 0 || long)
    return { reading: { _tag: "NotUnderstood", ...(long ? { long } : {}) }, steps: 0 }
  return { reading: readWords(words, known, work), steps: work.steps }
}

const readWords = (words: Words, known: Vocabulary, work: Sentence["work"]): Reading => {
  const said = sentenceOf(words, known, new Set(), work)
  const clauses = distinct(clausesFrom(said, 0))
  if (spent(said)) return { _tag: "NotUnderstood" }
  if (clauses.length === 0) return withStrangers(said, known)
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

/** With a name or two more in the fleet it would be understood: then these are what is wrong. */
const withStrangers = (said: Sentence, known: Vocabulary): Reading => {
  const { words } = said
  const places = words.filter(
    ({ text, plain, quoted }, at) =>
      !quoted &&
      !notUnits.has(plain) &&
      /^(?=.*[a-z])[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(text) &&
      ["on", "from", "at", "for", "except", "and", ",", "of", "host", "server", "if"].includes(
        words[at - 1]?.plain ?? ""
      )
  )
  const maybe = new Set(places.map(({ text }) => text).filter((text) => hostNamed(text, said) === undefined))
  if (maybe.size === 0) return { _tag: "NotUnderstood" }
  const wider = sentenceOf(words, known, maybe, said.work)
  const missing = clausesFrom(wider, 0).map((one) => distinct(one.flatMap(hostsIn).filter((name) => maybe.has(name))))
  const [names] = missing.filter((one) => one.length > 0).toSorted((a, b) => a.length - b.length)
  if (spent(wider) || names === undefined) return { _tag: "NotUnderstood" }
  const [name] = names
  return unclear(
    names.length === 1
      ? `There is no host ${name} here; a group is said as "all ${name} servers". See host list.`
      : `There are no hosts ${names.slice(0, -1).join(", ")} and ${names.at(-1)} here. See host list.`
  )
}

const hostsIn = ({ targets, when }: Clause): ReadonlyArray<string> => [
  ...(targets === undefined ? [] : namesIn(targets)),
  ...(when === undefined ? [] : namesIn(when))
]

const namesIn = (one: Selector | Condition): ReadonlyArray<string> => {
  switch (one._tag) {
    case "Name":
      return [one.glob]
    case "Online":
      return [one.host]
    case "Fact":
    case "Unit":
      return "host" in one && one.host !== undefined ? [one.host] : []
    case "Not":
      return namesIn(one.of)
    case "And":
    case "Or":
      return one.of.flatMap(namesIn)
    case "All":
    case "Tag":
      return []
  }
}

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
