/**
 * Google's Gemini API, on the official @google/genai SDK.
 *
 * Owns: our messages in its words, its chunks in ours, the signatures of thoughts. Does not own: retries, stalls, sentences.
 * Invariants: a reply is whole only with a finishReason (or a blocked prompt); thoughts count as output; a call goes back with the
 * signature it came with, or with the mark by which Gemini 3 and later let calls of others pass.
 */
import type { Content, GenerateContentParameters, GoogleGenAI, Part } from "@google/genai"
import { Option, Redacted, Schema } from "effect"
import type { ModelInfo, StopReason, Usage } from "@signalbox/core/model/message.ts"
import { modelOf, providerOf, refOf } from "@signalbox/core/model/ref.ts"
import { type Adapter, BrokenOff, type Piece, type Provider, type Trouble, type Wire } from "./adapter.ts"
import { type Amendment, forcedTool, messagesOf, systemOf, toolsOf } from "./amend.ts"
import { isChatModel } from "./chat-models.ts"
import { asObject, toJson } from "./json.ts"
import type { ModelRequest } from "./Models.ts"
import { type Assistant, nativeOf, tidy, type Turn } from "./tidy.ts"

const Count = Schema.optionalKey(Schema.NullOr(Schema.UndefinedOr(Schema.Int)))
const Counted = Schema.Struct({
  promptTokenCount: Count,
  candidatesTokenCount: Count,
  thoughtsTokenCount: Count,
  toolUsePromptTokenCount: Count,
  cachedContentTokenCount: Count
})
const Chunk = Schema.Struct({
  candidates: Schema.optional(
    Schema.Array(
      Schema.Struct({
        content: Schema.optional(
          Schema.Struct({
            parts: Schema.optional(
              Schema.Array(
                Schema.Struct({
                  text: Schema.optional(Schema.String),
                  thought: Schema.optional(Schema.Boolean),
                  thoughtSignature: Schema.optional(Schema.String),
                  functionCall: Schema.optional(
                    Schema.Struct({
                      id: Schema.optional(Schema.String),
                      name: Schema.optional(Schema.String),
                      args: Schema.optional(Schema.Unknown)
                    })
                  )
                })
              )
            )
          })
        ),
        finishReason: Schema.optional(Schema.String)
      })
    )
  ),
  promptFeedback: Schema.optional(Schema.Struct({ blockReason: Schema.optional(Schema.String) })),
  usageMetadata: Schema.optional(Counted)
})
const decodeChunk = Schema.decodeUnknownOption(Chunk)

/** Signatures by call, and that of the text. */
const Signatures = Schema.Struct({
  text: Schema.optionalKey(Schema.String),
  calls: Schema.Record(Schema.String, Schema.String)
})
const decodeSignatures = Schema.decodeUnknownOption(Signatures)
type Signatures = typeof Signatures.Type
const none: Signatures = { calls: {} }

/** What Gemini's documentation gives for calls that another model made. */
const FOREIGN = "skip_thought_signature_validator"

const clientOf = async (provider: Provider, wire: Wire): Promise<GoogleGenAI> => {
  const { GoogleGenAI: Client } = await import("@google/genai")
  return new Client({
    apiKey: provider.key === undefined ? "none" : Redacted.value(provider.key),
    vertexai: false,
    apiVersion: "v1beta",
    httpOptions: { baseUrl: provider.url, fetch: wire.fetch }
  })
}

