import { describe, expect, it } from "vitest"
import { edit, insert, limit, line, vertical } from "./line.ts"
import type { EditId } from "./keymap.ts"
import { input } from "./screen/input.ts"

/** `|` is the cursor. */
const at = (text: string) => ({ text: text.replace("|", ""), cursor: text.indexOf("|") })
const shown = ({ text, cursor }: { readonly text: string; readonly cursor: number }) =>
  `${text.slice(0, cursor)}|${text.slice(cursor)}`

describe("a line that is written", () => {
  it.each<[EditId, string, string]>([
    ["edit.left", "ab|c", "a|bc"],
    ["edit.left", "|abc", "|abc"],
    ["edit.left", "a👍🏽|b", "a|👍🏽b"],
    ["edit.right", "a|👨‍👩‍👧b", "a👨‍👩‍👧|b"],
    ["edit.home", "one two|", "|one two"],
    ["edit.home", "one\ntwo| three", "one\n|two three"],
    ["edit.end", "|one\ntwo", "one|\ntwo"],
    ["edit.wordLeft", "one two  |three", "one |two  three"],
    ["edit.wordRight", "one| two three", "one two| three"],
    ["edit.backspace", "abc|", "ab|"],
    ["edit.backspace", "e\u0301|", "|"],
    ["edit.delete", "a|bc", "a|c"],
    ["edit.killWord", "run the tests |", "run the |"],
    ["edit.killStart", "one two| three", "| three"],
    ["edit.killEnd", "one| two\nthree", "one|\nthree"],
    ["edit.killEnd", "one|\nthree", "one|three"]
  ])("%s makes of %j %j", (id, before, after) => {
    expect(shown(edit(at(before), id))).toBe(after)
  })
  it("takes paste as text: no escape sequence, no line break in one line, no more than the limit", () => {
    expect(insert(line("a"), "b\r\n\x1b[31mc").text).toBe("ab c")
    expect(insert(line("a"), "b\r\n\x1b[31mc", "many").text).toBe("ab\nc")
    expect(insert(line(), "x".repeat(limit + 10)).text).toHaveLength(limit)
  })
  it("walks between lines at its column", () => {
    expect(vertical(at("first\nse|cond"), -1)).toEqual(at("fi|rst\nsecond"))
    expect(vertical(at("fir|st\nab"), 1)).toEqual(at("first\nab|"))
    expect(vertical(at("on|e"), -1)).toBeUndefined()
    expect(vertical(at("on|e"), 1)).toBeUndefined()
  })
  it("is drawn with its cursor in sight, however long it is", () => {
    for (const text of ["", "short", "x".repeat(500), "日本".repeat(200)]) {
      for (const cursor of [0, Math.floor(text.length / 2), text.length]) {
        const { rows, cursor: at } = input({ text, cursor }, 20)
        expect(at.x).toBeLessThan(20)
        expect(rows).toHaveLength(1)
      }
    }
  })
})
