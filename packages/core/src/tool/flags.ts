/**
 * A tool's parameters as a table of flags, from which the JSON schema, the command line and the docs all derive.
 *
 * Owns: the shape of a flag, the schema and the words made of it. Does not own: which flags exist (`tools.ts`), validation
 * (`params.ts`).
 * Invariant: a value travels as `--flag=value` in one word, so that a value with a leading dash is never taken for a flag.
 */
import type { Schema } from "effect"
import type { Invocation } from "./Tool.ts"

type Params = Invocation["params"]

export interface Flag {
  readonly schema: Schema.JsonObject & { readonly description: string }
  /** The words on the command line for a value; a flag that acts through the environment or the script has none. */
  readonly words: (value: Schema.Json) => ReadonlyArray<string>
}

export type Flags = Readonly<Record<string, Flag>>

const text = (value: Schema.Json): string => (typeof value === "object" ? JSON.stringify(value) : String(value))

const assigned =
  (flag: string) =>
  (value: Schema.Json): ReadonlyArray<string> => [`${flag}=${text(value)}`]

/** Long enough for a path or a rule, far from the limit of an argument. */
const word = { type: "string", minLength: 1, maxLength: 4096 } as const

export const string = (flag: string, description: string): Flag => ({
  schema: { ...word, description },
  words: assigned(flag)
})

/** At most 32,000 characters: four bytes each still fit one argument. */
export const prose = (flag: string, description: string): Flag => ({
  schema: { type: "string", minLength: 1, maxLength: 32_000, description },
  words: assigned(flag)
})

export const oneOf = (flag: string, values: ReadonlyArray<string>, description: string): Flag => ({
  schema: { type: "string", enum: [...values], description },
  words: assigned(flag)
})

export const integer = (flag: string, minimum: number, maximum: number, description: string): Flag => ({
  schema: { type: "integer", minimum, maximum, description },
  words: assigned(flag)
})

export const dollars = (flag: string, description: string): Flag => ({
  schema: { type: "number", exclusiveMinimum: 0, maximum: 10_000, description },
  words: assigned(flag)
})

export const duration = (flag: string, description: string): Flag => ({
  schema: { type: "string", pattern: "^[1-9][0-9]{0,7}(\\.[0-9]{1,3})?[smh]?$", maxLength: 16, description },
  words: assigned(flag)
})

/** For programs that refuse a number without its unit. */
export const unitDuration = (flag: string, description: string): Flag => ({
  schema: { type: "string", pattern: "^[1-9][0-9]{0,7}[smh]$", maxLength: 16, description },
  words: assigned(flag)
})

/** One `--flag=value` per element: no separator that a value could contain. */
export const list = (flag: string, description: string): Flag => ({
  schema: { type: "array", items: word, minItems: 1, maxItems: 64, description },
  words: (value) => (Array.isArray(value) ? value.flatMap(assigned(flag)) : [])
})

/** `-c key=value` and the like: flag and value are two words because the tool wants them so. */
export const pairs = (flag: string, description: string): Flag => ({
  schema: {
    type: "array",
    items: { type: "string", pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*=", maxLength: 4096 },
    minItems: 1,
    maxItems: 64,
    description
  },
  words: (value) => (Array.isArray(value) ? value.flatMap((one) => [flag, text(one)]) : [])
})

export const onOff = (flag: string, description: string): Flag => ({
  schema: { type: "boolean", description },
  words: (value) => (value === true ? [flag] : [])
})

export const json = (flag: string, description: string): Flag => ({
  schema: { type: "object", maxProperties: 256, description },
  words: assigned(flag)
})

/** A parameter that the tool's own `launch` turns into something other than a flag. */
export const silent = (flag: Flag): Flag => ({ ...flag, words: () => [] })

export const schemaOf = (flags: Flags): Schema.JsonObject => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, flag.schema])),
  additionalProperties: false
})

/** In the order of the table, whatever the order of the parameters: the same task gives the same command line. */
export const wordsOf = (flags: Flags, params: Params): ReadonlyArray<string> =>
  Object.entries(flags).flatMap(([name, flag]) => {
    const value = params[name]
    return value === undefined || value === null ? [] : flag.words(value)
  })
