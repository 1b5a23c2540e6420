/**
 * What the fleet tests say to the command line about hosts and tasks, and the shapes they expect back (design §8).
 */
import { createHash } from "node:crypto"
import { Schema } from "effect"
import { ToolReport } from "@signalbox/core/tool/Tool.ts"
import { TaskStatus, isSettled } from "@signalbox/core/task/view.ts"
import { type Home, hubSays, signalbox, signalboxWith, until } from "../support/signalbox.ts"
import type { FleetHost } from "./support.ts"

export const Task = Schema.Struct({
  taskId: Schema.String,
  host: Schema.String,
  tool: Schema.String,
  command: Schema.String,
  status: TaskStatus,
  createdAt: Schema.String,
  startedAt: Schema.NullOr(Schema.String),
  finishedAt: Schema.NullOr(Schema.String),
  exitCode: Schema.NullOr(Schema.Int)
})
export type Task = typeof Task.Type
export const TaskList = Schema.Struct({ tasks: Schema.Array(Task) })
export const TaskDetail = Schema.Struct({
  ...Task.fields,
  message: Schema.NullOr(Schema.String),
  report: ToolReport,
  output: Schema.Struct({
    out: Schema.optionalKey(Schema.Struct({ bytes: Schema.Int, sha256: Schema.String }))
  })
})
const Status = Schema.Struct({ task: Schema.Struct({ status: TaskStatus }) })
export const Created = Schema.Struct({ taskId: Schema.String })
export const HostShown = Schema.Struct({ name: Schema.String, watcher: Schema.NullOr(Schema.String) })

/** Adds a fleet host and pins the key it offers. */
export const addHost = async (home: Home, host: FleetHost, ...more: ReadonlyArray<string>): Promise<void> => {
  const args = ["--address", host.address, "--user", "root", "--key", host.keyFile, "--accept-new", ...more]
  const added = await signalbox(home, "host", "add", host.name, ...args)
  if (added.code !== 0) throw new Error(`host add ${host.name} → ${added.code}\n${added.stderr}`)
}

/** The command travels on stdin (`--command -`), so that no argument limit of this machine shapes it. */
export const createTask = async (
  home: Home,
  host: string,
  tool: string,
  command: string,
  ...more: ReadonlyArray<string>
): Promise<string> => {
  const args = ["task", "create", "--host", host, "--tool", tool, "--command", "-", ...more, "--json"]
  return (await signalboxWith(home, { input: command }, ...args)).json(Created).taskId
}

export const showTask = async (home: Home, taskId: string): Promise<typeof TaskDetail.Type> =>
  (await signalbox(home, "task", "show", taskId, "--json")).json(TaskDetail)

/**
 * Waits until the task has this status; a task that settled in another way fails at once.
 * @returns the task as it was then, and how long that took
 */
export const hasStatus = async (home: Home, taskId: string, wanted: TaskStatus, timeoutMs: number) => {
  const { value, ms } = await until(`${taskId} is ${wanted}`, timeoutMs, async () => {
    const looked = await hubSays(home, `/api/v1/tasks/${taskId}`, Status)
    if (looked.task.status !== wanted && !isSettled(looked.task.status)) return undefined
    const task = await showTask(home, taskId)
    return task.status === wanted || isSettled(task.status) ? task : undefined
  })
  if (value.status !== wanted) throw new Error(`${taskId} is ${value.status}, not ${wanted}: ${value.message}`)
  return { task: value, ms }
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
