/**
 * shell.run: the one action that takes free text, where the host's owner allowed it.
 *
 * Owns: running it, and how all that it started is ended with it. Does not own: whether it may (grant, opt-in: agent; approval: plan room).
 * Invariants: what it started ends with it, in the background too (a service is for systemd to keep): under systemd all of its cgroup,
 * elsewhere its process group, and the answer says which; its output is text of strangers.
 */
import { run, type RunOptions } from "./child.ts"
import type { Performer } from "./Performer.ts"
import { hasScopes, runInScope } from "./scope.ts"
import { cleanLines } from "./text/clean.ts"
import { mask } from "./text/mask.ts"

const outputLimit = 96 * 1024

export const runShell: Performer<"shell.run"> = async ({ command }, of) => {
  const options: RunOptions = {
    signal: of.signal,
    timeoutMs: 10 * 60_000,
    maxBytes: outputLimit,
    leavesNothing: true
  }
  const ran = (await hasScopes())
    ? { ...(await runInScope(of.commandId, ["/bin/sh", "-c", command], options)), endedAs: "cgroup" }
    : { ...(await run("sh", ["-c", command], options)), endedAs: "process group", left: undefined, unit: undefined }
  const how =
    ran.ended === "by itself"
      ? ran.code === null
        ? "was ended by a signal"
        : `ended with code ${ran.code}`
      : "was ended at its time limit"
  const left = ran.left === undefined ? "" : ` What it left running could not be ended: ${ran.left}`
  return {
    outcome: ran.code === 0 && ran.ended === "by itself" && ran.left === undefined ? "succeeded" : "failed",
    summary: `The command ${how}.${left}`,
    data: {
      exitCode: ran.code,
      stdout: cleanLines(mask(ran.stdout), outputLimit),
      stderr: cleanLines(mask(ran.stderr), 32 * 1024),
      truncated: ran.truncated,
      endedAs: ran.endedAs,
      ...(ran.unit === undefined ? {} : { unit: ran.unit })
    },
    proven: false
  }
}
