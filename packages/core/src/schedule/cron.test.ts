import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { nextOccurrence, parseCron } from "./cron.ts"

describe("cron", () => {
  it("plans in the zone of the schedule, across daylight saving", () => {
    // Berlin goes from UTC+1 to UTC+2 on 29 March 2026, skipping 02:00 to 03:00
    const before = nextOccurrence("30 8 * * *", "Europe/Berlin", new Date("2026-03-28T08:00:00Z"))
    assert.strictEqual(before?.toISOString(), "2026-03-29T06:30:00.000Z")
  })
  it("is after the moment, never at it", () => {
    assert.strictEqual(
      nextOccurrence("0 * * * *", "UTC", new Date("2026-01-01T10:00:00Z"))?.toISOString(),
      "2026-01-01T11:00:00.000Z"
    )
  })
  it.each([
    ["* * * *", "UTC"],
    ["61 * * * *", "UTC"],
    ["x", "UTC"],
    ["* * * * *", "Mars/Olympus"]
  ])("refuses %s in %s with a sentence", (cron, zone) => {
    const parsed = parseCron(cron, zone)
    assert.isTrue(Result.isFailure(parsed))
    if (Result.isFailure(parsed)) assert.match(parsed.failure, /is not a (cron expression|time zone)/)
  })
  it("that never matches has no next time", () => {
    assert.isNull(nextOccurrence("0 0 30 2 *", "UTC", new Date("2026-01-01T00:00:00Z")))
  })
})
