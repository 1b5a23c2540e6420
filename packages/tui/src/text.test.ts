import { describe, expect, it } from "vitest"
import stringWidth from "string-width"
import { clean, fit, fitMiddle, fitRight, oneLine, width, wrap } from "./text.ts"

const hostile = [
  "\x1b[2J\x1b[H\x1b[31mred\x1b[0m",
  "\x1b]0;title\x07after",
  "\x1b]52;c;ZXZpbA==\x1b\\after",
  '\x1bP$q"p\x1b\\dcs',
  "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
  "\x9b31mC1 csi",
  "bell\x07 back\x08space \x7fdelete",
  "a\u202egnp.exe\u202c\u2066x\u2069",
  "zero\u200bwidth\ufeff\u00ad",
  "\x1b",
  "\x1b[",
  "\ud800lone"
]

describe("clean", () => {
  it.each(hostile)("leaves no control character of %j", (text) => {
    // oxlint-disable-next-line no-control-regex
    expect(clean(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b\ufeff\ud800-\udfff]/u)
  })
  it("keeps what a person reads", () => {
    expect(clean("\x1b[31mred\x1b[0m")).toBe("red")
    expect(clean("\x1b]0;title\x07after")).toBe("after")
    expect(clean("a\tb")).toBe("a    b")
    expect(clean("déjà vu 日本語 🎉")).toBe("déjà vu 日本語 🎉")
  })
  it("makes a family of joined emoji one emoji, two columns wide", () => {
    expect(clean("👨‍👩‍👧‍👦")).toBe("👨")
    expect(width(clean("👍🏽"))).toBe(2)
    expect(clean("1️⃣")).toBe("1")
  })
})

describe("fit", () => {
  const samples = [
    "",
    "a",
    "exactly-ten",
    "日本語テキスト",
    "a日b本c",
    "🎉🎉🎉🎉🎉🎉",
    "naïve café",
    "مرحبا بالعالم",
    ...hostile.map(clean)
  ]
  it.each(samples)("is exactly as wide as asked for %j", (text) => {
    for (let columns = 1; columns <= 14; columns++) {
      expect(stringWidth(fit(text, columns))).toBe(columns)
      expect(stringWidth(fitMiddle(text, columns))).toBe(columns)
      expect(stringWidth(fitRight(text, columns))).toBe(columns)
    }
    expect(fit(text, 0)).toBe("")
  })
  it("marks what was cut and never cuts the end of an id", () => {
    expect(fit("hello world", 8)).toBe("hello w…")
    expect(fitMiddle("task-20261120-143022-k3v9q2", 13)).toBe("task-…-k3v9q2")
  })
})

describe("wrap", () => {
  it("keeps words whole and loses nothing", () => {
    expect(wrap("the quick brown fox", 10)).toEqual(["the quick", "brown fox"])
    expect(wrap("abcdefghijkl", 5)).toEqual(["abcde", "fghij", "kl"])
    expect(wrap("", 5)).toEqual([""])
  })
  it("never answers a row that is too wide, nor loops on what is wider than a row", () => {
    for (const columns of [1, 2, 3, 7]) {
      for (const text of ["日本語テキスト and words", "🎉".repeat(9), "x".repeat(40)])
        for (const row of wrap(text, columns)) expect(width(row)).toBeLessThanOrEqual(Math.max(2, columns))
    }
  })
})

it("looks at no more of a line of 1 MB than can be seen", () => {
  const line = `\x1b[31m${"x".repeat(1_000_000)}`
  expect(oneLine(line, 80).length).toBeLessThan(2000)
  expect(oneLine("two\r\n  lines", 80)).toBe("two lines")
})
