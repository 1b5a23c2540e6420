/**
 * What is said to a model and by it, in words that belong to no provider.
 *
 * Owns: neutral message parts, tools as a model sees them, usage, reasons for stopping, kinds of failure.
 * Does not own: any provider's wire format (worker's model room), who may call which tool (conversation room).
 * Invariants: a tool call and its result share a `callId`; `native` is opaque, belongs to the provider it names, and is left out
 * for every other one.
 */
import { Schema } from "effect"

/** Provider-private data of one step (signatures of thoughts and the like) that only the same provider can read again. */
export const Native = Schema.Struct({ provider: Schema.String, data: Schema.Json })
export type Native = typeof Native.Type

export const ToolCall = Schema.Struct({ callId: Schema.String, name: Schema.String, args: Schema.Json })
export type ToolCall = typeof ToolCall.Type

export type ModelMessage =
  | { readonly role: "user"; readonly text: string }
  | {
      readonly role: "assistant"
      readonly text: string
      readonly calls: ReadonlyArray<ToolCall>
      readonly native?: Native
    }
  | {
      readonly role: "tool"
      readonly callId: string
      readonly name: string
      readonly text: string
      readonly isError: boolean
    }

export interface ModelTool {
  readonly name: string
  readonly description: string
  /** JSON Schema of an object. */
  readonly schema: { readonly [key: string]: Schema.Json }
}

/** As the provider counted. Absent: it did not say. */
export const Usage = Schema.Struct({
  /** All of the input, what came from a cache included. */
  inputTokens: Schema.Int,
  /** All of the output, thoughts included. */
  outputTokens: Schema.Int,
  cachedInputTokens: Schema.optionalKey(Schema.Int),
  cacheWriteTokens: Schema.optionalKey(Schema.Int),
  reasoningTokens: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "Usage" })
export type Usage = typeof Usage.Type

/** US dollars by the table of that date; null where no price is known, which is not zero. */
export const Cost = Schema.NullOr(Schema.Struct({ usd: Schema.Number, pricesOf: Schema.String })).annotate({
  identifier: "Cost"
})
export type Cost = typeof Cost.Type

export const StopReason = Schema.Literals(["end", "length", "safety", "tools", "other"])
export type StopReason = typeof StopReason.Type

/** Why a model gave no (whole) answer. Who must act: the person, except for `outage`, `stalled` and `truncated`, where time may help. */
export const FailureKind = Schema.Literals([
  "no-key",
  "bad-key",
  "quota",
  "too-long",
  "model-gone",
  "refused",
  "truncated",
  "stalled",
  "outage",
  "unknown-provider",
  /** The worker died while the model was speaking; what had arrived is kept, and nothing was asked twice. */
  "worker-died"
])
export type FailureKind = typeof FailureKind.Type

/** A model as lists show it. */
export const ModelInfo = Schema.Struct({
  /** provider/model */
  ref: Schema.String,
  title: Schema.String,
  /** Tokens; null: the provider does not say and no table knows. */
  window: Schema.NullOr(Schema.Int),
  maxOutput: Schema.NullOr(Schema.Int)
}).annotate({ identifier: "ModelInfo" })
export type ModelInfo = typeof ModelInfo.Type

export const ProviderInfo = Schema.Struct({
  provider: Schema.String,
  title: Schema.String,
  /** Null: it answered. Else a sentence: no key, refused, not reachable, with the mend. */
  problem: Schema.NullOr(Schema.String),
  /** ISO 8601: when its list was asked for. */
  at: Schema.NullOr(Schema.String),
  models: Schema.Array(ModelInfo)
}).annotate({ identifier: "ProviderInfo" })
export type ProviderInfo = typeof ProviderInfo.Type
