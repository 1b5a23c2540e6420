import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { excerptOf, forIndex, forQuery } from "./words.ts"

const bits = [
  "Zug",
  "ZÜGE",
  "straße",
  "接続プール",
  "ฐานข้อมูล",
  "🚂",
  "e\u0301",
  "ﬁ",
  "\ud800",
  "\u0000",
  "\n",
  " ",
  "-",
  '"',
  "(",
  "&",
  "İ",
  "or",
  "2026"
]
const made = (numbers: ReadonlyArray<number>): string =>
  numbers.map((n) => bits[Math.abs(n) % bits.length] ?? "").join(numbers.length % 2 === 0 ? " " : "")

describe("text as search sees it", () => {
  it.effect.prop(
    "is well-formed, and what it holds is marked where it is asked for",
    [Schema.Array(Schema.Int), Schema.Array(Schema.Int)],
    ([a, b]) =>
      Effect.sync(() => {
        const [text, asked] = [made(a), made(b)]
        assert.isTrue(forIndex(text).isWellFormed())
        assert.isTrue(forQuery(asked).isWellFormed())
        const excerpt = excerptOf(text, asked)
        assert.isTrue(excerpt.isWellFormed())
        assert.isBelow(excerpt.length, 1000)
        const marked = excerpt.replaceAll(/[«»]/gu, "")
        assert.include(text.replaceAll(/\s+/gu, " ").toWellFormed(), marked.replaceAll("…", "").trim())
      })
  )

  it.effect("makes no difference between ways to write the same", () =>
    Effect.sync(() => {
      const table: ReadonlyArray<readonly [string, string]> = [
        ["Köln", "KOLN"],
        ["STRASSE", "straße"],
        ["cafe\u0301", "café"],
        ["ﬁle", "file"],
        ["Ｆｕｌｌ", "full"],
        ["Ёлка", "елка"],
        ["/var/log", "var log"]
      ]
      for (const [a, b] of table) assert.strictEqual(forIndex(a).trim(), forIndex(b).trim(), a)
      assert.strictEqual(forQuery("接続 pool"), '"接 続" pool')
      assert.strictEqual(forQuery('-"two words" or x'), '-"two words" or x')
      assert.strictEqual(forQuery("a/b"), '"a b"')
    })
  )
})
