/**
 * Phrases as patterns over words: `(restart|bounce) [the] {unit}`.
 *
 * Owns: their grammar and matching. Does not own: which phrases there are, what slots accept (given by the caller).
 * Grammar: words stand for themselves; `(a|b c)` is one of several; `[a|b]` may be left out; `{name}` or `{name:kind}` is a slot, `{name?}` one that may be left out.
 * Invariants: matching finds every way, as far as the sentence's work goes; a pattern that cannot be read fails when the table is loaded,
 * not when somebody speaks.
 */
import { type Sentence, step } from "./sentence.ts"

type Part =
  | { readonly _tag: "Words"; readonly oneOf: ReadonlyArray<ReadonlyArray<string>>; readonly optional: boolean }
  | { readonly _tag: "Slot"; readonly name: string; readonly kind: string; readonly optional: boolean }
export type Pattern = ReadonlyArray<Part>

/** What a slot can be at a place: the value, and where the words go on. */
export type Slot<Value> = (said: Sentence, at: number) => ReadonlyArray<readonly [value: Value, next: number]>
export type Slots<Value> = { readonly [kind: string]: Slot<Value> }
export interface Match<Value> {
  readonly values: { readonly [name: string]: Value }
  readonly next: number
}

const part = /\{([a-z]+)(?::([a-z]+))?(\?)?\}|\(([^()[\]{}]+)\)|\[([^()[\]{}]+)\]|([^\s()[\]{}|]+)/gu

export const pattern = (text: string): Pattern => {
  const rest = text.replaceAll(part, "").trim()
  if (rest !== "") throw new Error(`The phrase "${text}" cannot be read at "${rest}".`)
  return Array.from(text.matchAll(part), ([, name, kind, leave, group, maybe, word]): Part =>
    name === undefined
      ? { _tag: "Words", oneOf: alternatives(group ?? maybe ?? word ?? ""), optional: maybe !== undefined }
      : { _tag: "Slot", name, kind: kind ?? name, optional: leave !== undefined }
  )
}

const alternatives = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text.split("|").map((one) => one.trim().split(/\s+/u))

/** The words with which it can begin; undefined: any, because a slot can stand first. */
export const opening = (parts: Pattern): ReadonlySet<string> | undefined => {
  const words = new Set<string>()
  for (const one of parts) {
    if (one._tag === "Slot") return undefined
    for (const [first] of one.oneOf) if (first !== undefined) words.add(first)
    if (!one.optional) return words
  }
  return undefined
}

/** Every way in which the pattern fits the words from `at` on; it need not reach their end. */
export const match = <Value>(
  parts: Pattern,
  said: Sentence,
  at: number,
  slots: Slots<Value>
): ReadonlyArray<Match<Value>> => {
  const found: Array<Match<Value>> = []
  const go = (index: number, place: number, values: Match<Value>["values"]): void => {
    if (!step(said)) return
    const one = parts[index]
    if (one === undefined) return void found.push({ values, next: place })
    if (one._tag === "Slot")
      for (const [value, next] of slots[one.kind]?.(said, place) ?? [])
        go(index + 1, next, { ...values, [one.name]: value })
    else
      for (const words of one.oneOf)
        if (words.every((word, i) => said.words[place + i]?.plain === word)) go(index + 1, place + words.length, values)
    if (one.optional) go(index + 1, place, values)
  }
  go(0, at, {})
  return found
}
