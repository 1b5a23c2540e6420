/**
 * OpenAI's Responses API, on the official openai SDK: its reasoning models think and call tools only here.
 *
 * Owns: the request, its events in our pieces. Does not own: items (`responses-items.ts`), which requests come here (`openai.ts`),
 * retries, stalls, sentences.
 * Invariants: nothing is stored at OpenAI; a reply is whole only with a terminal event; calls are told only of a response that was
 * completed, because one that was cut off must not be carried out; output counts thoughts.
 */
import type OpenAI from "openai"
import { Option, Schema } from "effect"
import { limitsOf } from "@signalbox/core/model/limits.ts"
import type { StopReason, Usage } from "@signalbox/core/model/message.ts"
import { modelOf } from "@signalbox/core/model/ref.ts"
import { type Adapter, BrokenOff, type Piece, ToldFailure } from "./adapter.ts"
import { type Amendment, forcedTool, messagesOf, systemOf, toolsOf } from "./amend.ts"
import { argsOf } from "./json.ts"
import type { ModelRequest } from "./Models.ts"
import { clientOf, maybe, Told } from "./openai-sdk.ts"
import { BETWEEN, type Heard, inputOf, nativeFrom } from "./responses-items.ts"
import { tidy } from "./tidy.ts"

const Counted = Schema.Struct({
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  input_tokens_details: maybe(
    Schema.Struct({ cached_tokens: maybe(Schema.Int), cache_write_tokens: maybe(Schema.Int) })
  ),
  output_tokens_details: maybe(Schema.Struct({ reasoning_tokens: maybe(Schema.Int) }))
})
const delta = { output_index: Schema.Int, delta: Schema.String }
const Event = Schema.Union([
  Schema.Struct({
    type: Schema.Literals(["response.output_item.added", "response.output_item.done"]),
    output_index: Schema.Int,
    item: Schema.Unknown
  }),
  Schema.Struct({ type: Schema.Literals(["response.output_text.delta", "response.refusal.delta"]), ...delta }),
  Schema.Struct({ type: Schema.Literal("response.function_call_arguments.delta"), ...delta }),
  Schema.Struct({
    type: Schema.Literals(["response.reasoning_summary_text.delta", "response.reasoning_text.delta"])
  }),
  Schema.Struct({
    type: Schema.Literals(["response.completed", "response.incomplete", "response.failed"]),
    response: Schema.Struct({
      error: maybe(Told),
      incomplete_details: maybe(Schema.Struct({ reason: maybe(Schema.String) })),
      /** Not worth losing an answer for. */
      usage: Schema.optionalKey(Schema.Unknown)
    })
  })
])
const Item = Schema.Union([
  Schema.Struct({ type: Schema.Literal("message"), phase: maybe(Schema.String) }),
  Schema.Struct({ type: Schema.Literal("reasoning") }),
  Schema.Struct({
    type: Schema.Literal("function_call"),
    call_id: Schema.String,
    name: Schema.String,
    arguments: maybe(Schema.String)
  })
])
/** Kinds of events and items that we do not know are passed over: new ones come all the time. */
const decodeEvent = Schema.decodeUnknownOption(Event)
const decodeItem = Schema.decodeUnknownOption(Item)
const decodeCounted = Schema.decodeUnknownOption(Counted)

/** `response.failed`, in the shape in which the SDK throws an error event. */
class ResponseFailed extends Error {
  override readonly name = "ResponseFailed"
  readonly error: typeof Told.Type
  constructor(error: typeof Told.Type) {
    super(error.message ?? "the response failed")
    this.error = error
  }
}

export const responses: Adapter["stream"] = async function* (request, amendments, provider, wire) {
  const client = await clientOf(provider, wire)
  const events = await client.responses.create(bodyOf(request, amendments), { signal: wire.signal })
  yield* piecesOf(events, request.ref)
}

