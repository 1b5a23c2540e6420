import { expect, it } from "vitest"
import { age, bytes, count, dollars, duration, short } from "./format.ts"

const now = Date.parse("2026-11-20T12:00:00Z")

it("tells ages in one number and one letter", () => {
  const ago = (s: number): string => age(now - s * 1000, now)
  expect([0, 12, 59, 60, 240, 3599, 10_800, 90_000, 86_400 * 20].map(ago)).toEqual([
    "0s",
    "12s",
    "59s",
    "1m",
    "4m",
    "59m",
    "3h",
    "1d",
    "2w"
  ])
  expect(age("2026-11-20T11:59:18.123456Z", now)).toBe("41s")
  expect(age(now + 5000, now)).toBe("0s")
  expect(age("never", now)).toBe("")
})

it("tells durations, bytes, counts and money", () => {
  expect([840, 4210, 38_000, 252_000, 3_780_000, 187_200_000].map(duration)).toEqual([
    "840ms",
    "4.2s",
    "38s",
    "4m 12s",
    "1h 03m",
    "2d 4h"
  ])
  expect([812, 18_442, 3_100_000, 2e9, 5e12].map(bytes)).toEqual([
    "812 bytes",
    "18.4 kB",
    "3.1 MB",
    "2.0 GB",
    "5000.0 GB"
  ])
  expect([0, 999, 1000, 48_213, 1_234_567].map(count)).toEqual(["0", "999", "1,000", "48,213", "1,234,567"])
  expect([950, 41_200, 3_100_000].map(short)).toEqual(["950", "41.2k", "3.1M"])
  expect([0, 0.004, 0.31, 4.874].map(dollars)).toEqual(["$0.00", "<$0.01", "$0.31", "$4.87"])
})
