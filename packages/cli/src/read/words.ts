/**
 * Which plain read the words of a command line are, when that is beyond doubt.
 *
 * Owns: reading the plainest forms (`--name value`, `--name=value`, bare switches, positional words after the command's names).
 * Does not own: help, completions, usage errors and every other form: `main.ts`, which is asked when this says nothing.
 * Invariants: pure; what is read here is read by `main.ts` alike (`words.test.ts` compares them).
 */
import { type FlagSpec, type Given, givenOf, type Read, type Value } from "./definition.ts"
import { reads } from "./table.ts"

export interface Understood {
  readonly read: Read
  readonly given: Given
}

export const understand = (args: ReadonlyArray<string>): Understood | undefined => {
  for (const read of reads)
    for (const names of read.names)
      if (names.every((name, at) => args[at] === name)) {
        const values = valuesOf(read, args.slice(names.length))
        if (values === undefined) return undefined
        const given = givenOf(values, values["json"] === true)
        return read.unless !== undefined && given.get(read.unless) ? undefined : { read, given }
      }
  return undefined
}

const json: FlagSpec<boolean> = { kind: "switch", name: "json", about: "", of: (value) => value === true }

const valuesOf = (read: Read, words: ReadonlyArray<string>): Readonly<Record<string, Value>> | undefined => {
  const values: Record<string, Value> = {}
  const loose: Array<string> = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ""
    if (word === "" || word === "-") return undefined
    if (!word.startsWith("-")) {
      loose.push(word)
      continue
    }
    const [, name = "", inline] = /^--([a-z-]{2,})(?:=(.+))?$/su.exec(word) ?? []
    const spec = [...read.flags, json].find((one) => one.name === name || one.alias === name)
    if (spec === undefined) return undefined
    if (spec.kind === "switch") {
      // a word after a switch could be its value
      if (inline !== undefined || values[spec.name] !== undefined || isLoose(words[at + 1])) return undefined
      values[spec.name] = true
      continue
    }
    const given = inline ?? words[++at]
    if (given === undefined || given === "" || given.startsWith("-")) return undefined
    const before = values[spec.name]
    if (spec.kind === "texts") values[spec.name] = [...(typeof before === "object" ? before : []), given]
    else if (before !== undefined) return undefined
    else if (spec.kind === "text") values[spec.name] = given
    else if (/^\d{1,9}$/u.test(given)) values[spec.name] = Number(given)
    else return undefined
  }
  if (loose.length > read.arguments.length) return undefined
  for (const [at, spec] of read.arguments.entries()) {
    if (loose[at] === undefined && spec.kind === "required") return undefined
    values[spec.name] = loose[at]
  }
  return values
}

const isLoose = (word: string | undefined): boolean => word !== undefined && !word.startsWith("-")
