/** Writes docs/tools.md from the table of tools: npx tsx scripts/docs-tools.ts */
import { mkdirSync, writeFileSync } from "node:fs"
import { toolsPage } from "../packages/core/src/tool/docs.ts"

mkdirSync(new URL("../docs/", import.meta.url), { recursive: true })
writeFileSync(new URL("../docs/tools.md", import.meta.url), toolsPage())
