/**
 * Asking models: one neutral way to every provider.
 *
 * Owns: the interface and its errors. Does not own: wire formats (one adapter per kind of provider, on the official SDKs), what
 * is said (conversation room), what it cost (`core/model/prices.ts`).
 * Invariants: an answer streams as parts and ends with exactly one Finished or one error; interruption aborts the request;
 * nothing is asked again once a part has come; errors name no secret.
 */
import { Context, type Effect, Schema, type Stream } from "effect"
import {
  FailureKind,
  type ModelInfo,
  type ModelMessage,
  type ModelTool,
  type Native,
  type StopReason,
  type ToolCall,
  type Usage
} from "@signalbox/core/model/message.ts"

/** `message` is for people: what happened, why, the mend. */
export class ModelFailed extends Schema.TaggedError<ModelFailed>()("ModelFailed", {
  provider: Schema.String,
  kind: FailureKind,
  sentence: Schema.String
}) {
  override get message(): string {
    return this.sentence
  }
}

export interface ModelRequest {
  /** provider/model */
  readonly ref: string
  readonly system?: string
  readonly messages: ReadonlyArray<ModelMessage>
  readonly tools?: ReadonlyArray<ModelTool>
  /** The model must call this one. */
  readonly toolChoice?: string
  readonly maxOutputTokens?: number
}

export type ModelPart =
  | { readonly _tag: "Text"; readonly text: string }
  /** The model thinks; nothing to show. */
  | { readonly _tag: "Thinking" }
  | ({ readonly _tag: "ToolCall" } & ToolCall)
  | {
      readonly _tag: "Finished"
      readonly stop: StopReason
      readonly usage: Usage | null
      readonly native?: Native
    }

export class Models extends Context.Service<
  Models,
  {
    /**
     * Outages, rate limits and stalls before the first part are tried again with backoff and as `retry-after` says, for up to
     * a minute; usage that came before a failure is told by `onUsage`. Each call of it takes the place of the one before: it is
     * the sum so far, over all attempts, as is the usage of Finished. Everything is made ready at once, and nothing is sent
     * before `go` has resolved.
     */
    readonly stream: (
      request: ModelRequest,
      onUsage?: (usage: Usage) => void,
      go?: Promise<void>
    ) => Stream.Stream<ModelPart, ModelFailed>
    /** Configured providers by name, in the order of preference. */
    readonly providers: ReadonlyArray<{
      readonly provider: string
      readonly title: string
      /** Nobody configured it (Ollama on its usual port): it counts only while it answers. */
      readonly quiet?: boolean
    }>
    /** Chat models of one provider, as it tells them now. */
    readonly list: (provider: string) => Effect.Effect<ReadonlyArray<ModelInfo>, ModelFailed>
  }
>()("@signalbox/worker/model/Models") {}
