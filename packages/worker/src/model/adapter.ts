/**
 * One kind of provider, as the model room uses it.
 *
 * Owns: the interface between the room and the three SDKs. Does not own: retries, stalls, sentences (`ModelsLive.ts`).
 * Invariants: an adapter asks once and keeps nothing between calls; its SDK is loaded with its first call; it may throw whatever
 * its SDK throws, which its own `explain` can read; what it yields ends with `Finished`, or it throws.
 */
import type { Redacted } from "effect"
import type { ModelInfo, Usage } from "@signalbox/core/model/message.ts"
import type { Amendment } from "./amend.ts"
import type { ModelPart, ModelRequest } from "./Models.ts"

export type ProviderKind = "anthropic" | "gemini" | "openai" | "ollama"

/** A provider as the settings configure it. */
export interface Provider {
  readonly provider: string
  readonly title: string
  readonly kind: ProviderKind
  /** Base URL as its SDK wants it. */
  readonly url: string
  readonly key: Redacted.Redacted<string> | undefined
  /** The variable that would hold the key; undefined: it needs none. */
  readonly keyName: string | undefined
  /** Nobody configured it: it counts only when it answers. */
  readonly quiet?: true
}

/** What one request goes through. */
export interface Wire {
  /** Notes headers and signs of life. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  readonly signal: AbortSignal
}

export type Piece =
  | ModelPart
  /** What has been counted so far, for those that tell it before the end. */
  | { readonly _tag: "Usage"; readonly usage: Usage }
  /** The model begins to think and will say nothing meanwhile: shown as Thinking, and waited for as long as for a first word. */
  | { readonly _tag: "Pondering" }

/** What an SDK's error tells, in the same words for all. */
export interface Trouble {
  /** HTTP status; undefined: there was no answer, or it broke off. */
  readonly status: number | undefined
  /** The provider's own names for the fault, and the parameter it is about. */
  readonly codes: ReadonlyArray<string>
  /** The provider's sentence. */
  readonly message: string
  /** It came after the answer had begun: that says nothing about what the server has. */
  readonly midstream?: true
  /** As the body asks for, where headers do not. */
  readonly retryAfterMs?: number
}

export interface Adapter {
  readonly stream: (
    request: ModelRequest,
    amendments: ReadonlySet<Amendment>,
    provider: Provider,
    wire: Wire
  ) => AsyncIterable<Piece>
  /** Chat models only. */
  readonly list: (provider: Provider, wire: Wire) => Promise<ReadonlyArray<ModelInfo>>
  /** Undefined: no answer of the provider, but a broken connection or something unforeseen. */
  readonly explain: (error: unknown) => Trouble | undefined
}

/** The stream ended without the provider's mark of the end. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff"
}

/** The provider told in the middle of a stream, or in a stream's end, that it failed. */
export class ToldFailure extends Error {
  override readonly name = "ToldFailure"
}