async function* piecesOf(events: AsyncIterable<unknown>, ref: string): AsyncGenerator<Piece> {
  const heard = new Map<number, Heard>()
  let refused = false
  for await (const raw of events) {
    const decoded = decodeEvent(raw)
    if (Option.isNone(decoded)) continue
    const event = decoded.value
    switch (event.type) {
      case "response.output_item.added":
      case "response.output_item.done": {
        const one = hear(event.item, heard.get(event.output_index))
        if (one === undefined) break
        heard.set(event.output_index, one)
        // encrypted thoughts are not told while they are thought
        if (one.kind === "thought")
          yield event.type === "response.output_item.added" ? { _tag: "Pondering" } : { _tag: "Thinking" }
        break
      }
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        yield { _tag: "Thinking" }
        break
      case "response.refusal.delta":
      case "response.output_text.delta": {
        refused ||= event.type === "response.refusal.delta"
        const known = heard.get(event.output_index)
        const message: Heard = known?.kind === "message" ? known : { kind: "message", text: "", phase: undefined }
        heard.set(event.output_index, message)
        if (event.delta === "") break
        if (message.text === "" && [...heard.values()].some((one) => one.kind === "message" && one.text !== ""))
          yield { _tag: "Text", text: BETWEEN }
        message.text += event.delta
        yield { _tag: "Text", text: event.delta }
        break
      }
      case "response.function_call_arguments.delta": {
        const call = heard.get(event.output_index)
        if (call?.kind === "call") call.json += event.delta
        break
      }
      default: {
        const counted = decodeCounted(event.response.usage)
        const usage = Option.isSome(counted) ? usageOf(counted.value) : null
        if (usage !== null) yield { _tag: "Usage", usage }
        if (event.type === "response.failed") throw failureOf(event.response.error)
        const items = [...heard].toSorted(([a], [b]) => a - b).map(([, one]) => one)
        const calls = event.type === "response.completed" ? items.filter((one) => one.kind === "call") : []
        for (const { callId, name, json } of calls) yield { _tag: "ToolCall", callId, name, args: argsOf(json) }
        const stop =
          event.type === "response.incomplete"
            ? cutBy(event.response.incomplete_details?.reason)
            : refused
              ? "safety"
              : calls.length > 0
                ? "tools"
                : "end"
        const native = nativeFrom(
          ref,
          items.filter((one) => one.kind !== "call" || calls.includes(one))
        )
        yield { _tag: "Finished", stop, usage, ...(native === undefined ? {} : { native }) }
        return
      }
    }
  }
  throw new BrokenOff()
}

/** What was heard of an item before is kept where the item does not tell it; an item that is done tells all of it. */
const hear = (raw: unknown, before: Heard | undefined): Heard | undefined => {
  const decoded = decodeItem(raw)
  if (Option.isNone(decoded)) return undefined
  const item = decoded.value
  switch (item.type) {
    case "message":
      return {
        kind: "message",
        text: before?.kind === "message" ? before.text : "",
        phase: item.phase ?? (before?.kind === "message" ? before.phase : undefined)
      }
    case "reasoning":
      return { kind: "thought", item: raw }
    case "function_call": {
      const json = before?.kind === "call" ? before.json : ""
      return { kind: "call", callId: item.call_id, name: item.name, json: item.arguments || json }
    }
  }
}

const failureOf = (error: typeof Told.Type | null | undefined): Error =>
  error == null ? new ToldFailure("the response failed and OpenAI does not say why") : new ResponseFailed(error)

const cutBy = (reason: string | null | undefined): StopReason =>
  reason === "max_output_tokens" ? "length" : reason === "content_filter" ? "safety" : "other"

const usageOf = (counted: typeof Counted.Type): Usage => {
  const cached = counted.input_tokens_details?.cached_tokens ?? 0
  const written = counted.input_tokens_details?.cache_write_tokens ?? 0
  const reasoning = counted.output_tokens_details?.reasoning_tokens ?? 0
  return {
    inputTokens: counted.input_tokens,
    outputTokens: counted.output_tokens,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(written > 0 ? { cacheWriteTokens: written } : {}),
    ...(reasoning > 0 ? { reasoningTokens: reasoning } : {})
  }
}

/** Fewer are refused. */
const FEWEST = 16
/** Models that think, by their names; others refuse to be asked for thoughts (and one that is guessed wrongly tells, `amend.ts`). */
const thinks = (model: string): boolean => /^(o\d|codex|gpt-([5-9]|\d\d))/u.test(model) && !model.includes("-chat")

const bodyOf = (
  request: ModelRequest,
  amendments: ReadonlySet<Amendment>
): OpenAI.Responses.ResponseCreateParamsStreaming => {
  const model = modelOf(request.ref)
  const system = systemOf(request, amendments)
  const tool = forcedTool(request, amendments)
  const tools = toolsOf(request, amendments)
  const native = !amendments.has("no-native")
  const most = Math.min(request.maxOutputTokens ?? Infinity, limitsOf(request.ref)?.maxOutput ?? Infinity)
  return {
    model,
    stream: true,
    store: false,
    ...(native && thinks(model) ? { include: ["reasoning.encrypted_content" as const] } : {}),
    ...(system === undefined ? {} : { instructions: system }),
    input: inputOf(tidy(messagesOf(request, amendments)), request.ref, native),
    ...(request.maxOutputTokens === undefined ? {} : { max_output_tokens: Math.max(FEWEST, most) }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, schema }) => ({
            type: "function" as const,
            name,
            description,
            parameters: { type: "object", ...schema },
            // the default would demand schemas of a narrower kind
            strict: false
          }))
        }),
    ...(tool === undefined ? {} : { tool_choice: { type: "function" as const, name: tool } })
  }
}
