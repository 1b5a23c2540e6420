import { afterEach, beforeEach, expect, it, vi } from "vitest"
import { Ticker } from "./ticker.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it("tells 10,000 changes of a second at most eleven times, and always the last one", () => {
  const ticker = new Ticker(100)
  let told = 0
  ticker.subscribe(() => told++)
  for (let i = 0; i < 10_000; i++) {
    ticker.touch()
    vi.advanceTimersByTime(0.1)
  }
  const before = told
  ticker.touch()
  vi.advanceTimersByTime(100)
  expect(before).toBeGreaterThanOrEqual(9)
  expect(before).toBeLessThanOrEqual(11)
  expect(told).toBe(before + 1)
})

it("has one identity per flush, and tells nobody who left", () => {
  const ticker = new Ticker(100)
  let told = 0
  const leave = ticker.subscribe(() => told++)
  const first = ticker.getSnapshot()
  ticker.touch()
  expect(ticker.getSnapshot()).toBe(first)
  ticker.flush()
  expect(ticker.getSnapshot()).not.toBe(first)
  leave()
  ticker.flush()
  expect(told).toBe(1)
})

it("tells earlier what a person waits for, and never more often than that", () => {
  const ticker = new Ticker(100)
  const at: Array<number> = []
  const begun = performance.now()
  ticker.subscribe(() => at.push(Math.round(performance.now() - begun)))
  ticker.flush()
  for (let i = 0; i < 100; i++) {
    ticker.touch()
    ticker.touch(62)
    vi.advanceTimersByTime(10)
  }
  expect(at.length).toBeGreaterThanOrEqual(15)
  expect(at.length).toBeLessThanOrEqual(18)
  for (const [i, ms] of at.entries()) expect(ms - (at[i - 1] ?? -62)).toBeGreaterThanOrEqual(62)
})
