/**
 * shell.run: the one action that takes free text, where the host's owner allowed it.
 *
 * Owns: running it. Does not own: whether it may (grant, opt-in: agent; approval: plan room).
 * Invariants: its own process group, which ends with it, what it put into the background too (a service is for systemd to keep); its output is text of strangers.
 */
import { run } from "./child.ts"
import type { Performer } from "./Performer.ts"
import { cleanLines } from "./text/clean.ts"
import { mask } from "./text/mask.ts"

const outputLimit = 96 * 1024

export const runShell: Performer<"shell.run"> = async ({ command }, of) => {
  const ran = await run("sh", ["-c", command], {
    signal: of.signal,
    timeoutMs: 10 * 60_000,
    maxBytes: outputLimit,
    leavesNothing: true
  })
  const how =
    ran.ended === "by itself"
      ? ran.code === null
        ? "was ended by a signal"
        : `ended with code ${ran.code}`
      : "was ended at its time limit"
  return {
    outcome: ran.code === 0 && ran.ended === "by itself" ? "succeeded" : "failed",
    summary: `The command ${how}.`,
    data: {
      exitCode: ran.code,
      stdout: cleanLines(mask(ran.stdout), outputLimit),
      stderr: cleanLines(mask(ran.stderr), 32 * 1024),
      truncated: ran.truncated
    },
    proven: false
  }
}
