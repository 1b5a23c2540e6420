/**
 * What some models refuse of an otherwise good request, and how to ask them without it.
 *
 * Owns: recognizing such refusals. Does not own: leaving it out (adapters), remembering which model wants what (`ModelsLive.ts`).
 * Invariant: an amendment follows from a refusal (400), which costs nothing, and never from a failure in the middle.
 */
import type { Trouble } from "./adapter.ts"
import type { ModelRequest } from "./Models.ts"

export type Amendment =
  /** Newer Claude models and some local servers cannot be made to call a tool: they are told to, in words. */
  | "tool-by-words"
  /** OpenAI's reasoning models take tools in Chat Completions only with their reasoning turned off. */
  | "no-reasoning"
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
  if (trouble.status !== 400 && trouble.status !== 422) return undefined
  const said = `${trouble.codes.join(" ")} ${trouble.message}`.toLowerCase()
  const candidates: ReadonlyArray<readonly [Amendment, boolean]> = [
    ["no-reasoning", request.tools !== undefined && said.includes("reasoning_effort")],
    ["tool-by-words", request.toolChoice !== undefined && /tool[_ ]?choice|forced tool|allowed_?function/u.test(said)],
    ["no-native", (hasNative(request) && /thought|signature/u.test(said)) || said.includes("thinking")],
    ["old-names", /max_completion_tokens|stream_options/u.test(said)]
  ]
  return candidates.find(([amendment, fits]) => fits && !tried.has(amendment))?.[0]
}

const hasNative = (request: ModelRequest): boolean =>
  request.messages.some((message) => message.role === "assistant" && message.native !== undefined)

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
