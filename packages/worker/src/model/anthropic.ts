/**
 * Anthropic's Messages API, on its official SDK.
 *
 * Owns: our messages in its words, its events in ours, its prompt cache. Does not own: retries, stalls, sentences.
 * Invariants: a reply is whole only after message_stop; input counts what was read from and written to the cache; thoughts are
 * sent back only within the turn that they belong to, and only to the model that had them.
 */
import type Anthropic from "@anthropic-ai/sdk"
import { Option, Redacted, Schema } from "effect"
import { limitsOf } from "@signalbox/core/model/limits.ts"
import type { Usage } from "@signalbox/core/model/message.ts"
import { modelOf, refOf } from "@signalbox/core/model/ref.ts"
import { type Adapter, BrokenOff, type Piece, type Provider, type Trouble, type Wire } from "./adapter.ts"
import { type Amendment, forcedTool, messagesOf, systemOf, toolsOf } from "./amend.ts"
import { isChatModel } from "./chat-models.ts"
import { argsOf, asObject } from "./json.ts"
import type { ModelRequest } from "./Models.ts"
import { nativeOf, tidy, type Turn, wireId } from "./tidy.ts"

const Tokens = Schema.optionalKey(Schema.NullOr(Schema.Int))
const Counted = Schema.Struct({
  input_tokens: Tokens,
  output_tokens: Tokens,
  cache_read_input_tokens: Tokens,
  cache_creation_input_tokens: Tokens,
  output_tokens_details: Schema.optionalKey(Schema.NullOr(Schema.Struct({ thinking_tokens: Tokens })))
})
const Event = Schema.Union([
  Schema.Struct({ type: Schema.Literal("message_start"), message: Schema.Struct({ usage: Counted }) }),
  Schema.Struct({
    type: Schema.Literal("content_block_start"),
    index: Schema.Int,
    content_block: Schema.Union([
      Schema.Struct({ type: Schema.Literal("tool_use"), id: Schema.String, name: Schema.String }),
      Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String }),
      Schema.Struct({ type: Schema.String, text: Schema.optionalKey(Schema.String) })
    ])
  }),
  Schema.Struct({
    type: Schema.Literal("content_block_delta"),
    index: Schema.Int,
    delta: Schema.Union([
      Schema.Struct({ type: Schema.Literal("text_delta"), text: Schema.String }),
      Schema.Struct({ type: Schema.Literal("input_json_delta"), partial_json: Schema.String }),
      Schema.Struct({ type: Schema.Literal("thinking_delta"), thinking: Schema.String }),
      Schema.Struct({ type: Schema.Literal("signature_delta"), signature: Schema.String }),
      Schema.Struct({ type: Schema.String })
    ])
  }),
  Schema.Struct({ type: Schema.Literal("content_block_stop"), index: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("message_delta"),
    delta: Schema.Struct({ stop_reason: Schema.optionalKey(Schema.NullOr(Schema.String)) }),
    usage: Schema.optionalKey(Counted)
  }),
  Schema.Struct({ type: Schema.Literal("message_stop") })
])
/** Kinds of events that we do not know are passed over, as the API's versioning asks of clients. */
const decodeEvent = Schema.decodeUnknownOption(Event)

const Thought = Schema.Union([
  Schema.Struct({ type: Schema.Literal("thinking"), thinking: Schema.String, signature: Schema.String }),
  Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String })
])
type Thought = typeof Thought.Type
const decodeThoughts = Schema.decodeUnknownOption(Schema.Struct({ thoughts: Schema.Array(Thought) }))

const clientOf = async (provider: Provider, wire: Wire): Promise<Anthropic> => {
  const { default: Client } = await import("@anthropic-ai/sdk")
  return new Client({
    apiKey: provider.key === undefined ? null : Redacted.value(provider.key),
    authToken: null, // not from the environment behind our back
    baseURL: provider.url,
    fetch: wire.fetch,
    maxRetries: 0,
    logLevel: "off"
  })
}

export const anthropic: Adapter = {
  stream: async function* (request, amendments, provider, wire) {
    const client = await clientOf(provider, wire)
    const events = await client.messages.create(bodyOf(request, amendments), { signal: wire.signal })
    yield* piecesOf(events, request)
  },
  list: async (provider, wire) => {
    const client = await clientOf(provider, wire)
    const models = []
    for await (const model of client.models.list({ limit: 100 }, { signal: wire.signal })) {
      if (!isChatModel("anthropic", { id: model.id }) || model.lifecycle === "retired") continue
      const known = limitsOf(refOf("anthropic", model.id))
      models.push({
        ref: refOf(provider.provider, model.id),
        title: model.display_name || model.id,
        window: model.max_input_tokens ?? known?.window ?? null,
        maxOutput: model.max_tokens ?? known?.maxOutput ?? null
      })
    }
    return models
  },
  explain: (error) => explainError(error)
}

