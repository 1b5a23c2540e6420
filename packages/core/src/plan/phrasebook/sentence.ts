/**
 * One instruction while it is read: its words, the fleet's names, and how much work its reading may still be.
 *
 * Owns: reading each thing once at each place, and the bound of the work. Does not own: what is read.
 * Invariants: when the work is spent nothing more is found and `spent` stays true, so that a reading cut short is never taken for a
 * whole one; the bound is a number of steps: the same on every machine.
 */
import { namesOf, type Names, type Vocabulary } from "./names.ts"
import type { Words } from "./words.ts"

export interface Sentence {
  readonly words: Words
  readonly names: Names
  /** Words that might be hosts which the fleet does not have; nobody acts on them. */
  readonly strangers: ReadonlySet<string>
  /** "and", "then", "and then": from where one stands to where the words after it begin. */
  readonly joints: ReadonlyMap<number, number>
  readonly work: { steps: number }
}

/** Ten times what the longest of the routine phrasings take. */
export const mostSteps = 5_000
/** Ways to read what stands at one place: more is a riddle. A list of hosts has one way for each of its beginnings. */
const mostWays = 100

export const sentenceOf = (
  words: Words,
  known: Vocabulary,
  strangers: ReadonlySet<string> = new Set(),
  work: Sentence["work"] = { steps: 0 }
): Sentence => ({ words, names: namesOf(known), strangers, joints: jointsOf(words), work })

export const spent = (said: Sentence): boolean => said.work.steps > mostSteps
/** @returns whether there is work left */
export const step = (said: Sentence, steps = 1): boolean => {
  said.work.steps += steps
  return !spent(said)
}

type Read<A> = (said: Sentence, at: number) => ReadonlyArray<A>

/** A reading that is done once at each place of a sentence, and counts as work. */
export const perPlace = <A>(read: Read<A>): Read<A> => {
  const known = new WeakMap<Sentence, Map<number, ReadonlyArray<A>>>()
  return (said, at) => {
    const places = known.get(said) ?? new Map<number, ReadonlyArray<A>>()
    known.set(said, places)
    const before = places.get(at)
    if (before !== undefined) return spent(said) ? [] : before
    if (!step(said)) return []
    const found = read(said, at)
    places.set(at, found)
    return step(said, found.length > mostWays ? mostSteps : found.length) ? found : []
  }
}

const jointsOf = (words: Words): Sentence["joints"] => {
  const is = (at: number, plain: string) => words[at]?.plain === plain
  const joints = new Map<number, number>()
  for (let at = 1; at < words.length - 1; at++)
    if (is(at, "and")) joints.set(at, is(at + 1, "then") ? at + 2 : at + 1)
    else if (is(at, "then") && !is(at - 1, "and")) joints.set(at, at + 1)
  return joints
}

export const plainAt = ({ words }: Sentence, at: number): string => words[at]?.plain ?? ""

/** The host of that name, whatever the case. */
export const hostNamed = (text: string, { names }: Sentence): string | undefined =>
  names.exact.has(text) ? text : names.hosts.get(text.toLowerCase())

/** The same where a word that is no host may turn out to be meant as one. */
export const hostMeant = (text: string, said: Sentence): string | undefined =>
  hostNamed(text, said) ?? (said.strangers.has(text) ? text : undefined)
