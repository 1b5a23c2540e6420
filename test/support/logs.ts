/** What the processes of a test said, when it fails. Apart from `signalbox.ts`, which runs outside of vitest as well. */
import { onTestFailed } from "vitest"
import { type Home, rolesOf } from "./signalbox.ts"

/** To be called in a test: when it fails, the last lines of every process are printed. */
export const showLogsOnFailure = (home: Home): void =>
  onTestFailed(async () => {
    for (const role of rolesOf(home)) {
      const lines = (await role.log()).split("\n")
      process.stderr.write(`\n--- ${role.name} (pid ${role.pid}), last lines ---\n${lines.slice(-60).join("\n")}\n`)
    }
  })
