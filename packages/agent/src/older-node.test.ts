import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { build } from "esbuild"
import { agentBundle } from "../../../scripts/agent-bundle.mjs"
import { fillOlderNode, filled } from "./older-node.ts"

/** Methods that came to the language and to Node after 18.15, as far as code like ours would use them. */
const newer = (
  "toSorted toReversed toSpliced with fromAsync groupBy withResolvers toWellFormed isWellFormed canParse union intersection difference " +
  "symmetricDifference isSubsetOf isSupersetOf isDisjointFrom parseArgs styleText loadEnvFile transferToFixedLength waitAsync sumPrecise " +
  "toBase64 fromBase64 toHex glob globSync openAsBlob getBuiltinModule stripTypeScriptTypes mkdtempDisposable"
).split(" ")

describe("on an older Node", () => {
  it("our sources use nothing that is neither there nor filled in", async () => {
    const { metafile } = await build({ ...agentBundle, write: false, metafile: true })
    const ours = Object.keys(metafile?.inputs ?? {}).filter((path) => path.includes("packages/"))
    assert.isAbove(ours.length, 60)
    const root = join(import.meta.dirname, "../../..")
    const found: Array<string> = []
    for (const path of ours) {
      const text = await readFile(join(root, path.slice(path.indexOf("packages/"))), "utf8")
      for (const [, name = ""] of text.matchAll(/\.(\w+)\(/g))
        if (newer.includes(name) && !filled.includes(name)) found.push(`${path}: ${name}`)
    }
    assert.deepStrictEqual(found, [])
  })

  it("what is filled in does what Node's own does, and replaces nothing", () => {
    const own = { sorted: Array.prototype.toSorted, formed: String.prototype.toWellFormed, parse: URL.canParse }
    fillOlderNode()
    assert.deepStrictEqual(
      { sorted: Array.prototype.toSorted, formed: String.prototype.toWellFormed, parse: URL.canParse },
      own
    )
    const names = [
      [Array.prototype, "toSorted"],
      [Array.prototype, "toReversed"],
      [Array.prototype, "with"],
      [String.prototype, "toWellFormed"],
      [URL, "canParse"]
    ] as const
    const saved = names.map(([of, name]) => Object.getOwnPropertyDescriptor(of, name) ?? {})
    const look = (): ReadonlyArray<unknown> => [
      [3, 1, 2].toSorted((a, b) => a - b),
      ["b", "a"].toSorted(),
      [1, 2].toReversed(),
      [1, 2, 3].with(1, 9),
      ["a\uD800b", "\uDC00", "\uD83D\uDE00", "x\uD83D"].map((text) => text.toWellFormed()),
      ["http://a", "a b", ""].map((text) => URL.canParse(text))
    ]
    const expected = look()
    try {
      for (const [of, name] of names) Reflect.deleteProperty(of, name)
      fillOlderNode()
      assert.deepStrictEqual(look(), expected)
    } finally {
      for (const [n, [of, name]] of names.entries()) Object.defineProperty(of, name, saved[n] ?? {})
    }
  })
})
