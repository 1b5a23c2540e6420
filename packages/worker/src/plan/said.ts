/** What a model said, as plain text for people, and what it used, summed. Pure. */
import type { Usage } from "@signalbox/core/model/message.ts"

/** One line without control characters and without marks that turn the direction of writing. */
export const plainText = (text: string, most: number): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu, " ")
    .replaceAll(/ {2,}/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed()

export const addedUsage = (a: Usage | null, b: Usage | null): Usage | null => {
  if (a === null || b === null) return a ?? b
  const sum = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined && y === undefined ? undefined : (x ?? 0) + (y ?? 0)
  const cached = sum(a.cachedInputTokens, b.cachedInputTokens)
  const written = sum(a.cacheWriteTokens, b.cacheWriteTokens)
  const thought = sum(a.reasoningTokens, b.reasoningTokens)
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    ...(written === undefined ? {} : { cacheWriteTokens: written }),
    ...(thought === undefined ? {} : { reasoningTokens: thought })
  }
}