async function* piecesOf(events: AsyncIterable<unknown>, request: ModelRequest): AsyncGenerator<Piece> {
  const thoughts: Array<Thought> = []
  const open = new Map<number, { readonly id: string; readonly name: string; json: string }>()
  const thinking = new Map<number, { thinking: string; signature: string }>()
  let usage: Usage | null = null
  let stop: string | null | undefined
  let called = false
  for await (const raw of events) {
    const decoded = decodeEvent(raw)
    if (Option.isNone(decoded)) continue
    const event = decoded.value
    switch (event.type) {
      case "message_start":
        usage = usageOf(event.message.usage, usage)
        if (usage !== null) yield { _tag: "Usage", usage }
        break
      case "content_block_start": {
        const block = event.content_block
        if (block.type === "tool_use" && "id" in block)
          open.set(event.index, { id: block.id, name: block.name, json: "" })
        else if (block.type === "redacted_thinking" && "data" in block) {
          thoughts.push({ type: "redacted_thinking", data: block.data })
          yield { _tag: "Thinking" }
        } else if (block.type === "thinking") {
          thinking.set(event.index, { thinking: "", signature: "" })
          yield { _tag: "Thinking" }
        } else if (block.type === "text" && "text" in block && block.text !== undefined && block.text !== "")
          yield { _tag: "Text", text: block.text }
        break
      }
      case "content_block_delta": {
        const { delta } = event
        if ("text" in delta) {
          if (delta.text !== "") yield { _tag: "Text", text: delta.text }
        } else if ("partial_json" in delta) {
          const call = open.get(event.index)
          if (call !== undefined) call.json += delta.partial_json
        } else if ("thinking" in delta || "signature" in delta) {
          const thought = thinking.get(event.index)
          if (thought !== undefined && "thinking" in delta) thought.thinking += delta.thinking
          if (thought !== undefined && "signature" in delta) thought.signature += delta.signature
          yield { _tag: "Thinking" }
        }
        break
      }
      case "content_block_stop": {
        const thought = thinking.get(event.index)
        if (thought !== undefined && thought.signature !== "") thoughts.push({ type: "thinking", ...thought })
        const call = open.get(event.index)
        open.delete(event.index)
        if (call === undefined) break
        called = true
        yield { _tag: "ToolCall", callId: call.id, name: call.name, args: argsOf(call.json) }
        break
      }
      case "message_delta":
        stop = event.delta.stop_reason ?? stop
        if (event.usage !== undefined) usage = usageOf(event.usage, usage)
        if (usage !== null) yield { _tag: "Usage", usage }
        break
      case "message_stop": {
        const native = {
          provider: request.ref.slice(0, request.ref.indexOf("/")),
          data: { model: modelOf(request.ref), thoughts: thoughts.map((thought) => ({ ...thought })) }
        }
        yield {
          _tag: "Finished",
          stop: stopOf(stop, called),
          usage,
          ...(thoughts.length === 0 ? {} : { native })
        }
        return
      }
    }
  }
  throw new BrokenOff()
}

const stopOf = (stop: string | null | undefined, called: boolean) => {
  switch (stop) {
    case "end_turn":
    case "stop_sequence":
      return called ? "tools" : "end"
    case "tool_use":
      return "tools"
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length"
    case "refusal":
      return "safety"
    default:
      return "other"
  }
}

/** Counts are cumulative: what a later event tells takes the place of what an earlier one told. */
const usageOf = (counted: typeof Counted.Type, before: Usage | null): Usage | null => {
  if (counted.input_tokens == null && counted.output_tokens == null) return before
  const cached = counted.cache_read_input_tokens ?? before?.cachedInputTokens ?? 0
  const written = counted.cache_creation_input_tokens ?? before?.cacheWriteTokens ?? 0
  const reasoning = counted.output_tokens_details?.thinking_tokens ?? before?.reasoningTokens
  const inputTokens =
    counted.input_tokens == null ? (before?.inputTokens ?? 0) : counted.input_tokens + cached + written
  return {
    inputTokens,
    outputTokens: counted.output_tokens ?? before?.outputTokens ?? 0,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(written > 0 ? { cacheWriteTokens: written } : {}),
    ...(reasoning == null ? {} : { reasoningTokens: reasoning })
  }
}

