/** The committed page is the one that the table makes, and its example is a tool. */
import { readFileSync } from "node:fs"
import { Result } from "effect"
import { expect, it } from "vitest"
import { toolsPage } from "./docs.ts"
import { decodeUserTool, toTool } from "./userTool.ts"

it("docs/tools.md is current; otherwise run npx tsx scripts/docs-tools.ts", () => {
  expect(readFileSync(new URL("../../../../docs/tools.md", import.meta.url), "utf8")).toBe(toolsPage())
})

it("the example of a person's tool can be defined", () => {
  const example: unknown = JSON.parse(/```json\n([\s\S]*?)```/u.exec(toolsPage())?.[1] ?? "")
  expect(Result.isSuccess(Result.flatMap(decodeUserTool(example), toTool))).toBe(true)
})