export const gemini: Adapter = {
  stream: async function* (request, amendments, provider, wire) {
    const client = await clientOf(provider, wire)
    yield* piecesOf(await client.models.generateContentStream(bodyOf(request, amendments, wire)), request)
  },
  list: async (provider, wire) => {
    const client = await clientOf(provider, wire)
    const models: Array<ModelInfo> = []
    for await (const model of await client.models.list({ config: { pageSize: 200, abortSignal: wire.signal } })) {
      const id = model.name?.replace(/^models\//u, "") ?? ""
      if (id === "" || model.supportedActions?.includes("generateContent") === false) continue
      if (!isChatModel("gemini", { id })) continue
      models.push({
        ref: refOf(provider.provider, id),
        title: model.displayName ?? id,
        window: model.inputTokenLimit ?? null,
        maxOutput: model.outputTokenLimit ?? null
      })
    }
    // its own order is that of their births; people who choose none get the first
    return models.toSorted((a, b) => generationOf(b.ref) - generationOf(a.ref))
  },
  explain: (error) => explainError(error)
}

const generationOf = (ref: string): number => Number(/gemini-(\d+(?:\.\d+)?)/u.exec(ref)?.[1] ?? 0)

async function* piecesOf(chunks: AsyncIterable<unknown>, request: ModelRequest): AsyncGenerator<Piece> {
  let usage: Usage | null = null
  let textSignature: string | undefined
  const signatures: { [callId: string]: string } = {}
  let called = false
  let stop: StopReason | undefined
  for await (const raw of chunks) {
    const decoded = decodeChunk(raw)
    if (Option.isNone(decoded)) continue
    const { candidates, promptFeedback, usageMetadata } = decoded.value
    if (usageMetadata !== undefined) {
      usage = usageOf(usageMetadata)
      yield { _tag: "Usage", usage }
    }
    const candidate = candidates?.[0]
    for (const part of candidate?.content?.parts ?? []) {
      if (part.functionCall?.name !== undefined) {
        const callId = part.functionCall.id ?? `call_${crypto.randomUUID()}`
        if (part.thoughtSignature !== undefined) signatures[callId] = part.thoughtSignature
        called = true
        yield { _tag: "ToolCall", callId, name: part.functionCall.name, args: toJson(part.functionCall.args ?? {}) }
      } else if (part.thought === true) yield { _tag: "Thinking" }
      else {
        textSignature = part.thoughtSignature ?? textSignature
        if (part.text !== undefined && part.text !== "") yield { _tag: "Text", text: part.text }
      }
    }
    if (candidate?.finishReason !== undefined) stop = stopOf(candidate.finishReason, called)
    if (promptFeedback?.blockReason !== undefined) stop = "safety"
  }
  if (stop === undefined) throw new BrokenOff()
  const signed = textSignature !== undefined || Object.keys(signatures).length > 0
  const data = {
    model: modelOf(request.ref),
    calls: signatures,
    ...(textSignature === undefined ? {} : { text: textSignature })
  }
  yield {
    _tag: "Finished",
    stop,
    usage,
    ...(signed ? { native: { provider: providerOf(request.ref), data } } : {})
  }
}

const stopOf = (finish: string, called: boolean): StopReason => {
  switch (finish) {
    case "STOP":
      return called ? "tools" : "end"
    case "MAX_TOKENS":
      return "length"
    case "SAFETY":
    case "RECITATION":
    case "BLOCKLIST":
    case "PROHIBITED_CONTENT":
    case "SPII":
      return "safety"
    default:
      return called ? "tools" : "other"
  }
}

const usageOf = (counted: typeof Counted.Type): Usage => {
  const cached = counted.cachedContentTokenCount ?? 0
  const reasoning = counted.thoughtsTokenCount ?? 0
  return {
    inputTokens: (counted.promptTokenCount ?? 0) + (counted.toolUsePromptTokenCount ?? 0),
    outputTokens: (counted.candidatesTokenCount ?? 0) + reasoning,
    ...(cached > 0 ? { cachedInputTokens: cached } : {}),
    ...(reasoning > 0 ? { reasoningTokens: reasoning } : {})
  }
}

/** Gemini 3 and later refuse calls without a signature. */
const wantsSignatures = (model: string): boolean => /^gemini-([3-9]|\d\d)/u.test(model)
/** They think; told to say so, they are not silent meanwhile. Others refuse to be asked for it. */
const thinks = (model: string): boolean => /^gemini-(2\.5|[3-9]|\d\d)/u.test(model)

const bodyOf = (request: ModelRequest, amendments: ReadonlySet<Amendment>, wire: Wire): GenerateContentParameters => {
  const model = modelOf(request.ref)
  const system = systemOf(request, amendments)
  const tool = forcedTool(request, amendments)
  const tools = toolsOf(request, amendments)
  const native = !amendments.has("no-native")
  return {
    model,
    contents: contentsOf(tidy(messagesOf(request, amendments)), request.ref, native),
    config: {
      abortSignal: wire.signal,
      ...(system === undefined ? {} : { systemInstruction: system }),
      ...(request.maxOutputTokens === undefined ? {} : { maxOutputTokens: request.maxOutputTokens }),
      ...(thinks(model) && native ? { thinkingConfig: { includeThoughts: true } } : {}),
      ...(tools.length === 0
        ? {}
        : {
            tools: [
              {
                functionDeclarations: tools.map(({ name, description, schema }) => ({
                  name,
                  description,
                  parametersJsonSchema: { type: "object", ...schema }
                }))
              }
            ]
          }),
      ...(tool === undefined ? {} : { toolConfig: forced(tool) })
    }
  }
}

const forced = (tool: string): NonNullable<NonNullable<GenerateContentParameters["config"]>["toolConfig"]> => ({
  functionCallingConfig: { mode: ANY, allowedFunctionNames: [tool] }
})
/** The SDK's enum without loading the SDK. */
const ANY = "ANY" as import("@google/genai").FunctionCallingConfigMode

/** Results and what the person says next are one content, for users and models must alternate. */
const contentsOf = (turns: ReadonlyArray<Turn>, ref: string, native: boolean): Array<Content> => {
  const contents: Array<Content> = []
  for (const content of turns.map((turn) => contentOf(turn, ref, native))) {
    const last = contents.at(-1)
    if (last !== undefined && last.role === content.role) last.parts = [...(last.parts ?? []), ...(content.parts ?? [])]
    else contents.push(content)
  }
  return contents
}

const contentOf = (turn: Turn, ref: string, native: boolean): Content => {
  switch (turn.role) {
    case "user":
      return { role: "user", parts: turn.texts.map((text) => ({ text })) }
    case "tool":
      return {
        role: "user",
        parts: turn.results.map((result) => ({
          functionResponse: {
            id: result.callId,
            name: result.name,
            response: result.isError ? { error: result.text } : { output: result.text }
          }
        }))
      }
    case "assistant":
      return { role: "model", parts: partsOf(turn.message, ref, native) }
  }
}

const partsOf = (message: Assistant, ref: string, native: boolean): Array<Part> => {
  const own = native ? decodeSignatures(nativeOf(message, ref)) : Option.none()
  const signatures = Option.getOrElse(own, () => none)
  const foreign = wantsSignatures(modelOf(ref)) && Object.keys(signatures.calls).length === 0
  return [
    ...(message.text === ""
      ? []
      : [{ text: message.text, ...(signatures.text === undefined ? {} : { thoughtSignature: signatures.text }) }]),
    ...message.calls.map((call, index) => {
      const signature = signatures.calls[call.callId] ?? (foreign && index === 0 ? FOREIGN : undefined)
      return {
        functionCall: { id: call.callId, name: call.name, args: asObject(call.args) },
        ...(signature === undefined ? {} : { thoughtSignature: signature })
      }
    })
  ]
}

const Detail = Schema.Struct({
  reason: Schema.optionalKey(Schema.String),
  retryDelay: Schema.optionalKey(Schema.String),
  violations: Schema.optionalKey(Schema.Array(Schema.Struct({ quotaId: Schema.optionalKey(Schema.String) })))
})
const decodeBody = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      error: Schema.Struct({
        message: Schema.optionalKey(Schema.String),
        status: Schema.optionalKey(Schema.String),
        details: Schema.optionalKey(Schema.Array(Detail))
      })
    })
  )
)
const decodeStatus = Schema.decodeUnknownOption(Schema.Struct({ status: Schema.Int }))

/** The SDK puts the body into the message, in the middle of a stream with words before it. */
const explainError = (error: unknown): Trouble | undefined => {
  const read = decodeStatus(error)
  if (!(error instanceof Error) || Option.isNone(read)) return undefined
  const body = decodeBody(error.message.slice(Math.max(0, error.message.indexOf("{"))))
  if (Option.isNone(body)) return { status: read.value.status, codes: [], message: error.message }
  const { message = "", status, details = [] } = body.value.error
  const delay = details.map((detail) => detail.retryDelay).find((text) => text !== undefined)
  const seconds = delay === undefined ? Number.NaN : Number.parseFloat(delay)
  return {
    status: read.value.status,
    codes: [
      ...(status === undefined ? [] : [status]),
      ...details.flatMap((detail) => [
        ...(detail.reason === undefined ? [] : [detail.reason]),
        ...(detail.violations ?? []).flatMap(({ quotaId }) => (quotaId === undefined ? [] : [quotaId]))
      ])
    ],
    message,
    ...(Number.isFinite(seconds) ? { retryAfterMs: Math.round(seconds * 1000) } : {})
  }
}
