import { permissions } from "@signalbox/core/account/permissions.ts"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { commands, helpText, parseCommand } from "./command.ts"
import { makeLines } from "./lines.ts"

const texts = (limit: number, chunks: ReadonlyArray<string | Uint8Array>) => {
  const cut = makeLines(limit)
  return chunks.flatMap((chunk) => cut(typeof chunk === "string" ? Buffer.from(chunk) : chunk))
}

describe("lines", () => {
  it.effect.prop(
    "are the same however the bytes were cut",
    [Schema.Array(Schema.String), Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })))],
    ([words, sizes]) =>
      Effect.sync(() => {
        // oxlint-disable-next-line no-control-regex
        const lines = words.map((word) => word.toWellFormed().replaceAll(/[\x00-\x1f\x7f-\x9f]/gu, ""))
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""))
        const chunks: Array<Uint8Array> = []
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % Math.max(1, sizes.length)] ?? 3
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        assert.deepStrictEqual(
          texts(1e6, chunks),
          lines.map((text) => ({ _tag: "Text", text }))
        )
      })
  )

  it("hold exactly the limit, with either end, and no byte more", () => {
    const tag = (...chunks: ReadonlyArray<string>) => texts(4, chunks).map((line) => line._tag)
    assert.deepStrictEqual(tag("abcd\n", "abcd\r\n", "abcde\n", "abcde\r\n", "ab", "cd", "e", "f\n", "ok\n"), [
      "Text",
      "Text",
      "Bad",
      "Bad",
      "Bad",
      "Text"
    ])
  })
})

describe("commands", () => {
  it("are known by every name, in any case, with the rest as it was written", () => {
    for (const [name, { word, also }] of Object.entries(commands))
      for (const one of [word, ...also]) {
        const parsed = parseCommand(`  ${one.toLowerCase()}  a  B `)
        assert.strictEqual(parsed._tag === "Command" ? `${parsed.name}: ${parsed.rest}` : parsed._tag, `${name}: a  B`)
      }
    assert.deepStrictEqual(parseCommand("   "), { _tag: "Empty" })
    assert.deepStrictEqual(parseCommand("list_models"), { _tag: "Command", name: "models", rest: "" })
  })

  it("that are not there are named, short, and never guessed", () => {
    const parsed = parseCommand(`${"x".repeat(500)} y`)
    assert.strictEqual(parsed._tag, "Unknown")
    assert.isBelow(parsed._tag === "Unknown" ? parsed.reason.length : 999, 160)
    assert.strictEqual(parseCommand("__proto__")._tag, "Unknown")
    assert.strictEqual(parseCommand("constructor")._tag, "Unknown")
  })

  it("are in docs/bridge.md as they are here", () => {
    const docs = readFileSync(new URL("../../../../docs/bridge.md", import.meta.url), "utf8")
    const rows = Object.values(commands).map(({ usage, also, says, allowed, needs }) => {
      const others = also.length === 0 ? "" : ` (${also.map((word) => `\`${word}\``).join(", ")})`
      return `| \`${usage}\`${others} | ${says} | ${allowed} | ${allowed === "anyone" ? "" : permissions[needs].role} |`
    })
    assert.include(docs, `|---|---|---|---|\n${rows.join("\n")}\n\n`)
  })

  it("are all in HELP for who may use them", () => {
    const help = helpText(() => true, true)
    for (const { usage } of Object.values(commands)) assert.include(help, usage)
    assert.match(
      helpText(({ allowed }) => allowed === "anyone", false),
      new RegExp(`${Object.values(commands).filter(({ allowed }) => allowed !== "anyone").length} more after AUTH`, "u")
    )
  })
})
