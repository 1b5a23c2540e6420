/**
 * What tokens cost, as the providers' own price pages had it on one day.
 *
 * Owns: the table and the arithmetic. Does not own: usage (adapters), who paid (events carry the cost that was reckoned then).
 * Invariants: pure; what is not in the table has no price, which is not zero; a name matches exactly or with a date behind it, so a
 * new model is unknown rather than priced as an old one; prices that are announced to change carry the day.
 */
import type { Cost, Usage } from "./message.ts"

/** The day on which the table was last compared. Every cost that is recorded names it. */
export const pricesOf = "2026-11-05"

/** US dollars per million tokens. What is left out is not known. */
export interface Price {
  readonly input: number
  readonly cachedInput?: number
  /** Five minutes; default: as input. */
  readonly cacheWrite?: number
  readonly output: number
}
interface Row extends Price {
  /** Requests with more input than this cost so, all of them; null: how much is not known. */
  readonly long?: { readonly over: number; readonly price: Price | null }
  /** From that day on. */
  readonly later?: { readonly from: string; readonly price: Price }
}

const claude = (input: number, output: number, cachedInput = input / 10): Row => ({
  input,
  cachedInput,
  cacheWrite: input * 1.25,
  output
})
const gpt = (input: number, output: number, cachedInput?: number): Row => ({
  input,
  output,
  ...(cachedInput === undefined ? {} : { cachedInput })
})
/** Above 272,000 tokens OpenAI takes twice for input and half as much again for output. */
const gptLong = (input: number, output: number, cachedInput?: number): Row => ({
  ...gpt(input, output, cachedInput),
  long: { over: 272_000, price: gpt(input * 2, output * 1.5, cachedInput === undefined ? undefined : cachedInput * 2) }
})
const gptUnknownLong = (input: number, output: number, cachedInput?: number): Row => ({
  ...gpt(input, output, cachedInput),
  long: { over: 272_000, price: null }
})

