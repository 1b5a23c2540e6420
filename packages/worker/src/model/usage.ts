/**
 * Adding up what several attempts were billed.
 *
 * Owns: the sum. Does not own: counting (providers), what it costs (`core/model/prices.ts`).
 * Invariants: pure; what nobody told stays untold and is not zero.
 */
import type { Usage } from "@signalbox/core/model/message.ts"

export const sum = (a: Usage | null, b: Usage | null): Usage | null => {
  if (a === null || b === null) return a ?? b
  const add = (key: "cachedInputTokens" | "cacheWriteTokens" | "reasoningTokens") =>
    a[key] === undefined && b[key] === undefined ? {} : { [key]: (a[key] ?? 0) + (b[key] ?? 0) }
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    ...add("cachedInputTokens"),
    ...add("cacheWriteTokens"),
    ...add("reasoningTokens")
  }
}
