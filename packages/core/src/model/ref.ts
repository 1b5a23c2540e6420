/**
 * The name of a model: `provider/model`, for example `anthropic/claude-sonnet-4-5` or `openrouter/meta/llama-3.3-70b`.
 *
 * Owns: reading and writing that name. Does not own: which providers and models there are (worker's model room).
 * Invariant: the provider is a word without a slash; what follows the first slash is the provider's own name, unchanged.
 */
import { Schema } from "effect"

export const ProviderName = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,31}$/u, { expected: "a provider's name like anthropic" })
)

export const ModelRef = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,31}\/[^\s\p{Cc}]{1,200}$/u, {
    expected: "a model like anthropic/claude-sonnet-4-5 (see model list)"
  })
)

export const providerOf = (ref: string): string => ref.slice(0, ref.indexOf("/"))
export const modelOf = (ref: string): string => ref.slice(ref.indexOf("/") + 1)
export const refOf = (provider: string, model: string): string => `${provider}/${model}`
