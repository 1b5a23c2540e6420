/**
 * What some models refuse of an otherwise good request, and how to ask them without it.
 *
 * Owns: recognizing such refusals. Does not own: leaving it out (adapters), remembering which model wants what (`ModelsLive.ts`).
 * Invariant: an amendment follows from a refusal (400), which costs nothing, and never from a failure in the middle.
 */
import type { ModelMessage, ModelTool } from "@signalbox/core/model/message.ts"
import { providerOf } from "@signalbox/core/model/ref.ts"
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
  /** The server at OpenAI's address is another one, which has no Responses API: it is asked by Chat Completions. */
  | "no-responses"
  /** Some models of OpenAI (search) answer on Chat Completions alone. */
  | "chat-only"

/** Whether a request takes OpenAI's Responses API. */
export const byResponses = (ref: string, amendments: ReadonlySet<Amendment>): boolean =>
  providerOf(ref) === "openai" && !amendments.has("no-responses") && !amendments.has("chat-only")

/** What was refused once would be refused again: to the same model, or to everybody by the same server. */
export const learnedOf = (amendment: Amendment, ref: string, url: string): string =>
  amendment === "no-responses" ? url : ref

/** What to try, in the words of the refusal; undefined: nothing would help. */
export const amendmentFor = (
  trouble: Trouble,
  request: ModelRequest,
  tried: ReadonlySet<Amendment>
): Amendment | undefined => {
  if (trouble.status === undefined) return undefined
  const said = `${trouble.codes.join(" ")} ${trouble.message}`.toLowerCase()
  const responses = byResponses(request.ref, tried)
  if (responses && lacksPath(trouble, said)) return "no-responses"
  // 404: no server of OpenRouter has that model with tools
  if (![400, 404, 422].includes(trouble.status)) return undefined
  const optional = request.tools !== undefined && request.toolChoice === undefined
  const candidates: ReadonlyArray<readonly [Amendment, boolean]> = [
    ["no-reasoning", request.tools !== undefined && said.includes("reasoning_effort")],
    ["tool-by-words", request.toolChoice !== undefined && /tool[_ ]?choice|forced tool|allowed_?function/u.test(said)],
    ["no-tools", optional && (noTools.test(said) || (tried.has("no-reasoning") && said.includes("reasoning_effort")))],
    ["chat-only", responses && said.includes("v1/chat/completions")],
    ["no-native", (hasNative(request) && itsThoughts.test(said)) || noThoughts.test(said)],
    ["old-names", /max_completion_tokens|stream_options/u.test(said)]
  ]
  return candidates.find(([amendment, fits]) => fits && !tried.has(amendment))?.[0]
}

/** As Ollama, vLLM, OpenRouter and others say it. */
const noTools =
  /not support (tools|tool use|function)|support tool use|enable-auto-tool-choice|tools? (is|are) not supported/u

/** As Anthropic, Gemini and OpenAI refuse what was handed back, and as they refuse to be asked for it. */
const itsThoughts = /thought|signature|'reasoning'|reasoning (input )?items?\b|\bitem with id\b/u
const noThoughts = /thinking|encrypted[ _]content/u

/** There is no such path: an answer without a status of its own does not say so, nor one that speaks of a model or an item. */
const lacksPath = ({ status, midstream }: Trouble, said: string): boolean =>
  midstream !== true &&
  (status === 405 || status === 501 || (status === 404 && !/\bmodel(?!s\b)|\bitem with id\b/u.test(said)))

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
