/**
 * A tool that a person defines: any command-line program, as data.
 *
 * Owns: the schema of a definition, the rules it must keep, and its translation into a `Tool`. Does not own: storing it
 * (the setting room's ToolDefined), parameter validation (`params.ts`).
 * Invariant: a placeholder becomes part of exactly one quoted word, whatever its value holds.
 *
 * argv is a list of words; a word may hold {prompt}, {session} and {parameter}. A list inside the list is a group that is left
 * out when a parameter in it is absent, and repeated for each element of a list: ["--model", "{model}"]. {?parameter} makes no
 * word but keeps its group only when the parameter is true: ["--fast", "{?fast}"].
 */
import { Option, Result, Schema, SchemaIssue } from "effect"
import { TaskDefaults } from "../host/config.ts"
import { schemaOf } from "./flags.ts"
import { interactiveFlag, interactiveName, isInteractive } from "./interactive.ts"
import { compileSchema, propertiesOf, schemaLimit } from "./params.ts"
import { execScript, fileScript, shellQuote, wordRefusal } from "./quote.ts"
import type { Invocation, Tool } from "./Tool.ts"
import { OutputFormat } from "./Tool.ts"
import { builtInTool, promptOf } from "./tools.ts"

const Word = Schema.String.check(Schema.isMaxLength(4096))
const Argv = Schema.Array(Schema.Union([Word, Schema.Array(Word).check(Schema.isMaxLength(16))])).check(
  Schema.isMaxLength(128)
)
type Argv = typeof Argv.Type

export const UserTool = Schema.Struct({
  /** How tasks name it. */
  name: Schema.String.check(
    Schema.isPattern(/^[a-z][a-z0-9-]{0,39}$/u, { expected: "small letters, digits and dashes, at most 40 of them" })
  ),
  title: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100)),
  /** The program, found on the host's PATH or by its absolute path. */
  binary: Schema.String.check(
    Schema.isPattern(/^[A-Za-z0-9_./+~-]{1,255}$/u, { expected: "the name or path of a program" })
  ),
  versionArgs: Schema.optionalKey(Schema.Array(Word).check(Schema.isMaxLength(16))),
  argv: Argv,
  /** Instead of `argv` when a session is continued; holds {session}. Without it the tool cannot resume. */
  resume: Schema.optionalKey(Argv),
  /** stdin: as its input. argument: where {prompt} stands. file: {prompt} is the name of a file that holds it. */
  prompt: Schema.Literals(["stdin", "argument", "file"]),
  format: OutputFormat,
  /** JSON schema of the parameters; none when absent. */
  params: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String.check(Schema.isMaxLength(32_768)))),
  /** Errors and output in one file, in order. */
  merge: Schema.optionalKey(Schema.Boolean),
  exitCodes: Schema.optionalKey(Schema.Record(Schema.String, Schema.String.check(Schema.isMaxLength(500)))),
  defaults: Schema.optionalKey(TaskDefaults)
}).annotate({ identifier: "UserTool" })
export type UserTool = typeof UserTool.Type

export class ToolInvalid extends Schema.TaggedError<ToolInvalid>()("ToolInvalid", {
  name: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `tool ${this.name} cannot be defined: ${this.reason}`
  }
}

/** A tool whose prompt is not its input can run on a terminal. */
const paramsOf = (user: UserTool): Schema.JsonObject => {
  const schema = user.params ?? noParams
  return user.prompt === "stdin"
    ? schema
    : {
        ...schema,
        properties: { ...propertiesOf(schema), ...propertiesOf(schemaOf({ [interactiveName]: interactiveFlag })) }
      }
}

const noParams: Schema.JsonObject = { type: "object", properties: {}, additionalProperties: false }

