/**
 * The entry of the bundle. Answers `--version`, plain reads and plain instructions before anything is loaded; everything else is `main.ts`.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { planNow } from "./plan/now.ts"
import { readNow } from "./read/now.ts"

// `signalbox events | head` closes our stdout: that is an end, not an error
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
})

const args = process.argv.slice(2)
// the same depth from src/ and from dist/
const version = (): string =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8")).version

if (args.length === 1 && (args[0] === "--version" || args[0] === "-v")) process.stdout.write(`signalbox ${version()}\n`)
else if (!(await readNow(args)) && !(await planNow(args))) {
  const { main } = await import("./main.ts")
  main(args, version())
}
