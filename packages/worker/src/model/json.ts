/**
 * Arguments of tool calls, which arrive as pieces of JSON text.
 *
 * Owns: reading them. Does not own: whether they fit the tool. Invariant: whatever a model writes becomes a JSON value.
 */
import { Option, Schema } from "effect"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))
const decodeObject = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Json))
const isJson = Schema.is(Schema.Json)

/** Text that is no JSON stays text, for the tool to refuse in its own words; nothing at all is no arguments. */
export const argsOf = (text: string): Schema.Json =>
  text.trim() === "" ? {} : Option.getOrElse(decode(text), (): Schema.Json => text)

export const toJson = (value: unknown): Schema.Json => (isJson(value) ? value : {})

/** As an object, which Anthropic and Gemini demand. */
export const asObject = (args: Schema.Json): { [key: string]: Schema.Json } => {
  const object = decodeObject(args)
  return Option.isSome(object) ? { ...object.value } : { value: args }
}
