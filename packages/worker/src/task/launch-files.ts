/**
 * What is written to the host for a task: pure.
 *
 * Owns: which settings win, and what the files hold. Does not own: how they travel and run (`host/Runner.ts`).
 * Invariants: what a person wrote is in files or single-quoted; only the `shell` tool's command and a configured pre-command are
 * shell text; the task's own settings win over the tool's on this host, those over the host's, those over the tool's own.
 */
import type { HostConfig, TaskDefaults } from "@signalbox/core/host/config.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"
import type { Invocation, Launch, Tool } from "@signalbox/core/tool/Tool.ts"
import type { TaskFiles } from "../host/Runner.ts"

/** Host and tool settings, the most particular first. */
export const settingsOf = (host: HostConfig, tool: Tool): ReadonlyArray<TaskDefaults> =>
  [host.tools?.[tool.name], host.defaults, tool.defaults].filter((one) => one !== undefined)

export const timeoutsOf = (
  task: TaskView,
  settings: ReadonlyArray<TaskDefaults>
): { readonly timeoutMs: number | undefined; readonly idleTimeoutMs: number | undefined } => ({
  timeoutMs: task.timeoutMs ?? settings.find((one) => one.timeoutMs !== undefined)?.timeoutMs,
  idleTimeoutMs: task.idleTimeoutMs ?? settings.find((one) => one.idleTimeoutMs !== undefined)?.idleTimeoutMs
})

export const invocationOf = (task: TaskView, settings: ReadonlyArray<TaskDefaults>, root: boolean): Invocation => ({
  command: task.command,
  params: task.params,
  args: settings.find((one) => one.args !== undefined)?.args ?? [],
  sessionId: task.sessionId,
  root,
  ...(task.context === undefined ? {} : { context: task.context }),
  ...(task.resumeSession === undefined ? {} : { resume: task.resumeSession })
})

/** @param secrets values of `envFrom`, read from the worker's environment */
export const launchFiles = (
  task: TaskView,
  launch: Launch,
  settings: ReadonlyArray<TaskDefaults>,
  secrets: Readonly<Record<string, string>>
): TaskFiles => {
  const fromSettings = settings.toReversed().map((one) => one.env ?? {})
  const env: Readonly<Record<string, string>> = Object.assign({}, launch.env, ...fromSettings, task.env, secrets)
  const cwd = task.cwd ?? settings.find((one) => one.cwd !== undefined)?.cwd
  const preCommands = settings.toReversed().flatMap((one) => (one.preCommand === undefined ? [] : [one.preCommand]))
  return {
    command: [...preCommands, launch.script].join("\n"),
    merge: launch.merge,
    ...(launch.interactive === true ? { interactive: true } : {}),
    ...(launch.stdin === undefined ? {} : { stdin: launch.stdin }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(Object.keys(env).length === 0 ? {} : { env })
  }
}