const table: { readonly [provider: string]: { readonly [model: string]: Row } } = {
  anthropic: {
    "claude-fable-5-1": claude(10, 50, 0.25),
    "claude-mythos-5-1": claude(10, 50, 0.25),
    "claude-fable-5": claude(10, 50),
    "claude-mythos-5": claude(10, 50),
    "claude-opus-5-5": claude(4, 20, 0.2),
    "claude-opus-5": claude(5, 25),
    "claude-opus-4-8": claude(5, 25),
    "claude-opus-4-7": claude(5, 25),
    "claude-opus-4-6": claude(5, 25),
    "claude-opus-4-5": claude(5, 25),
    "claude-opus-4-1": claude(15, 75),
    "claude-opus-4": claude(15, 75),
    "claude-sonnet-5-5": claude(2, 10, 0.1),
    "claude-sonnet-5": claude(2, 10),
    "claude-sonnet-4-6": claude(3, 15),
    "claude-sonnet-4-5": claude(3, 15),
    "claude-sonnet-4": claude(3, 15),
    "claude-3-7-sonnet": claude(3, 15),
    "claude-haiku-5-5": { ...claude(0.1, 0.5), long: { over: 100_000, price: claude(0.5, 2.5) } },
    "claude-haiku-4-5": claude(1, 5),
    "claude-3-5-haiku": claude(0.8, 4)
  },
  openai: {
    "gpt-6.2-astra": gptUnknownLong(8, 40, 0.4),
    "gpt-6.2-sol": gptUnknownLong(2, 10),
    "gpt-6.1-sol": { ...gptLong(2, 10, 0.1), cacheWrite: 2.5 },
    "gpt-6-astra": gptLong(10, 50, 1),
    "gpt-6-sol": { ...gptLong(2, 10, 0.2), cacheWrite: 2.5 },
    "gpt-6-luna": { ...gptLong(0.1, 0.5, 0.01), cacheWrite: 0.125 },
    "gpt-5.6-sol": gptUnknownLong(4, 20),
    "gpt-5.6-terra": gptUnknownLong(2, 12, 0.2),
    "gpt-5.6-luna": gptUnknownLong(0.2, 1.2, 0.02),
    "gpt-5.5": gptLong(5, 30, 0.5),
    "gpt-5.4": gptLong(2.5, 15, 0.25),
    "gpt-5.4-mini": gpt(0.75, 4.5, 0.075),
    "gpt-5.4-nano": gpt(0.2, 1.25, 0.02),
    "gpt-5.2": gpt(1.75, 14, 0.175),
    "gpt-5.1": gpt(1.25, 10, 0.125),
    "gpt-5": gpt(1.25, 10, 0.125),
    "gpt-5-mini": gpt(0.25, 2, 0.025),
    "gpt-5-nano": gpt(0.05, 0.4, 0.005),
    "gpt-4.1": gpt(2, 8, 0.5),
    "gpt-4.1-mini": gpt(0.4, 1.6, 0.1),
    "gpt-4.1-nano": gpt(0.1, 0.4, 0.025),
    "gpt-4o": gpt(2.5, 10, 1.25),
    "gpt-4o-mini": gpt(0.15, 0.6, 0.075),
    "gpt-4-turbo": gpt(10, 30),
    "gpt-3.5-turbo": gpt(0.5, 1.5),
    o1: gpt(15, 60, 7.5),
    o3: gpt(2, 8, 0.5),
    "o3-mini": gpt(1.1, 4.4, 0.55),
    "o4-mini": gpt(1.1, 4.4, 0.275)
  },
  gemini: {
    "gemini-4-argon": { ...gpt(2, 10, 0.1), later: { from: "2026-12-01", price: gpt(4, 20, 0.2) } },
    "gemini-3.8-flash": { ...gpt(0.75, 3.75, 0.075), later: { from: "2027-01-01", price: gpt(1.5, 7.5, 0.15) } },
    "gemini-3.5-flash": gpt(1.5, 9),
    "gemini-3.5-flash-lite": gpt(0.3, 2.5),
    "gemini-3.1-pro": { ...gpt(2, 12, 0.2), long: { over: 200_000, price: gpt(4, 18, 0.4) } },
    "gemini-3-pro": { ...gpt(2, 12, 0.2), long: { over: 200_000, price: gpt(4, 18, 0.4) } },
    "gemini-3-flash": gpt(0.5, 3, 0.05),
    "gemini-2.5-pro": { ...gpt(1.25, 10, 0.125), long: { over: 200_000, price: gpt(2.5, 15, 0.25) } },
    "gemini-2.5-flash": gpt(0.3, 2.5, 0.03),
    "gemini-2.5-flash-lite": gpt(0.1, 0.4, 0.01),
    "gemini-2.0-flash": gpt(0.1, 0.4, 0.025)
  }
}

/** What may follow a model's name without making it another model. */
const sameModel = /^(-latest|-preview)?(-\d{8}|-\d{4}-\d{2}-\d{2}|-\d{2}-\d{2,4}|-00\d)?$/u

/**
 * @param ref provider/model
 * @param on the day of the request (ISO 8601); matters only for prices that are announced to change
 * @returns null: no price is known
 */
export const costOf = (ref: string, usage: Usage, on: string = pricesOf): Cost => {
  const row = rowOf(ref)
  const price = row === undefined ? null : priceOf(row, usage, on)
  if (price === null) return null
  const cached = usage.cachedInputTokens ?? 0
  const written = usage.cacheWriteTokens ?? 0
  if (cached > 0 && price.cachedInput === undefined) return null
  const plain = Math.max(0, usage.inputTokens - cached - written)
  const dollars =
    plain * price.input +
    cached * (price.cachedInput ?? 0) +
    written * (price.cacheWrite ?? price.input) +
    usage.outputTokens * price.output
  // to the billionth of a dollar: sums of floats would carry more digits than they know
  return { usd: Math.round(dollars * 1_000) / 1_000_000_000, pricesOf }
}

const priceOf = (row: Row, usage: Usage, on: string): Price | null => {
  if (row.later !== undefined && on >= row.later.from) return row.later.price
  return row.long !== undefined && usage.inputTokens > row.long.over ? row.long.price : row
}

const rowOf = (ref: string): Row | undefined => {
  const slash = ref.indexOf("/")
  const models = table[ref.slice(0, slash)]
  if (models === undefined) return undefined
  const name = ref.slice(slash + 1)
  const best = Object.keys(models)
    .filter((model) => name.startsWith(model) && sameModel.test(name.slice(model.length)))
    .toSorted((a, b) => b.length - a.length)[0]
  return best === undefined ? undefined : models[best]
}
