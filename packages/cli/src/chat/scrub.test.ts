import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Scrubber } from "./scrub.ts"

const bad = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u // oxlint-disable-line no-control-regex
const hostile = [
  "\u001b[2J",
  "\u001b]0;title\u0007",
  "\u001b]52;c;aGk=\u001b\\",
  "\u001bP+q544e\u001b\\",
  "\u009b31m",
  "\u001b",
  "\u0007",
  "\r",
  "\u202e",
  "\u001b[?1049h",
  "\u001b(0",
  "\u001bc"
]
const harmless = ["word", " ", "\n", "\t", "日本語", "👨‍👩‍👧", "é", "[31m", "]0;"]

describe("what a model says on a terminal", () => {
  it.effect.prop("is harmless however it is cut, and keeps its words", [Schema.Array(Schema.Int)], ([numbers]) =>
    Effect.sync(() => {
      const parts = numbers.map((n) => {
        const all = [...harmless, ...hostile]
        return all[Math.abs(n) % all.length] ?? ""
      })
      const text = parts.join("")
      const scrubber = new Scrubber()
      let out = ""
      for (let at = 0; at < text.length;) {
        const size = 1 + (Math.abs(numbers[at % Math.max(1, numbers.length)] ?? 1) % 3)
        out += scrubber.push(text.slice(at, at + size))
        at += size
      }
      out += scrubber.end()
      assert.notMatch(out, bad)
    })
  )

  it.effect("comes unchanged when it is plain text", () =>
    Effect.sync(() => {
      const text = harmless.join("")
      const scrubber = new Scrubber()
      const pieces = Array.from(text, (one) => scrubber.push(one)).join("") + scrubber.end()
      assert.strictEqual(pieces, text)
    })
  )

  it.effect("is not held back by a sequence that never ends", () =>
    Effect.sync(() => {
      const scrubber = new Scrubber()
      let out = ""
      for (let i = 0; i < 200; i++) out += scrubber.push(i === 0 ? "a\u001b]0;" : "more words ")
      assert.notMatch(out, bad)
      assert.isAbove(out.length, 1000)
    })
  )
})
