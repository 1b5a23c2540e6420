/**
 * OpenAI's Responses API: POST …/responses (streamed), beside Chat Completions on the same server.
 *
 * Owns: its errors, what it refuses of the items it is sent (`responses-events.ts` has the events). Does not own: what is said, lists.
 * Invariants: nothing is remembered between requests, so whoever asked with `store: false` must hand thoughts back encrypted, and
 * every call with its result; a request with `input` is a Responses request.
 */
import { at, type Came, type Dialect, list, number, parsed, type Plain, text } from "./dialect.ts"
import { openaiModels } from "./lists.ts"
import { failureOf, framesOf, sealed, thoughtIn } from "./responses-events.ts"
import type { Asked, Said } from "./script.ts"

const isOurs = (asked: { readonly body?: unknown }): boolean => at(asked.body, "input") !== undefined

/** @param chat the same server's Chat Completions */
export const withResponses = (chat: Dialect): Dialect => ({
  ...chat,
  read: (came) => read(came) ?? chat.read(came),
  check: (asked) => (isOurs(asked) ? check(asked) : chat.check(asked)),
  frames: (asked, reply, counted) =>
    isOurs(asked) ? framesOf(asked, reply, counted) : chat.frames(asked, reply, counted),
  fault: (kind, asked, retryAfterMs) => {
    if (isOurs(asked) && kind === "too-long")
      return invalid(
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "input",
        "context_length_exceeded"
      )
    if (isOurs(asked) && kind === "no-model") return noModel(asked.model)
    return chat.fault(kind, asked, retryAfterMs)
  },
  midstream: (kind, asked, frames) =>
    isOurs(asked) ? failureOf(kind, asked, frames) : chat.midstream(kind, asked, frames)
})

const invalid = (message: string, param: string, code: string | null = null, status = 400): Plain => ({
  status,
  headers: { "x-request-id": "req_7c1b" },
  body: { error: { message, type: "invalid_request_error", param, code } }
})

const noModel = (model: string): Plain =>
  invalid(`The requested model '${model}' does not exist.`, "model", "model_not_found")

const contentText = (content: unknown): string =>
  typeof content === "string"
    ? content
    : list(content)
        .map((part) => text(at(part, "text")))
        .join("")

const typeOf = (item: unknown): string => text(at(item, "type")) || "message"
const isSystem = (item: unknown): boolean => ["system", "developer"].includes(text(at(item, "role")))

/** Neighbors of the model's are one thing said. */
const saidOf = (items: ReadonlyArray<unknown>): ReadonlyArray<Said> => {
  const said: Array<Said> = []
  const bySelf = (words: string, calls: Said["calls"]) => {
    const last = said.at(-1)
    if (last?.role !== "assistant") said.push({ role: "assistant", text: words, calls })
    else said[said.length - 1] = { ...last, text: last.text + words, calls: [...last.calls, ...calls] }
  }
  for (const item of items)
    switch (typeOf(item)) {
      case "function_call":
        bySelf("", [
          { id: text(at(item, "call_id")), name: text(at(item, "name")), args: parsed(text(at(item, "arguments"))) }
        ])
        break
      case "function_call_output":
        said.push({ role: "tool", text: contentText(at(item, "output")), calls: [] })
        break
      case "message":
        if (at(item, "role") === "assistant") bySelf(contentText(at(item, "content")), [])
        else if (!isSystem(item)) said.push({ role: "user", text: contentText(at(item, "content")), calls: [] })
    }
  return said
}

const read = (came: Came): Asked | undefined => {
  if (came.method !== "POST" || !came.path.endsWith("/responses")) return undefined
  const input = at(came.body, "input")
  const items = typeof input === "string" ? [{ role: "user", content: input }] : list(input)
  const system = items.filter(isSystem).map((item) => contentText(at(item, "content")))
  return {
    model: text(at(came.body, "model")),
    system: [text(at(came.body, "instructions")), ...system].filter((part) => part !== "").join("\n"),
    messages: saidOf(items),
    tools: list(at(came.body, "tools")).map((tool) => text(at(tool, "name"))),
    toolChoice:
      at(came.body, "tool_choice", "type") === "function" ? text(at(came.body, "tool_choice", "name")) : undefined,
    maxTokens: number(at(came.body, "max_output_tokens")),
    headers: came.headers,
    body: came.body,
    at: came.at
  }
}

