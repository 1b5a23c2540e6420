/** The read model of tasks: `read.task`, and who waits for whom in `read.task_after`. */
import { Effect } from "effect"
import { Db } from "../postgres/Db.ts"
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { taskEvents } from "./events.ts"
import { briefTask, evolveTask, TaskView } from "./view.ts"

export const taskProjection: Projection = viewProjection({
  name: "task",
  version: 1,
  prefix: "task/",
  table: "task",
  moreTables: ["task_after"],
  types: taskEvents,
  schema: TaskView,
  initial: () => undefined,
  evolve: evolveTask,
  brief: briefTask,
  after: (views) =>
    Effect.gen(function* () {
      const waits = [...views.values()].flatMap((task) =>
        task.after.map((id) => ({ task_id: task.taskId, waits_for: id }))
      )
      if (waits.length === 0) return
      const db = yield* Db
      yield* db.query("write task_after", (sql) => sql`insert into task_after ${sql(waits)} on conflict do nothing`)
    })
})
