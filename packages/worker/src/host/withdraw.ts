/**
 * Makes sure that a task which a host does not know never starts there.
 *
 * Owns: the act and reading its answer. Does not own: when it is right to do so (`task/watch-host.ts`).
 * Invariants: who makes the directory `once` decides, the runner or we; what has started is left alone.
 */
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Effect } from "effect"
import { framed, isTaskId, lastWords } from "./reply.ts"
import { RunnerError } from "./Runner.ts"
import { Transport } from "./Transport.ts"

/** @returns false when it has started after all */
export const withdraw = Effect.fn("Runner.withdraw")(function* (host: HostConfig, taskId: string) {
  if (!isTaskId(taskId))
    return yield* new RunnerError({ host: host.name, problem: "task-id", reason: "not the id of a task" })
  const transport = yield* Transport
  const command =
    `umask 077; b="$HOME/.signalbox"; d="$b/tasks/${taskId}"; mkdir -p "$d" || exit 70; w=started; ` +
    `if mkdir "$d/once" 2>/dev/null; then : >"$d/never" || exit 70; rm -f "$d/env" "$b"/active/${taskId} "$b"/active/*/${taskId}; fi; ` +
    `[ -f "$d/never" ] && w=withdrawn; printf '\\n@signalbox\\n%s\\n@end\\n' "$w"`
  const ran = yield* transport.exec(host, command, { timeoutMs: 60_000 })
  const [said, ...more] = ran.code === 0 ? (framed(ran.out) ?? []) : []
  if (more.length > 0 || (said !== "withdrawn" && said !== "started"))
    return yield* new RunnerError({
      host: host.name,
      problem: "answer",
      reason: `${host.name} did not tell whether ${taskId} can still start: ${lastWords(ran.err) || "no answer"}`
    })
  return said === "withdrawn"
})
