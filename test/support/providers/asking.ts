/**
 * Asking the stand-in providers through the worker's model room, for its tests.
 *
 * Owns: a scoped server, the provider that points to it, short requests, what came of them. Does not own: what is said (scripts).
 */
import { Effect, Redacted } from "effect"
import type { Provider } from "../../../packages/worker/src/model/adapter.ts"
import type { ModelPart, ModelRequest } from "../../../packages/worker/src/model/Models.ts"
import { makeModels, type ModelsOptions } from "../../../packages/worker/src/model/ModelsLive.ts"
import { type ProviderKind, type ProviderOptions, type StandIn, startProvider } from "./stand-in.ts"

export const standIn = (kind: ProviderKind, options: ProviderOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startProvider(kind, options)),
    (server) => Effect.promise(() => server.close())
  )

export const providerOf = (server: StandIn, key: string | undefined = server.key): Provider => {
  const secret = key === undefined ? undefined : Redacted.make(key)
  const { url, kind } = server
  switch (kind) {
    case "anthropic":
      return { provider: kind, title: "Anthropic", kind, url, key: secret, keyName: "ANTHROPIC_API_KEY" }
    case "gemini":
      return { provider: kind, title: "Gemini", kind, url, key: secret, keyName: "GEMINI_API_KEY" }
    case "ollama":
      return { provider: kind, title: "Ollama", kind, url, key: undefined, keyName: undefined }
    default:
      return { provider: kind, title: kind, kind: "openai", url: `${url}/v1`, key: secret, keyName: "THE_KEY" }
  }
}

export const refOf: { readonly [Kind in ProviderKind]: string } = {
  anthropic: "anthropic/claude-sonnet-4-6",
  gemini: "gemini/gemini-3-pro-preview",
  openai: "openai/gpt-5",
  ollama: "ollama/llama3.2:3b",
  vllm: "vllm/Qwen/Qwen3-32B",
  openrouter: "openrouter/meta-llama/llama-3.3-70b-instruct"
}

export const quick: ModelsOptions = {
  pacing: { patienceMs: 30_000, backoffMs: 10 },
  firstMs: 30_000,
  silenceMs: 30_000
}
export const modelsFor = (server: StandIn, options: ModelsOptions = quick) => makeModels([providerOf(server)], options)

export const asking = (kind: ProviderKind, text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  ref: refOf[kind],
  messages: [{ role: "user", text }],
  ...more
})
export const textOf = (parts: ReadonlyArray<ModelPart>): string =>
  parts.map((part) => (part._tag === "Text" ? part.text : "")).join("")
export const endOf = (parts: ReadonlyArray<ModelPart>): Extract<ModelPart, { readonly _tag: "Finished" }> => {
  const end = parts.at(-1)
  if (end?._tag !== "Finished") throw new Error(`the last part is ${end?._tag}`)
  return end
}
export const callsOf = (parts: ReadonlyArray<ModelPart>) =>
  parts.flatMap((part) => (part._tag === "ToolCall" ? [part] : []))
export const weather = {
  name: "weather",
  description: "The weather in a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
}