/** Thoughts count against it too. */
const LONGEST_ANSWER = 64_000
const UNKNOWN_MODEL = 8_192
/** Everything up to the mark is read from the cache by the next request that begins the same way. */
const cached = { cache_control: { type: "ephemeral" as const } }

const bodyOf = (request: ModelRequest, amendments: ReadonlySet<Amendment>): Anthropic.MessageCreateParamsStreaming => {
  const most = limitsOf(refOf("anthropic", modelOf(request.ref)))?.maxOutput ?? UNKNOWN_MODEL
  const system = systemOf(request, amendments)
  const tool = forcedTool(request, amendments)
  const turns = tidy(messagesOf(request, amendments))
  const tools = toolsOf(request, amendments)
  const messages = wireMessages(turns, request.ref, !amendments.has("no-native"))
  return {
    model: modelOf(request.ref),
    max_tokens: Math.min(request.maxOutputTokens ?? LONGEST_ANSWER, LONGEST_ANSWER, most),
    stream: true,
    messages,
    ...(system === undefined ? {} : { system: [{ type: "text", text: system, ...cached }] }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((offered) => ({
            name: offered.name,
            description: offered.description,
            input_schema: { type: "object", ...offered.schema }
          }))
        }),
    ...(tool === undefined ? {} : { tool_choice: { type: "tool", name: tool } })
  }
}

const wireMessages = (turns: ReadonlyArray<Turn>, ref: string, native: boolean): Array<Anthropic.MessageParam> => {
  const lastWord = turns.findLastIndex((turn) => turn.role === "user")
  const messages: Array<{ role: "user" | "assistant"; content: Array<Anthropic.ContentBlockParam> }> = []
  for (const [index, turn] of turns.entries()) {
    const role = turn.role === "assistant" ? "assistant" : "user"
    const content = blocksOf(turn, ref, native && index > lastWord)
    const last = messages.at(-1)
    if (last?.role === role) last.content.push(...content)
    else messages.push({ role, content: [...content] })
  }
  const end = messages.at(-1)?.content
  const block = end?.at(-1)
  if (end !== undefined && (block?.type === "text" || block?.type === "tool_result"))
    end[end.length - 1] = { ...block, ...cached }
  return messages
}

const blocksOf = (turn: Turn, ref: string, native: boolean): ReadonlyArray<Anthropic.ContentBlockParam> => {
  switch (turn.role) {
    case "user":
      return turn.texts.map((text) => ({ type: "text", text }))
    case "tool":
      return turn.results.map((result) => ({
        type: "tool_result",
        tool_use_id: wireId(result.callId),
        ...(result.text.trim() === "" ? {} : { content: [{ type: "text", text: result.text }] }),
        ...(result.isError ? { is_error: true } : {})
      }))
    case "assistant": {
      const { message } = turn
      const thoughts = native ? decodeThoughts(nativeOf(message, ref)) : Option.none()
      return [
        ...(Option.isSome(thoughts) ? thoughts.value.thoughts : []),
        ...(message.text === "" ? [] : [{ type: "text" as const, text: message.text }]),
        ...message.calls.map((call) => ({
          type: "tool_use" as const,
          id: wireId(call.callId),
          name: call.name,
          input: asObject(call.args)
        }))
      ]
    }
  }
}

const Body = Schema.Struct({
  error: Schema.Struct({
    type: Schema.optionalKey(Schema.NullOr(Schema.String)),
    message: Schema.optionalKey(Schema.NullOr(Schema.String))
  })
})
const decodeError = Schema.decodeUnknownOption(
  Schema.Struct({
    status: Schema.optionalKey(Schema.UndefinedOr(Schema.Int)),
    error: Schema.optionalKey(Schema.Unknown)
  })
)
const decodeBody = Schema.decodeUnknownOption(Body)

/** What an error event in the middle of a stream would have been as an answer. */
const statusOfType: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529]
])

const explainError = (error: unknown): Trouble | undefined => {
  const read = decodeError(error)
  if (!(error instanceof Error) || Option.isNone(read)) return undefined
  const body = decodeBody(read.value.error)
  const type = Option.isSome(body) ? body.value.error.type : undefined
  const status = read.value.status ?? (type == null ? undefined : statusOfType.get(type))
  if (status === undefined) return undefined
  return {
    status,
    codes: type == null ? [] : [type],
    message: (Option.isSome(body) ? body.value.error.message : undefined) ?? error.message
  }
}
