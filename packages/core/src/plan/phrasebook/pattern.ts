/**
 * Phrases as patterns over words: `(restart|bounce) [the] {unit}`.
 *
 * Owns: their grammar and matching. Does not own: which phrases there are, what slots accept (given by the caller).
 * Grammar: words stand for themselves; `(a|b c)` is one of several; `[a|b]` may be left out; `{name}` or `{name:kind}` is a slot, `{name?}` one that may be left out.
 * Invariants: matching finds every way, in no time to speak of for the words of one sentence; a pattern that cannot be read fails when
 * the table is loaded, not when somebody speaks.
 */
import type { Words } from "./words.ts"

type Part =
  | { readonly _tag: "Words"; readonly oneOf: ReadonlyArray<ReadonlyArray<string>>; readonly optional: boolean }
  | { readonly _tag: "Slot"; readonly name: string; readonly kind: string; readonly optional: boolean }
export type Pattern = ReadonlyArray<Part>

/** What a slot can be at a place: the value, and where the words go on. */
export type Slot<Value> = (words: Words, at: number) => ReadonlyArray<readonly [value: Value, next: number]>
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

/** Every way in which the pattern fits the words from `at` on; it need not reach their end. */
export const match = <Value>(
  parts: Pattern,
  words: Words,
  at: number,
  slots: Slots<Value>
): ReadonlyArray<Match<Value>> => {
  const [first, ...rest] = parts
  if (first === undefined) return [{ values: {}, next: at }]
  if (first._tag === "Slot") {
    const found = slots[first.kind]?.(words, at) ?? []
    const filled = found.flatMap(([value, next]) =>
      match(rest, words, next, slots).map((one) => ({ ...one, values: { ...one.values, [first.name]: value } }))
    )
    return first.optional ? [...filled, ...match(rest, words, at, slots)] : filled
  }
  const said = first.oneOf.filter((one) => one.every((word, i) => words[at + i]?.plain === word))
  const ways = said.flatMap((one) => match(rest, words, at + one.length, slots))
  return first.optional ? [...ways, ...match(rest, words, at, slots)] : ways
}
