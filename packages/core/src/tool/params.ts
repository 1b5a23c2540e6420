/**
 * Validation of a tool's parameters by its JSON schema (draft 2020-12).
 *
 * Owns: compiling schemas, limits, and one human sentence per mistake. Does not own: the schemas.
 * Invariants: a schema is compiled once per tool; validation never changes the value; nothing throws.
 */
import { Ajv2020 } from "ajv/dist/2020.js"
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js"
import { Result, Schema } from "effect"
import type { Tool } from "./Tool.ts"

export class ParamsInvalid extends Schema.TaggedError<ParamsInvalid>()("ParamsInvalid", {
  tool: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

/** Bytes of JSON. */
export const paramsLimit = 256 * 1024
export const schemaLimit = 64 * 1024

const newAjv = () =>
  new Ajv2020({ allErrors: false, strict: true, strictTypes: false, strictRequired: false, verbose: true })

/**
 * By the schema's text: a built-in tool's schema is one object, but a person's tool is decoded anew for every task. The object
 * in front spares the text. Bounded: the oldest goes first.
 */
const byObject = new WeakMap<object, ValidateFunction>()
const byText = new Map<string, ValidateFunction>()
const kept = 256

/** Compiles a schema; the sentence says what is wrong with it. */
export const compileSchema = (schema: Schema.JsonObject): Result.Result<ValidateFunction, string> => {
  const text = byObject.has(schema) ? "" : JSON.stringify(schema)
  const known = byObject.get(schema) ?? byText.get(text)
  if (known !== undefined) {
    byObject.set(schema, known)
    return Result.succeed(known)
  }
  try {
    // A compiler of its own per schema: two tools may use the same $id.
    const validate = newAjv().compile(schema)
    byObject.set(schema, validate)
    byText.set(text, validate)
    const [oldest] = byText.keys()
    if (byText.size > kept && oldest !== undefined) byText.delete(oldest)
    return Result.succeed(validate)
  } catch (error) {
    return Result.fail(error instanceof Error ? error.message : String(error))
  }
}

const Params = Schema.Record(Schema.String, Schema.Json)
const isParams = Schema.is(Params)

export const validateParams = (
  tool: Pick<Tool, "name" | "params">,
  params: unknown
): Result.Result<typeof Params.Type, ParamsInvalid> => {
  const invalid = (reason: string) => Result.fail(new ParamsInvalid({ tool: tool.name, reason }))
  if (!isParams(params) || Array.isArray(params)) {
    return invalid(`the parameters of ${tool.name} must be a JSON object, such as {"model":"..."}`)
  }
  const bytes = Buffer.byteLength(JSON.stringify(params), "utf8")
  if (bytes > paramsLimit) {
    return invalid(`the parameters of ${tool.name} are ${bytes} bytes of JSON; at most ${paramsLimit} are taken`)
  }
  const validate = compileSchema(tool.params)
  if (Result.isFailure(validate))
    return invalid(`the parameter schema of ${tool.name} is not valid: ${validate.failure}`)
  if (validate.success(params)) return Result.succeed(params)
  const [error] = validate.success.errors ?? []
  return invalid(error === undefined ? `the parameters of ${tool.name} are not valid` : sentence(tool, error))
}

/** What a person reads: which parameter, what is wrong, what is allowed. */
const sentence = (tool: Pick<Tool, "name" | "params">, error: ErrorObject): string => {
  const parameter = parameterName(error.instancePath)
  const names = Object.keys(propertiesOf(tool.params))
  const value = shorten(JSON.stringify(error.data))
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(error.params["additionalProperty"])
      const within =
        parameter === "" ? `${tool.name} has no parameter '${name}'` : `${parameter} has no field '${name}'`
      const near = parameter === "" ? closest(name, names) : undefined
      if (near !== undefined) return `${within}; did you mean '${near}'?`
      if (parameter !== "") return within
      return names.length === 0 ? `${within}; it takes none` : `${within}; it has ${names.join(", ")}`
    }
    case "required":
      return `${tool.name} needs the parameter '${String(error.params["missingProperty"])}'`
    case "enum":
      return `${parameter} of ${tool.name} cannot be ${value}; it is one of ${listed(error.params["allowedValues"])}`
    case "const":
      return `${parameter} of ${tool.name} must be ${JSON.stringify(error.params["allowedValue"])}`
    case "type":
      return `${parameter} of ${tool.name} must be ${article(String(error.params["type"]))}, not ${value}`
    case "pattern":
      return `${parameter} of ${tool.name} cannot be ${value}; ${describe(error)}`
    default:
      return `${parameter} of ${tool.name} ${error.message ?? "is not valid"} (it is ${value})`
  }
}

const describe = (error: ErrorObject): string => {
  const parent: unknown = error.parentSchema
  const description = isParams(parent) ? parent["description"] : undefined
  return typeof description === "string" ? description : `it must match ${String(error.params["pattern"])}`
}

/** "/addDirs/3" is parameter addDirs, element 4. */
const parameterName = (path: string): string => {
  const [name = "", ...rest] = path
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
  const [first] = rest
  if (first === undefined) return name
  return /^\d+$/u.test(first) ? `element ${Number(first) + 1} of ${name}` : [name, ...rest].join(".")
}

export const propertiesOf = (schema: Schema.JsonObject): Readonly<Record<string, Schema.Json>> => {
  const properties = schema["properties"]
  return isParams(properties) ? properties : {}
}

const listed = (values: unknown): string =>
  Array.isArray(values) ? values.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(", ") : ""

const article = (type: string): string =>
  ({ integer: "a whole number", array: "a list", object: "a JSON object", boolean: "true or false" })[type] ??
  `a ${type}`

const shorten = (text: string | undefined): string =>
  text === undefined ? "missing" : text.length > 80 ? `${text.slice(0, 80)}…` : text

/** The known name within two edits, or one that differs in case only. */
export const closest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const ranked = names
    .map((known) => ({ known, distance: edits(bare(name), bare(known)) }))
    .toSorted((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= Math.min(2, Math.floor(best.known.length / 2)) ? best.known : undefined
}

/** max_turns, max-turns and maxTurns are one name to a person. */
const bare = (name: string): string => name.toLowerCase().replaceAll(/[-_]/gu, "")

/** Levenshtein distance; names are cut so that a hostile one costs nothing. */
const edits = (from: string, to: string): number => {
  const [a, b] = [from.slice(0, 64), to.slice(0, 64)]
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
