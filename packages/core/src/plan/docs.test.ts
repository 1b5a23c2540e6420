import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { actionNames } from "../action/catalog.ts"
import { actionsPage } from "./docs.ts"

it("docs/actions.md is current; otherwise run npx tsx scripts/docs-actions.ts", () => {
  expect(readFileSync(new URL("../../../../docs/actions.md", import.meta.url), "utf8")).toBe(actionsPage())
})

it("has every action of the catalogue once", () => {
  const page = actionsPage()
  for (const name of actionNames) expect(page.split(`\n### ${name}\n`)).toHaveLength(2)
})
