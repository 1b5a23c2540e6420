/**
 * The phrasebook: the routine ways to say an action, found by their first word.
 *
 * Owns: the tables together, and the index over them. Does not own: the phrases (`said-*.ts`), targets, conditions and batches around them
 * (`clauses.ts`).
 * Invariants: the first word of a phrase says what is done; a phrase names one action only, or one and what follows from it, and its
 * arguments pass the catalogue's check.
 */
import { opening, pattern } from "./pattern.ts"
import type { Phrase } from "./phrase.ts"
import { hosts } from "./said-hosts.ts"
import { network } from "./said-network.ts"
import { services } from "./said-services.ts"

export const phrases: ReadonlyArray<Phrase> = [...services, ...hosts, ...network].flatMap(
  ([action, said, args, more]) => said.map((text) => ({ action, pattern: pattern(text), args: args ?? {}, ...more }))
)

const opened = new Map<string, Array<Phrase>>()
const open: Array<Phrase> = []
for (const phrase of phrases) {
  const words = opening(phrase.pattern)
  if (words === undefined) open.push(phrase)
  else for (const word of words) opened.set(word, [...(opened.get(word) ?? []), phrase])
}

/** The phrases that can begin with this word. */
export const phrasesFrom = (word: string): ReadonlyArray<Phrase> => [...(opened.get(word) ?? []), ...open]
