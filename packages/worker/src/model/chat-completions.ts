/**
 * Chat Completions, on the official openai SDK: Ollama's /v1, vLLM, OpenRouter and every other server that speaks so.
 *
 * Not OpenAI's own service: its reasoning models take tools here only with reasoning off (`amend.ts`), and thoughts cannot be handed
 * back; it is spoken to in `responses.ts`.
 *
 * Owns: our messages in its words, its chunks in ours. Does not own: retries, stalls, sentences, lists.
 * Invariants: a reply is whole only with a finish_reason; usage is asked for, and may still not come from some servers.
 */
import type OpenAI from "openai"
import { Option, Schema } from "effect"
import type { StopReason, Usage } from "@signalbox/core/model/message.ts"
import { modelOf } from "@signalbox/core/model/ref.ts"
import { type Adapter, BrokenOff, type Piece, type Provider, ToldFailure } from "./adapter.ts"
import { type Amendment, forcedTool, messagesOf, systemOf, toolsOf } from "./amend.ts"
import { argsOf } from "./json.ts"
import type { ModelRequest } from "./Models.ts"
import { clientOf, maybe } from "./openai-sdk.ts"
import { tidy, type Turn, wireId } from "./tidy.ts"

const Counted = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  prompt_tokens_details: maybe(
    Schema.Struct({ cached_tokens: maybe(Schema.Int), cache_write_tokens: maybe(Schema.Int) })
  ),
  completion_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Schema.Int) }))
})
const Chunk = Schema.Struct({
  choices: maybe(
    Schema.Array(
      Schema.Struct({
        delta: maybe(
          Schema.Struct({
            content: maybe(Schema.String),
            refusal: maybe(Schema.String),
            /** Thoughts: vLLM and Ollama say `reasoning`, older servers `reasoning_content`. */
            reasoning: maybe(Schema.String),
            reasoning_content: maybe(Schema.String),
            tool_calls: maybe(
              Schema.Array(
                Schema.Struct({
                  index: maybe(Schema.Int),
                  id: maybe(Schema.String),
                  function: maybe(Schema.Struct({ name: maybe(Schema.String), arguments: maybe(Schema.String) }))
                })
              )
            )
          })
        ),
        finish_reason: maybe(Schema.String)
      })
    )
  ),
  usage: maybe(Counted)
})
const decodeChunk = Schema.decodeUnknownOption(Chunk)

export const chatCompletions: Adapter["stream"] = async function* (request, amendments, provider, wire) {
  const client = await clientOf(provider, wire)
  const chunks = await client.chat.completions.create(bodyOf(request, amendments, provider), { signal: wire.signal })
  yield* piecesOf(chunks)
}

async function* piecesOf(chunks: AsyncIterable<unknown>): AsyncGenerator<Piece> {
  const calls: Array<{ id: string; name: string; json: string }> = []
  let usage: Usage | null = null
  let finish: string | undefined
  let refused = false
  for await (const raw of chunks) {
    const decoded = decodeChunk(raw)
    if (Option.isNone(decoded)) continue
    const choice = decoded.value.choices?.[0]
    if (decoded.value.usage != null) {
      usage = usageOf(decoded.value.usage)
      yield { _tag: "Usage", usage }
    }
    const delta = choice?.delta
    if (delta?.reasoning || delta?.reasoning_content) yield { _tag: "Thinking" }
    if (delta?.content) yield { _tag: "Text", text: delta.content }
    if (delta?.refusal) {
      refused = true
      yield { _tag: "Text", text: delta.refusal }
    }
    for (const part of delta?.tool_calls ?? []) {
      // some servers leave the index out and send each call whole
      const at = part.index ?? (part.id != null ? calls.length : Math.max(0, calls.length - 1))
      const call = (calls[at] ??= { id: "", name: "", json: "" })
      call.id ||= part.id ?? ""
      call.name ||= part.function?.name ?? ""
      call.json += part.function?.arguments ?? ""
    }
    finish = choice?.finish_reason ?? finish
  }
  if (finish === undefined) throw new BrokenOff()
  if (finish === "error") throw new ToldFailure("the model behind it failed")
  const made = calls.filter((call) => call?.name !== undefined && call.name !== "")
  // a call that was cut off must not be carried out
  if (finish !== "length")
    for (const call of made)
      yield {
        _tag: "ToolCall",
        callId: call.id === "" ? `call_${crypto.randomUUID()}` : call.id,
        name: call.name,
        args: argsOf(call.json)
      }
  yield { _tag: "Finished", stop: refused ? "safety" : stopOf(finish, made.length > 0), usage }
}

const stopOf = (finish: string, called: boolean): StopReason => {
  switch (finish) {
    case "stop":
    case "tool_calls":
    case "function_call":
      return called ? "tools" : "end"
    case "length":
      return "length"
    case "content_filter":
      return "safety"
    default:
      return called ? "tools" : "other"
  }
}

const usageOf = (counted: typeof Counted.Type): Usage => {
  const cached = counted.prompt_tokens_details?.cached_tokens ?? 0
  const written = counted.prompt_tokens_details?.cache_write_tokens ?? 0
  const reasoning = counted.completion_tokens_details?.reasoning_tokens ?? 0
  return {
    inputTokens: counted.prompt_tokens,
    outputTokens: counted.completion_tokens,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(written > 0 ? { cacheWriteTokens: written } : {}),
    ...(reasoning > 0 ? { reasoningTokens: reasoning } : {})
  }
}

const bodyOf = (
  request: ModelRequest,
  amendments: ReadonlySet<Amendment>,
  provider: Provider
): OpenAI.ChatCompletionCreateParamsStreaming => {
  const system = systemOf(request, amendments)
  const tool = forcedTool(request, amendments)
  const tools = toolsOf(request, amendments)
  const most = request.maxOutputTokens
  const newNames = provider.provider === "openai" && !amendments.has("old-names")
  return {
    model: modelOf(request.ref),
    stream: true,
    ...(amendments.has("old-names") ? {} : { stream_options: { include_usage: true } }),
    messages: [
      ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
      ...tidy(messagesOf(request, amendments)).flatMap(wireMessages)
    ],
    ...(most === undefined ? {} : newNames ? { max_completion_tokens: most } : { max_tokens: most }),
    ...(amendments.has("no-reasoning") && tools.length > 0 ? { reasoning_effort: "none" as const } : {}),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, schema }) => ({
            type: "function" as const,
            function: { name, description, parameters: { type: "object", ...schema } }
          }))
        }),
    ...(tool === undefined ? {} : { tool_choice: { type: "function" as const, function: { name: tool } } })
  }
}

const wireMessages = (turn: Turn): ReadonlyArray<OpenAI.ChatCompletionMessageParam> => {
  switch (turn.role) {
    case "user":
      return [{ role: "user", content: turn.texts.join("\n\n") }]
    case "tool":
      return turn.results.map((result) => ({
        role: "tool",
        tool_call_id: wireId(result.callId),
        content: result.isError ? `Error: ${result.text}` : result.text
      }))
    case "assistant": {
      const { text, calls } = turn.message
      return [
        {
          role: "assistant",
          content: text === "" ? null : text,
          ...(calls.length === 0
            ? {}
            : {
                tool_calls: calls.map((call) => ({
                  id: wireId(call.callId),
                  type: "function" as const,
                  function: { name: call.name, arguments: JSON.stringify(call.args) }
                }))
              })
        }
      ]
    }
  }
}
