import { assert, describe, it } from "@effect/vitest"
import { limitsOf } from "./limits.ts"
import { costOf, pricesOf } from "./prices.ts"

const usd = (ref: string, usage: Parameters<typeof costOf>[1], on?: string) => costOf(ref, usage, on)?.usd ?? null

describe("what a call cost", () => {
  it("counts what came from the cache, what was written to it and the rest apart, and names the day of the prices", () => {
    const usage = { inputTokens: 100_000, outputTokens: 1_000, cachedInputTokens: 80_000, cacheWriteTokens: 10_000 }
    assert.deepStrictEqual(costOf("anthropic/claude-sonnet-4-6", usage), {
      usd: (10_000 * 3 + 80_000 * 0.3 + 10_000 * 3.75 + 1_000 * 15) / 1_000_000,
      pricesOf
    })
    assert.strictEqual(usd("openai/gpt-4.1", { inputTokens: 3, outputTokens: 1 }), 0.000014)
    assert.strictEqual(usd("gemini/gemini-2.5-flash", { inputTokens: 0, outputTokens: 0 }), 0)
  })

  it("is unknown, which is not zero, for what is not in the table", () => {
    for (const ref of [
      "ollama/llama3.2:3b",
      "vllm/Qwen/Qwen3-32B",
      "lab/gpt-4.1",
      "openrouter/openai/gpt-4.1",
      "openai/gpt-7",
      "openai/gpt-4.1-mega",
      "openai/gpt-5-codex-max",
      "anthropic/claude-opus-4-9",
      "no slash"
    ])
      assert.isNull(costOf(ref, { inputTokens: 1_000, outputTokens: 1_000 }), ref)
  })

  it("takes the longest name that fits, dates and previews aside", () => {
    const million = { inputTokens: 100_000, outputTokens: 0 }
    assert.strictEqual(usd("openai/gpt-5-mini-2025-08-07", million), 0.025)
    assert.strictEqual(usd("anthropic/claude-opus-4-5-20251101", million), 0.5)
    assert.strictEqual(usd("anthropic/claude-opus-4-20250514", million), 1.5)
    assert.strictEqual(usd("gemini/gemini-3-pro-preview", million), 0.2)
    assert.strictEqual(usd("gemini/gemini-2.5-flash-lite-preview-09-2025", million), 0.01)
  })

  it("rises for long requests and on announced days, and is unknown where the rise is", () => {
    assert.strictEqual(usd("anthropic/claude-haiku-5-5", { inputTokens: 100_000, outputTokens: 100 }), 0.01005)
    assert.strictEqual(usd("anthropic/claude-haiku-5-5", { inputTokens: 100_001, outputTokens: 100 }), 0.0502505)
    const usage = { inputTokens: 1_000_000, outputTokens: 0 }
    assert.strictEqual(usd("gemini/gemini-4-argon", usage, "2026-11-30T23:59:59Z"), 2)
    assert.strictEqual(usd("gemini/gemini-4-argon", usage, "2026-12-01T00:00:00Z"), 4)
    assert.isNull(usd("openai/gpt-5.6-terra", usage))
    assert.isNull(usd("openai/gpt-4-turbo", { inputTokens: 10, outputTokens: 1, cachedInputTokens: 5 }))
  })
})

describe("how much fits", () => {
  it("is found by the longest known beginning of the name, and unknown elsewhere", () => {
    assert.deepStrictEqual(limitsOf("openai/gpt-5.1-2025-11-13"), { window: 272_000, maxOutput: 128_000 })
    assert.deepStrictEqual(limitsOf("openai/gpt-5-chat-latest"), { window: 128_000, maxOutput: 16_384 })
    assert.deepStrictEqual(limitsOf("openai/ft:gpt-4o-mini-2024-07-18:acme::x"), { window: 128_000, maxOutput: 16_384 })
    assert.deepStrictEqual(limitsOf("anthropic/claude-3-haiku-20240307"), { window: 200_000, maxOutput: 4_096 })
    assert.isUndefined(limitsOf("ollama/gpt-4o"))
    assert.isUndefined(limitsOf("openai/something-new"))
  })
})