const thinks = (model: string): boolean => /^(o\d|codex|gpt-[56])/u.test(model) && !model.includes("-chat")
const known: ReadonlySet<string> = new Set([
  "model",
  "input",
  "instructions",
  "stream",
  "store",
  "include",
  "tools",
  "tool_choice",
  "max_output_tokens",
  "reasoning"
])

const check = (asked: Asked): Plain | undefined => {
  const strange = Object.keys(Object(asked.body)).find((name) => !known.has(name))
  if (strange !== undefined) return invalid(`Unknown parameter: '${strange}'.`, strange, "unknown_parameter")
  if (!openaiModels.some((model) => model.id === asked.model)) return noModel(asked.model)
  if (asked.model.includes("search-preview"))
    return invalid("This model is only supported in v1/chat/completions and not in v1/responses.", "model", null, 404)
  if (asked.maxTokens !== undefined && asked.maxTokens < 16)
    return invalid(
      `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got ${asked.maxTokens} instead.`,
      "max_output_tokens",
      "integer_below_min_value"
    )
  const include = list(at(asked.body, "include"))
  if (include.includes("reasoning.encrypted_content") && !thinks(asked.model))
    return invalid("Encrypted content is not supported with this model.", "include")
  for (const [index, tool] of list(at(asked.body, "tools")).entries()) {
    // what is left out counts as true, and then every property must be required
    if (at(tool, "strict") !== false && at(tool, "parameters", "additionalProperties") !== false)
      return invalid(
        `Invalid schema for function '${text(at(tool, "name"))}': In context=(), 'additionalProperties' is required to be supplied and to be false.`,
        `tools[${index}].parameters`,
        "invalid_function_parameters"
      )
  }
  return checkItems(asked, list(at(asked.body, "input")))
}

const checkItems = (asked: Asked, items: ReadonlyArray<unknown>): Plain | undefined => {
  const calls = new Set<string>()
  const answered = new Set(
    items.map((item) => (typeOf(item) === "function_call_output" ? at(item, "call_id") : undefined))
  )
  for (const [index, item] of items.entries()) {
    const callId = text(at(item, "call_id"))
    switch (typeOf(item)) {
      case "reasoning": {
        const refused = checkThought(asked, item, items[index + 1])
        if (refused !== undefined) return refused
        break
      }
      case "function_call":
        if (callId.length > 64)
          return invalid(
            `Invalid 'input[${index}].call_id': string too long. Expected a string with maximum length 64, but got a string with length ${callId.length} instead.`,
            `input[${index}].call_id`,
            "string_above_max_length"
          )
        if (!answered.has(callId)) return invalid(`No tool output found for function call ${callId}.`, "input")
        calls.add(callId)
        break
      case "function_call_output":
        if (!calls.has(callId))
          return invalid(`No tool call found for function call output with call_id ${callId}.`, "input")
    }
  }
  return undefined
}

const checkThought = (asked: Asked, item: unknown, next: unknown): Plain | undefined => {
  const id = text(at(item, "id"))
  const content = at(item, "encrypted_content")
  if (!thinks(asked.model))
    return invalid(
      "Reasoning input items can only be provided to a reasoning or computer use model. Remove reasoning items from your input and try again.",
      "input"
    )
  if (content === undefined || content === null)
    return invalid(
      `Item with id '${id}' not found. Items are not persisted when \`store\` is set to false. Try again with \`store\` set to true, or remove this item from your input.`,
      "input",
      null,
      404
    )
  const thought = thoughtIn(text(content))
  if (thought === undefined || sealed(thought) !== content)
    return invalid(
      `The encrypted content for item ${id} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`,
      "input",
      "invalid_encrypted_content"
    )
  const follows =
    typeOf(next) === "message" ? at(next, "role") === "assistant" : typeOf(next) !== "function_call_output"
  return next !== undefined && follows
    ? undefined
    : invalid(`Item '${id}' of type 'reasoning' was provided without its required following item.`, "input")
}