const decode = Schema.decodeUnknownResult(UserTool)
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** From JSON of a person's file or request. */
export const decodeUserTool = (input: unknown): Result.Result<UserTool, ToolInvalid> =>
  Result.mapError(decode(input, { onExcessProperty: "error" }), (error) => {
    const name = Schema.is(Schema.Struct({ name: Schema.String }))(input) ? input.name.slice(0, 40) : "(without a name)"
    const reason = format(error.issue)
      .issues.map(({ path = [], message }) =>
        path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`
      )
      .join("; ")
    return new ToolInvalid({ name, reason })
  })

export const toTool = (user: UserTool): Result.Result<Tool, ToolInvalid> => {
  const reason = invalid(user)
  if (reason !== undefined) return Result.fail(new ToolInvalid({ name: user.name, reason }))
  const params = paramsOf(user)
  const chosen = mentions(user.argv, "session")
  const structured = user.format !== "text"
  return Result.succeed({
    name: user.name,
    title: user.title,
    binary: user.binary,
    versionArgs: user.versionArgs ?? ["--version"],
    format: user.format,
    params,
    sessionId: chosen ? "chosen" : structured && user.resume !== undefined ? "reported" : "none",
    exitCodes: Object.fromEntries(Object.entries(user.exitCodes ?? {}).map(([code, text]) => [Number(code), text])),
    canResume: user.resume !== undefined,
    notes: ["Defined by a person."],
    ...(user.defaults === undefined ? {} : { defaults: user.defaults }),
    refusal: (invocation) => {
      if (promptOf(invocation).trim() === "") return `${user.name} needs a prompt, and this one is empty`
      if (invocation.resume !== undefined && user.resume === undefined) {
        return `${user.name} has no resume template, so a task cannot be resumed`
      }
      if (user.prompt === "argument") {
        const refused = wordRefusal(`the prompt of ${user.name} (passed as an argument)`, promptOf(invocation))
        if (refused !== undefined) return refused
      }
      return wordsFor(user, params, invocation)
        .map((word) => wordRefusal(`an argument of ${user.name}`, word.text))
        .find((refused) => refused !== undefined)
    },
    launch: (invocation) => {
      const words = wordsFor(user, params, invocation)
      const rest = {
        ...(user.env === undefined ? {} : { env: user.env }),
        merge: user.merge ?? false,
        ...(isInteractive(invocation.params) ? { interactive: true } : {})
      }
      if (user.prompt === "argument") return { script: execScript(words.map((word) => word.text)), ...rest }
      const stdin = promptOf(invocation)
      if (isInteractive(invocation.params))
        return {
          script: fileScript(
            words.map((word) => word.shell),
            { prompt: stdin }
          ),
          ...rest
        }
      return user.prompt === "stdin"
        ? { script: execScript(words.map((word) => word.text)), stdin, ...rest }
        : { script: fileScript(words.map((word) => word.shell)), stdin, ...rest }
    }
  })
}

// ── Rules ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const placeholder = /\{(\??)([A-Za-z_][A-Za-z0-9_-]*)\}/gu

const placeholdersOf = (word: string): ReadonlyArray<{ readonly name: string; readonly only: boolean }> =>
  [...word.matchAll(placeholder)].map(([, mark, name = ""]) => ({ name, only: mark === "?" }))

const mentions = (argv: Argv, name: string): boolean =>
  argv.flat().some((word) => placeholdersOf(word).some((one) => one.name === name))

const invalid = (user: UserTool): string | undefined => {
  if (builtInTool(user.name) !== undefined) return `${user.name} is a built-in tool; choose another name`
  const schema = user.params ?? noParams
  const wrongSchema = schemaReason(schema)
  if (wrongSchema !== undefined) return wrongSchema
  for (const reserved of ["prompt", "session", interactiveName]) {
    if (Object.hasOwn(propertiesOf(schema), reserved))
      return `a parameter cannot be called ${reserved}; the name is taken`
  }
  for (const [what, argv] of [["argv", user.argv] as const, ["resume", user.resume] as const]) {
    if (argv === undefined) continue
    const wrong = argvReason(user, schema, what, argv)
    if (wrong !== undefined) return wrong
  }
  if (user.resume !== undefined && !mentions(user.resume, "session")) {
    return "resume has no {session}: without it the program cannot know what to continue"
  }
  for (const name of Object.keys(user.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u.test(name)) return `'${name}' is not a name of an environment variable`
  }
  for (const code of Object.keys(user.exitCodes ?? {})) {
    if (!/^(?:0|[1-9]\d{0,2})$/u.test(code) || Number(code) > 255) return `'${code}' is not an exit code (0 to 255)`
  }
  return undefined
}

const schemaReason = (schema: Schema.JsonObject): string | undefined => {
  if (Buffer.byteLength(JSON.stringify(schema), "utf8") > schemaLimit) {
    return `its parameter schema is larger than ${schemaLimit} bytes`
  }
  if (schema["type"] !== "object") return 'its parameter schema must have "type": "object"'
  if (schema["additionalProperties"] !== false) {
    return 'its parameter schema must have "additionalProperties": false, so that a misspelt parameter is noticed'
  }
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    if (Option.isNone(describedProperty(property))) return `parameter ${name} has no description`
  }
  const compiled = compileSchema(schema)
  return Result.isFailure(compiled) ? `its parameter schema is not valid: ${compiled.failure}` : undefined
}

const describedProperty = Schema.decodeUnknownOption(Schema.Struct({ description: Schema.NonEmptyString }))

const argvReason = (user: UserTool, schema: Schema.JsonObject, what: string, argv: Argv): string | undefined => {
  const known = Object.keys(propertiesOf(schema))
  const always = new Set(alwaysThere(schema))
  for (const entry of argv) {
    for (const word of typeof entry === "string" ? [entry] : entry) {
      for (const { name, only } of placeholdersOf(word)) {
        if (name === "prompt" || name === "session") {
          if (only) return `${what} has {?${name}}, but only a true-or-false parameter can decide about a group`
          if (typeof entry !== "string")
            return `${what} has {${name}} inside a group; it belongs outside, it is never absent`
          continue
        }
        if (!known.includes(name)) {
          return `${what} has the placeholder {${name}}, and there is no such parameter; there are ${["prompt", "session", ...known].join(", ")}`
        }
        if (only && word !== `{?${name}}`)
          return `${what} has {?${name}} inside the word '${word}'; it must stand alone`
        if (typeof entry === "string" && (only || !always.has(name))) {
          return `${what} has {${only ? "?" : ""}${name}} outside a group, but the parameter may be absent; put it into a group such as ["--${name}", "{${only ? "?" : ""}${name}}"] or require it`
        }
      }
    }
  }
  const prompts = argv
    .flat()
    .flatMap(placeholdersOf)
    .filter((one) => one.name === "prompt").length
  if (user.prompt === "stdin" && prompts > 0) return `${what} has {prompt}, but the prompt goes to stdin`
  return user.prompt !== "stdin" && prompts !== 1
    ? `${what} must have {prompt} exactly once, because the prompt goes by ${user.prompt}`
    : undefined
}

/** Parameters that every invocation has: required ones, and those with a default. */
const alwaysThere = (schema: Schema.JsonObject): ReadonlyArray<string> => [
  ...(Array.isArray(schema["required"]) ? schema["required"].map(String) : []),
  ...Object.keys(propertiesOf(schema)).filter((name) => defaultOf(schema, name) !== undefined)
]

const defaultOf = (schema: Schema.JsonObject, name: string): Schema.Json | undefined => {
  const property = propertiesOf(schema)[name]
  return property !== null &&
    typeof property === "object" &&
    !Array.isArray(property) &&
    Object.hasOwn(property, "default")
    ? (property as Schema.JsonObject)["default"]
    : undefined
}

// ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One argument: as text, and as shell text (they differ only where {prompt} is the name of a file). */
interface Filled {
  readonly text: string
  readonly shell: string
}

const wordsFor = (user: UserTool, params: Schema.JsonObject, invocation: Invocation): ReadonlyArray<Filled> => {
  const template = invocation.resume === undefined || user.resume === undefined ? user.argv : user.resume
  const valueOf = (name: string): Schema.Json | undefined =>
    Object.hasOwn(invocation.params, name) ? invocation.params[name] : defaultOf(params, name)
  const fill = (word: string, value: (name: string) => Schema.Json | undefined): Filled =>
    fillWord(user, invocation, word, value)
  const entryWords = (entry: Argv[number]): ReadonlyArray<Filled> => {
    if (typeof entry === "string") return [fill(entry, valueOf)]
    const placeholders = entry.flatMap(placeholdersOf)
    const absent = placeholders.some(({ name, only }) => (only ? valueOf(name) !== true : valueOf(name) === undefined))
    if (absent) return []
    const words = entry.filter((word) => !placeholdersOf(word).some((one) => one.only))
    const repeated = placeholders.find(({ name, only }) => !only && Array.isArray(valueOf(name)))?.name
    const values = repeated === undefined ? undefined : valueOf(repeated)
    if (!Array.isArray(values)) return words.map((word) => fill(word, valueOf))
    return values.flatMap((one) => words.map((word) => fill(word, (name) => (name === repeated ? one : valueOf(name)))))
  }
  const literal = (word: string): Filled => ({ text: word, shell: shellQuote(word) })
  const at = argsPlace(template)
  return [
    literal(user.binary),
    ...template.slice(0, at).flatMap(entryWords),
    ...invocation.args.map(literal),
    ...template.slice(at).flatMap(entryWords)
  ]
}

/**
 * Configured arguments stand before the prompt, for after it many programs take everything as more prompt; and before the
 * flag that the prompt belongs to ("-p", "{prompt}"). Without a prompt among the words they come last.
 */
const argsPlace = (template: Argv): number => {
  const prompt = template.findIndex((entry) => typeof entry === "string" && mentions([entry], "prompt"))
  if (prompt === -1) return template.length
  const before = template[prompt - 1]
  return typeof before === "string" && before.startsWith("-") && placeholdersOf(before).length === 0
    ? prompt - 1
    : prompt
}

const fillWord = (
  user: UserTool,
  invocation: Invocation,
  word: string,
  valueOf: (name: string) => Schema.Json | undefined
): Filled => {
  let text = ""
  let shell = ""
  const add = (piece: string) => {
    text += piece
    shell += piece === "" ? "" : shellQuote(piece)
  }
  let at = 0
  for (const match of word.matchAll(placeholder)) {
    add(word.slice(at, match.index))
    at = match.index + match[0].length
    const name = match[2] ?? ""
    if (name === "prompt" && user.prompt === "file") shell += '"$prompt"'
    else if (name === "prompt") add(promptOf(invocation))
    else if (name === "session") add(invocation.resume ?? invocation.sessionId)
    else add(asWord(valueOf(name)))
  }
  add(word.slice(at))
  return { text, shell: shell === "" ? "''" : shell }
}

const asWord = (value: Schema.Json | undefined): string =>
  value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value)
