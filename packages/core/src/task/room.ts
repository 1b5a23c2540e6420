/** The task room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { decideTask, type TaskCommand, type TaskRejection } from "./decider.ts"
import type { TaskEvent } from "./events.ts"
import { evolveTask, type TaskView } from "./view.ts"

export const taskDecider: Decider<TaskView | undefined, TaskCommand, TaskEvent, TaskRejection> = {
  initial: undefined,
  evolve: evolveTask,
  decide: decideTask
}
