import { describe, expect, it } from "vitest"
import { width } from "../text.ts"
import { LogLines } from "./lines.ts"
import { scrollBy, toStart, visible } from "./scroll.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const texts = (log: LogLines): ReadonlyArray<string> => log.all.map((l) => l.text)

describe("log lines", () => {
  it("are the same however the bytes are cut", () => {
    const all = bytes("one\r\ntwo — 日本語\n10 %\r20 %\n\x1b[31mred\x1b[0m\n\nlast")
    const whole = new LogLines()
    whole.push("out", all)
    const single = new LogLines()
    for (const byte of all) single.push("out", Uint8Array.of(byte))
    expect(texts(whole)).toEqual(["one", "two — 日本語", "20 %", "red", "", "last"])
    expect(texts(single)).toEqual(texts(whole))
    single.end()
    expect(texts(single)).toEqual(texts(whole))
  })
  it("keep their numbers while old ones fall off, and memory stays bounded", () => {
    const log = new LogLines()
    for (let i = 1; i <= 20_000; i++) log.push("out", bytes(`line ${i}\n`))
    log.push("out", bytes("x".repeat(3_000_000)))
    expect(log.all.length).toBeLessThanOrEqual(5501)
    for (const line of log.all.slice(0, -1)) expect(line.text).toBe(`line ${line.number}`)
    expect(log.all.at(-1)?.text.length).toBeLessThan(9000)
  })
})

describe("scrolling wrapped lines", () => {
  it("goes to the start and back to the end row by row, and shows every row on the way", () => {
    const log = new LogLines()
    for (let i = 1; i <= 30; i++) log.push("out", bytes(`${i} ${"word ".repeat(i)}\n`))
    const rows = (scroll: Parameters<typeof visible>[1]) => visible(log.all, scroll, 40, 10)
    const seen = new Set<string>()
    let scroll = toStart(log.all)
    let steps = 0
    for (; !scroll.follow && steps < 1000; steps++) {
      for (const row of rows(scroll)) {
        seen.add(`${row.line.number}.${row.sub}`)
        expect(width(row.text)).toBeLessThanOrEqual(38)
      }
      scroll = scrollBy(log.all, scroll, 40, 10, 1)
    }
    expect(scroll).toEqual({ follow: true })
    expect(rows(scroll).at(-1)?.line.number).toBe(30)
    expect(seen.size + 1).toBeGreaterThanOrEqual(steps)
    for (let n = 1; n <= 30; n++) expect(seen.has(`${n}.0`)).toBe(true)
    for (let i = 0; i < 1000; i++) scroll = scrollBy(log.all, scroll, 40, 10, -1)
    expect(rows(scroll)[0]).toMatchObject({ sub: 0, line: { number: 1 } })
  })
})
