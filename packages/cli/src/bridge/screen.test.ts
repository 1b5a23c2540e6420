import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { width } from "@signalbox/tui/text.ts"
import { wrap } from "./screen.ts"

describe("rows of the terminal", () => {
  it.effect.prop(
    "hold all of the text, in order, and stay narrower than the screen however it came",
    [Schema.Array(Schema.Literals(["a", "word ", "a-very-long-word-indeed", "\n", "日本", "🚂", " ", "IA> "]))],
    ([pieces]) =>
      Effect.sync(() => {
        let row = ""
        const done: Array<string> = []
        for (const piece of pieces) {
          const cut = wrap(row, piece, 12)
          done.push(...cut.done)
          row = cut.row
        }
        for (const line of [...done, row]) assert.isBelow(width(line), 12)
        const bare = (text: string): string => text.replaceAll("\n", "")
        assert.strictEqual(bare([...done, row].join("")), bare(pieces.join("")))
      })
  )

  it("break between words where they can", () => {
    assert.deepStrictEqual(wrap("", "one two three four", 10), { done: ["one two ", "three "], row: "four" })
  })
})
