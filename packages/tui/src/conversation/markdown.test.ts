import { describe, expect, it } from "vitest"
import { rowWidth, type Row } from "../row.ts"
import { markdown } from "./markdown.ts"
import { Streaming } from "./streaming.ts"

const text = (rows: ReadonlyArray<Row>): ReadonlyArray<string> =>
  rows.map((row) =>
    row
      .map((span) => span.text)
      .join("")
      .trimEnd()
  )
const spanOf = (rows: ReadonlyArray<Row>, words: string) => rows.flat().find((span) => span.text.includes(words))

const sample = `# A heading

Some **bold**, some *slanted*, some \`code\`, ~~gone~~ and a [link](https://example.org/a) and https://example.net.

1. first
2. second
   - nested
   - [x] done

   with a paragraph
3. third

- a

- b

> quoted **words**
> go on

\`\`\`ts
const a = 1

  if (a) {}
\`\`\`

| Name | Size |
|:--|--:|
| one | 12 |
| 日本語 | 3 |

---

    indented code

Text &lt;tag&gt; <b>html</b>
the end.
`

describe("markdown", () => {
  it("shows headings, emphasis, lists, quotes, code and tables as a terminal can", () => {
    const rows = markdown(sample, 60)
    expect(text(rows)).toEqual([
      "# A heading",
      "",
      "Some bold, some slanted, some code, gone and a link",
      "(https://example.org/a) and https://example.net.",
      "",
      "1. first",
      "2. second",
      "   • nested",
      "   • [x] done",
      "",
      "   with a paragraph",
      "3. third",
      "",
      "• a",
      "",
      "• b",
      "",
      "▏ quoted words go on",
      "",
      "┌ ts",
      "│ const a = 1",
      "│",
      "│   if (a) {}",
      "",
      "Name   │ Size",
      "───────┼─────",
      "one    │   12",
      "日本語 │    3",
      "",
      "─".repeat(40),
      "",
      "│ indented code",
      "",
      "Text <tag> <b>html</b> the end."
    ])
    expect(spanOf(rows, "bold")).toMatchObject({ bold: true })
    expect(spanOf(rows, "slanted")).toMatchObject({ italic: true })
    expect(spanOf(rows, "code")).toMatchObject({ color: "cyan" })
  })

  it("keeps the marks that styles stand for where there are no colors", () => {
    const before = process.env["FORCE_COLOR"]
    process.env["FORCE_COLOR"] = "0"
    try {
      expect(text(markdown("some **bold**, *slanted* `code` ~~gone~~", 60))).toEqual([
        "some **bold**, *slanted* `code` ~~gone~~"
      ])
    } finally {
      process.env["FORCE_COLOR"] = before
    }
  })

  it("fits every row at every width, and loses no word", () => {
    const words = ["heading", "slanted", "nested", "paragraph", "indented", "https://example.org/a", "12", "third"]
    for (const columns of [16, 20, 33, 60, 79, 200]) {
      const rows = markdown(sample, columns)
      for (const row of rows) expect([columns, rowWidth(row) <= columns]).toEqual([columns, true])
      const all = text(rows)
        .join("")
        .replaceAll(/[│▏•\s]/gu, "")
      for (const word of words) expect([columns, all.includes(word)]).toEqual([columns, true])
    }
  })

  it("gives a table that is too wide several rows per cell, and too narrow a list", () => {
    const table = "| Key | Meaning |\n|---|---|\n| first | " + "long words ".repeat(10).trim() + " |\n"
    const rows = markdown(table, 40)
    expect(text(rows)[0]).toMatch(/^Key +│ Meaning/u)
    expect(text(rows).join(" ").match(/words/gu)).toHaveLength(10)
    expect(text(markdown(table, 10))[0]).toBe("Key: first")
  })

  it("makes every command to the terminal harmless", () => {
    const evil =
      "\x1b[2J\x1b]0;owned\x07 # not\n\n`\x1b[31mred` **\x9b2J** [\x1b[1A](http://a/\x1b[2K)\n\n```\x1b[5m\n\x1b[?1049l\t&#27;[2J\u202e\n```\n&#27;[2J &#x9b;2J"
    const all = text(markdown(evil, 50)).join("\n")
    // oxlint-disable-next-line no-control-regex
    expect(all).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/u)
    for (const row of markdown(evil, 50)) for (const span of row) expect(span.text).not.toMatch(/[\r\n]/u)
  })

  it("survives what is made to break a lexer, in time", () => {
    let micros = 0
    for (const bad of [
      "> ".repeat(50_000),
      "- ".repeat(50_000),
      "[".repeat(100_000),
      "*a ".repeat(30_000),
      "_".repeat(100_000),
      "![a](b ".repeat(20_000),
      "`a``b```".repeat(10_000),
      "a\n".repeat(30_000),
      "|a".repeat(3000) + "\n" + "|-".repeat(3000) + "\n" + "|b".repeat(3000),
      "日".repeat(100_000),
      "x".repeat(200_000),
      " ".repeat(100_000) + "x"
    ]) {
      const before = process.cpuUsage()
      const rows = markdown(bad, 80)
      const { user, system } = process.cpuUsage(before)
      micros += user + system
      expect(rows.filter((row) => rowWidth(row) > 80)).toEqual([])
    }
    expect(micros).toBeLessThan(10e6) // of this process, whoever else wants the processor: half a second is usual
  })
})

describe("markdown that is still coming", () => {
  const pieces = (all: string, size: number): ReadonlyArray<string> =>
    Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(0, (i + 1) * size))

  it.each([1, 3, 7, 40])("ends as the whole does, by pieces of %i", (size) => {
    for (const columns of [24, 60]) {
      const streaming = new Streaming(columns)
      let last: ReadonlyArray<Row> = []
      for (const piece of pieces(sample.trimEnd(), size)) last = streaming.update(piece)
      expect(text(last)).toEqual(text(markdown(sample.trimEnd(), columns)))
    }
  })

  it("keeps the rows that are final while more comes", () => {
    const streaming = new Streaming(60)
    let before: ReadonlyArray<string> = []
    for (const piece of pieces(sample, 5)) {
      const now = text(streaming.update(piece))
      const stable = Math.max(0, before.length - 8)
      expect(now.slice(0, stable)).toEqual(before.slice(0, stable))
      before = now
    }
  })

  it("reads each character a few times, however long the text gets", () => {
    const paragraphs = Array.from({ length: 400 }, (_, i) => `Paragraph ${i} has *some* words in it.`).join("\n\n")
    const items = Array.from({ length: 2000 }, (_, i) => `${i + 1}. item number ${i}`).join("\n")
    const code = "```\n" + "a line of code\n".repeat(5000) + "```\nafter"
    for (const all of [paragraphs, items, code]) {
      const streaming = new Streaming(80)
      for (const piece of pieces(all, 16)) streaming.update(piece)
      expect(streaming.read).toBeLessThan(all.length * 12)
      expect(text(streaming.update(all))).toEqual(text(markdown(all, 80)))
    }
  })

  it("begins anew with another text", () => {
    const streaming = new Streaming(40)
    streaming.update("one **two**\n\nthree")
    expect(text(streaming.update("other"))).toEqual(["other"])
    expect(text(streaming.update(""))).toEqual([])
  })
})
