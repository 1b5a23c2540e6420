/**
 * What some models refuse of an otherwise good request, and how to ask them without it.
 *
 * Owns: recognizing such refusals. Does not own: leaving it out (adapters), remembering which model wants what (`ModelsLive.ts`).
 * Invariant: an amendment follows from a refusal (400), which costs nothing, and never from a failure in the middle.
 */
import type { ModelMessage, ModelTool } from "@signalbox/core/model/message.ts"
import type { Trouble } from "./adapter.ts"
import type { ModelRequest } from "./Models.ts"

export type Amendment =
  /** Newer Claude models and some local servers cannot be made to call a tool: they are told to, in words. */
  | "tool-by-words"
  /** OpenAI's reasoning models take tools in Chat Completions only with their reasoning turned off. */
  | "no-reasoning"
  /** Many local models have no tools, and OpenAI's newest none in Chat Completions: they talk without. */
  | "no-tools"
  /** Signed thoughts belong to one model and one course of the conversation, and some models have none: asked again without. */
  | "no-native"
  /** Old servers know only `max_tokens`, or not even `stream_options`. */
  | "old-names"

/** What to try, in the words of the refusal; undefined: nothing would help. */
export const amendmentFor = (
  trouble: Trouble,
  request: ModelRequest,
  tried: ReadonlySet<Amendment>
): Amendment | undefined => {
  // 404: no server of OpenRouter has that model with tools
  if (trouble.status === undefined || ![400, 404, 422].includes(trouble.status)) return undefined
  const said = `${trouble.codes.join(" ")} ${trouble.message}`.toLowerCase()
  const optional = request.tools !== undefined && request.toolChoice === undefined
  const candidates: ReadonlyArray<readonly [Amendment, boolean]> = [
    ["no-reasoning", request.tools !== undefined && said.includes("reasoning_effort")],
    ["tool-by-words", request.toolChoice !== undefined && /tool[_ ]?choice|forced tool|allowed_?function/u.test(said)],
    ["no-tools", optional && (noTools.test(said) || (tried.has("no-reasoning") && said.includes("reasoning_effort")))],
    ["no-native", (hasNative(request) && /thought|signature/u.test(said)) || said.includes("thinking")],
    ["old-names", /max_completion_tokens|stream_options/u.test(said)]
  ]
  return candidates.find(([amendment, fits]) => fits && !tried.has(amendment))?.[0]
}

/** As Ollama, vLLM, OpenRouter and others say it. */
const noTools =
  /not support (tools|tool use|function)|support tool use|enable-auto-tool-choice|tools? (is|are) not supported/u

const hasNative = (request: ModelRequest): boolean =>
  request.messages.some((message) => message.role === "assistant" && message.native !== undefined)

export const toolsOf = (request: ModelRequest, amendments: ReadonlySet<Amendment>): ReadonlyArray<ModelTool> =>
  amendments.has("no-tools") ? [] : (request.tools ?? [])

/** Without tools, calls and results of before are told as what was said. */
export const messagesOf = (request: ModelRequest, amendments: ReadonlySet<Amendment>): ReadonlyArray<ModelMessage> =>
  amendments.has("no-tools") ? request.messages.map(told) : request.messages

const told = (message: ModelMessage): ModelMessage => {
  if (message.role === "tool") return { role: "user", text: `[The tool ${message.name} answered:] ${message.text}` }
  if (message.role === "user") return message
  const calls = message.calls.map((call) => `[I called the tool ${call.name} with ${JSON.stringify(call.args)}.]`)
  return { role: "assistant", text: [message.text, ...calls].filter((text) => text !== "").join("\n"), calls: [] }
}

/** Ends the system prompt of a model that cannot be made to call the tool. */
export const inWords = (tool: string): string =>
  `Answer with exactly one call of the tool ${tool} and with nothing else.`

export const systemOf = (request: ModelRequest, amendments: ReadonlySet<Amendment>): string | undefined => {
  const parts = [
    request.system,
    request.toolChoice !== undefined && amendments.has("tool-by-words") ? inWords(request.toolChoice) : undefined
  ].filter((part) => part !== undefined && part.trim() !== "")
  return parts.length === 0 ? undefined : parts.join("\n\n")
}

/** The tool that the request itself makes the model call. */
export const forcedTool = (request: ModelRequest, amendments: ReadonlySet<Amendment>): string | undefined =>
  amendments.has("tool-by-words") ? undefined : request.toolChoice
