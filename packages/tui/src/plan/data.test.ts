import { describe, expect, it } from "vitest"
import type { Schema } from "effect"
import { changes, dataRows } from "./data.ts"

const text = (data: Schema.Json): ReadonlyArray<string> =>
  dataRows(data).map((row) =>
    row
      .map((span) => span.text)
      .join("")
      .trimEnd()
  )

describe("an answer as rows", () => {
  it("gives sizes and times for people, and every other number as it is", () => {
    expect(
      text({ cpu: 12.5, memoryBytes: { total: 25_276_510_208, swapUsed: 0 }, uptime: 36_453.86, loads: [1.5, 2, 0] })
    ).toEqual([
      "cpu          12.5",
      "memoryBytes",
      "  total     25.3 GB",
      "  swapUsed  0 bytes",
      "uptime       10h 07m",
      "loads        1.5  2  0"
    ])
    expect(text([{ name: "a", bytes: 4096, pid: 4096 }])).toEqual(["name  bytes   pid", "a     4.1 kB  4096"])
  })

  it("says that there is nothing in a list", () => {
    expect(text({ lines: [], left: 0 })).toEqual(["lines  none", "left   0"])
  })
})

describe("what an act changed", () => {
  const before = { active: "active", mainPid: 44, invocation: "45de9e2c6fb54226baccfe9da78a3c05" }
  const after = { ...before, mainPid: 643, invocation: "ff33a1a040df4d3aa894983081922040" }

  it("is what is other than it was, with long ids cut", () => {
    expect(changes({ before, after, healthy: true })).toEqual(["mainPid 44 → 643", "invocation 45de9e2c… → ff33a1a0…"])
    expect(changes({ before, after: before })).toEqual([])
    expect(changes({ before: {}, after: { active: "active" } })).toEqual(["active nothing → active"])
  })

  it("is not known where an answer does not tell both", () => {
    for (const data of [null, "before", { before: "boot 1", after: "boot 2" }, { after }, [before, after]])
      expect(changes(data)).toBeUndefined()
  })

  it("cannot move a terminal's cursor, nor fill it", () => {
    const hostile = { "\u001b[2Jname": "\u001b[31mred\n".repeat(1_000) }
    const [one = "", ...more] = changes({ before: {}, after: hostile }) ?? []
    expect(more).toEqual([])
    expect(one).toMatch(/^[\p{L}\p{P}\p{S}\p{N} ]+$/u)
    expect(one.length).toBeLessThan(200)
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n]))
    expect(changes({ before: {}, after: many })?.length).toBeLessThan(10)
  })
})
