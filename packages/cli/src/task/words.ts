/** A task's state in words. */
import type { TaskView } from "@signalbox/core/task/view.ts"

export const words = (task: Pick<TaskView, "status" | "exitCode">): string =>
  `${task.status.replace("_", " ")}${task.exitCode === null || task.status === "succeeded" ? "" : ` (exit ${task.exitCode})`}`

/** Why, unless the exit code has said it already. */
export const said = (task: Pick<TaskView, "message" | "exitCode">): string =>
  task.message === null || task.message === `exit ${task.exitCode}` ? "" : task.message
