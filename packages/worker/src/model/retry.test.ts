import { assert, describe, it } from "@effect/vitest"
import { pauseAfter, usual } from "./retry.ts"
import { retryAfterOf } from "./wire.ts"

const facts = { elapsedMs: 0, retryAfterMs: undefined, random: 0.5 }

describe("the pause before another attempt", () => {
  it("doubles up to 15 seconds, with some chance in it", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 4, 5, 6, 7].map((attempt) => pauseAfter(attempt, usual, facts)),
      [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]
    )
    assert.strictEqual(pauseAfter(1, usual, { ...facts, random: 0 }), 375)
    assert.strictEqual(pauseAfter(1, usual, { ...facts, random: 0.999 }), 625)
  })

  it("is never shorter than the provider asks for, and not begun when it would outlast the patience", () => {
    assert.isAtLeast(pauseAfter(1, usual, { ...facts, retryAfterMs: 20_000, random: 0 }) ?? 0, 20_000)
    assert.isUndefined(pauseAfter(1, usual, { ...facts, retryAfterMs: 61_000 }))
    assert.isUndefined(pauseAfter(3, usual, { ...facts, elapsedMs: 59_000 }))
  })
})

describe("retry-after", () => {
  const now = Date.parse("2026-11-21T12:00:00Z")
  const after = (headers: Record<string, string>) => retryAfterOf(new Headers(headers), now)

  it("is read as milliseconds, seconds or a date", () => {
    assert.strictEqual(after({ "retry-after-ms": "1500", "retry-after": "9" }), 1_500)
    assert.strictEqual(after({ "retry-after": "2.5" }), 2_500)
    assert.strictEqual(after({ "retry-after": "Sat, 21 Nov 2026 12:00:30 GMT" }), 30_000)
    assert.strictEqual(after({ "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT" }), 0)
  })

  it("is nothing when it is nothing that can be read", () => {
    assert.isUndefined(after({}))
    assert.isUndefined(after({ "retry-after": "" }))
    assert.isUndefined(after({ "retry-after": "soon" }))
    assert.strictEqual(after({ "retry-after-ms": "soon", "retry-after": "1" }), 1_000)
  })
})
