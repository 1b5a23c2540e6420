import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { width } from "@signalbox/tui/text.ts"
import { facts, table } from "./table.ts"
import { parseDuration, parseMoment } from "./time.ts"

interface Row {
  readonly id: string
  readonly state: string
  readonly text: string
}
const columns = [
  { title: "ID", cell: (row: Row) => row.id, keep: true },
  { title: "STATE", cell: (row: Row) => row.state },
  { title: "TEXT", cell: (row: Row) => row.text, flexible: true }
]
const rows: ReadonlyArray<Row> = [
  { id: "task-20261120-143022-abc123", state: "succeeded", text: "日本語 🚂 ".repeat(40) },
  { id: "task-20261120-143022-abc124", state: "failed (exit 143)", text: "a\u001b[31mb\nc\td\u0007" }
]

describe("tables", () => {
  it.effect("are never wider than the terminal, and cut ids last", () =>
    Effect.sync(() => {
      for (const total of [20, 40, 60, 80, 120, 300])
        for (const line of table(columns, rows, total).split("\n")) assert.isAtMost(width(line), total, line)
      assert.include(table(columns, rows, 60), "task-20261120-143022-abc124")
      assert.include(table(columns, rows, undefined), "日本語 🚂 ".repeat(39).trim(), "into a pipe nothing is cut")
    })
  )

  it.effect("hold nothing that moves a cursor", () =>
    Effect.sync(() => {
      const shown = table(columns, rows, 200) + facts([["a", "x\u001b]0;title\u0007y\u009b2J"]])
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
      assert.match(shown, /ab c {4}d/)
    })
  )
})

describe("times", () => {
  it.effect("are read as people write them", () =>
    Effect.sync(() => {
      const table: ReadonlyArray<readonly [string, number | undefined]> = [
        ["90s", 90_000],
        ["10m", 600_000],
        ["1h30m", 5_400_000],
        ["1.5h", 5_400_000],
        ["2d", 172_800_000],
        ["250", 250],
        ["250ms", 250],
        ["0", 0],
        ["", undefined],
        ["10", 10],
        ["-5m", undefined],
        ["5 m", undefined],
        ["m", undefined],
        ["1e3s", undefined],
        ["99999999999999999999d", undefined]
      ]
      for (const [text, ms] of table) {
        const parsed = parseDuration(text)
        assert.strictEqual("value" in parsed ? parsed.value : undefined, ms, text)
      }
    })
  )

  it.effect("may be moments or distances", () =>
    Effect.sync(() => {
      const now = Date.parse("2026-11-20T12:00:00Z")
      const at = (text: string, direction: 1 | -1) => {
        const parsed = parseMoment(text, now, direction)
        return "value" in parsed ? parsed.value : undefined
      }
      assert.strictEqual(at("10m", 1), "2026-11-20T12:10:00.000Z")
      assert.strictEqual(at("1d", -1), "2026-11-19T12:00:00.000Z")
      assert.strictEqual(at("2026-11-20T14:30:00Z", 1), "2026-11-20T14:30:00.000Z")
      assert.strictEqual(at("2026-11-20T14:30+02:00", 1), "2026-11-20T12:30:00.000Z")
      assert.strictEqual(at("2026-11-20 14:30", 1), new Date(2026, 10, 20, 14, 30).toISOString())
      for (const text of ["tomorrow", "2026-13-40", "", "20261120", "2026-11-20T25:00Z"])
        assert.isUndefined(at(text, 1), text)
    })
  )
})
