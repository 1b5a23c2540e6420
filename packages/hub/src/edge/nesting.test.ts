import { assert, describe, it } from "@effect/vitest"
import { nestedDeeper } from "./nesting.ts"

describe("how deep JSON is nested", () => {
  it("counts brackets and braces, and none that stand in strings", () => {
    const deep = (levels: number) => JSON.parse(`${'{"a":['.repeat(levels / 2)}${"]}".repeat(levels / 2)}`) as object
    assert.isFalse(nestedDeeper(JSON.stringify(deep(90)), 90))
    assert.isTrue(nestedDeeper(JSON.stringify(deep(92)), 90))
    for (const text of ["[[[[[", '"[[[[[', '\\"[[[[[', "\\\\", '\\"', ""])
      assert.isFalse(nestedDeeper(JSON.stringify({ a: text, b: [text] }), 2), text)
    assert.isFalse(nestedDeeper(`[${"[],".repeat(10_000)}[]]`, 2), "one beside the other")
    assert.isTrue(nestedDeeper("[".repeat(1_000_000), 90))
  })
})
