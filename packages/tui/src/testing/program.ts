/** The terminal UI alone, as a program for tests on a real terminal: `program.ts URL TOKEN`. Attaching runs a shell script that asks for a line. */
import { runTui } from "../main.tsx"

const [, , baseUrl = "", token = ""] = process.argv
const script = `echo "attached to $1"; read line; echo "child got: $line"; read more; exit "\${more:-0}"`
process.exitCode = await runTui({
  baseUrl,
  token,
  version: "test",
  place: "ops",
  attachCommand: (taskId) => ["sh", "-c", script, "sh", taskId]
})
