/**
 * How much fits into models whose provider's list does not tell.
 *
 * Owns: the table. Does not own: what lists tell (it comes first), prices (`prices.ts`).
 * Invariants: pure; a name is found by its longest known beginning; `window` is what fits as input beside a full answer where the
 * provider tells it so, else the whole context. Unknown is undefined.
 */

export interface Limits {
  readonly window: number
  readonly maxOutput: number
}

const K = 1_000
const of = (window: number, maxOutput: number): Limits => ({ window, maxOutput })

/** Beginnings of names, by provider. */
const table: { readonly [provider: string]: { readonly [prefix: string]: Limits } } = {
  anthropic: {
    "claude-fable-5": of(K * K, 128 * K),
    "claude-mythos-5": of(K * K, 128 * K),
    "claude-opus-5": of(K * K, 128 * K),
    "claude-sonnet-5": of(K * K, 128 * K),
    "claude-haiku-5": of(K * K, 128 * K),
    "claude-opus-4-8": of(K * K, 128 * K),
    "claude-opus-4-7": of(K * K, 128 * K),
    "claude-opus-4-6": of(K * K, 128 * K),
    "claude-sonnet-4-6": of(K * K, 64 * K),
    "claude-opus-4-5": of(200 * K, 64 * K),
    "claude-opus-4": of(200 * K, 32 * K),
    "claude-sonnet-4": of(200 * K, 64 * K),
    "claude-haiku-4": of(200 * K, 64 * K),
    "claude-3-7-sonnet": of(200 * K, 64 * K),
    "claude-3-5": of(200 * K, 8_192),
    "claude-3": of(200 * K, 4_096)
  },
  openai: {
    "gpt-6": of(922 * K, 128 * K),
    "gpt-5.6": of(922 * K, 128 * K),
    "gpt-5.5": of(922 * K, 128 * K),
    "gpt-5.4": of(922 * K, 128 * K),
    "gpt-5.4-mini": of(272 * K, 128 * K),
    "gpt-5.4-nano": of(272 * K, 128 * K),
    "gpt-5": of(272 * K, 128 * K),
    "gpt-5-chat": of(128 * K, 16_384),
    "gpt-5.1-chat": of(128 * K, 16_384),
    "gpt-5.2-chat": of(128 * K, 16_384),
    "gpt-4.1": of(1_047_576, 32_768),
    "gpt-4o": of(128 * K, 16_384),
    "gpt-4-turbo": of(128 * K, 4_096),
    "gpt-4": of(8_192, 8_192),
    "gpt-3.5-turbo": of(16_385, 4_096),
    o1: of(200 * K, 100 * K),
    o3: of(200 * K, 100 * K),
    "o4-mini": of(200 * K, 100 * K),
    "chatgpt-4o": of(128 * K, 16_384),
    "codex-mini": of(200 * K, 100 * K)
  }
}

/** @param ref provider/model */
export const limitsOf = (ref: string): Limits | undefined => {
  const slash = ref.indexOf("/")
  const known = table[ref.slice(0, slash)]
  if (known === undefined) return undefined
  const model = ref.slice(slash + 1).replace(/^ft:/u, "")
  const best = Object.keys(known)
    .filter((prefix) => model.startsWith(prefix))
    .toSorted((a, b) => b.length - a.length)[0]
  return best === undefined ? undefined : known[best]
}
