/** Writes docs/actions.md from the catalogue of actions: npx tsx scripts/docs-actions.ts */
import { writeFileSync } from "node:fs"
import { actionsPage } from "../packages/core/src/plan/docs.ts"

writeFileSync(new URL("../docs/actions.md", import.meta.url), actionsPage())
