/**
 * A plain read, said as data: its words, flags and help, and what it prints.
 *
 * Owns: the form of such a command. Does not own: which there are (`table.ts`), how its words are read (`words.ts` at once,
 * `command/reading.ts` with help, completions and usage errors), how the hub is asked (`ask.ts`).
 * Invariants: one table is the source of both ways; a read changes nothing, so it can be begun again the other way; nothing
 * here loads anything.
 */
import type { Ask } from "./ask.ts"

/** As the words say it; undefined: not given. */
export type Value = string | number | boolean | ReadonlyArray<string> | undefined

interface Described<A> {
  readonly name: string
  readonly about: string
  /** Narrows what was given. Total. */
  readonly of: (value: Value) => A
}
export interface FlagSpec<A = unknown> extends Described<A> {
  readonly kind: "text" | "texts" | "whole" | "switch"
  readonly alias?: string
  readonly otherwise?: number
}
export interface ArgumentSpec<A = unknown> extends Described<A> {
  readonly kind: "required" | "optional"
}

export interface Given {
  readonly get: <A>(spec: FlagSpec<A> | ArgumentSpec<A>) => A
  readonly json: boolean
}

export interface Read {
  /** All its names, as words. */
  readonly names: ReadonlyArray<ReadonlyArray<string>>
  readonly about: string
  readonly arguments: ReadonlyArray<ArgumentSpec>
  readonly flags: ReadonlyArray<FlagSpec>
  readonly examples?: ReadonlyArray<string>
  /** This flag makes another command of it, which is not one plain read. */
  readonly unless?: FlagSpec<boolean>
  /** What goes to stdout, piece by piece; each ends a line. Fails with `ReadFailed` only, before the first piece or between two. */
  readonly print: (given: Given, ask: Ask) => AsyncIterable<string>
}

/** The hub says no (1), or it cannot be told (2). No schema class, because this side loads none; `command/reading.ts` makes it one. */
export class ReadFailed extends Error {
  readonly code: 1 | 2
  constructor(sentence: string, code: 1 | 2) {
    super(sentence)
    this.code = code
  }
}

export const givenOf = (values: Readonly<Record<string, Value>>, json: boolean): Given => ({
  get: (spec) => spec.of(values[spec.name]),
  json
})

const textOf = (value: Value): string | undefined => (typeof value === "string" ? value : undefined)

export const text = (name: string, about: string, alias?: string): FlagSpec<string | undefined> => ({
  kind: "text",
  name,
  about,
  of: textOf,
  ...(alias === undefined ? {} : { alias })
})
export const texts = (name: string, about: string): FlagSpec<ReadonlyArray<string>> => ({
  kind: "texts",
  name,
  about,
  of: (value) => (typeof value === "object" ? value : [])
})
export const whole = (name: string, about: string): FlagSpec<number | undefined> => ({
  kind: "whole",
  name,
  about,
  of: (value) => (typeof value === "number" ? value : undefined)
})
export const wholeOr = (name: string, otherwise: number, about: string): FlagSpec<number> => ({
  kind: "whole",
  name,
  about,
  otherwise,
  of: (value) => (typeof value === "number" ? value : otherwise)
})
export const switchOn = (name: string, about: string, alias: string): FlagSpec<boolean> => ({
  kind: "switch",
  name,
  about,
  alias,
  of: (value) => value === true
})
export const required = (name: string, about: string): ArgumentSpec<string> => ({
  kind: "required",
  name,
  about,
  of: (value) => textOf(value) ?? ""
})
export const optional = (name: string, about: string): ArgumentSpec<string | undefined> => ({
  kind: "optional",
  name,
  about,
  of: textOf
})

/** What most reads print: one JSON document, or what a person reads; nothing when that is empty. */
export async function* answer(
  given: Given,
  value: () => unknown,
  human: () => string | Promise<string>
): AsyncGenerator<string, void> {
  const said = given.json ? JSON.stringify(value()) : await human()
  if (said !== "") yield said
}
