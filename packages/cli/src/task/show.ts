/** `task list` and `task show`: what is known of tasks. */
import { Clock, Effect, Result, Schema } from "effect"
import { TaskStatus, TaskView } from "@signalbox/core/task/view.ts"
import { withConnection } from "../client/HubConnection.ts"
import { readHub } from "../client/read.ts"
import { parseMoment } from "../client/time.ts"
import { answer, cannotTell } from "../output.ts"

export interface ListFlags {
  readonly host: string | undefined
  readonly tool: string | undefined
  readonly status: ReadonlyArray<string>
  readonly since: string | undefined
  readonly text: string | undefined
  readonly limit: number
}

const Listed = Schema.Struct({ tasks: Schema.Array(TaskView) })

export const list = (flags: ListFlags) =>
  withConnection(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const since = flags.since === undefined ? undefined : parseMoment(flags.since, now, -1)
      if (since !== undefined && Result.isFailure(since)) return yield* Effect.fail(cannotTell(`${since.failure}.`))
      if (flags.limit < 1 || flags.limit > 1000)
        return yield* Effect.fail(cannotTell("--limit must be between 1 and 1000."))
      const status = yield* Effect.forEach(
        flags.status.flatMap((one) => one.split(",")).map((one) => one.trim().replace("-", "_")),
        toStatus
      )
      const { tasks } = yield* readHub(
        "/api/v1/tasks",
        {
          limit: flags.limit,
          host: flags.host,
          tool: flags.tool,
          status,
          since: since?.success,
          text: flags.text
        },
        Listed
      )
      yield* answer({ tasks: tasks.map(brief) }, () =>
        import("./screen.ts").then(({ rows }) => (tasks.length === 0 ? "No tasks." : rows(tasks, now)))
      )
    })
  )

/** `completed` is what others call succeeded. */
const toStatus = (word: string): Effect.Effect<TaskStatus, ReturnType<typeof cannotTell>> => {
  const status = word === "completed" ? "succeeded" : word
  return Schema.is(TaskStatus)(status)
    ? Effect.succeed(status)
    : Effect.fail(cannotTell(`"${word}" is not a status; there are ${TaskStatus.literals.join(", ")}.`))
}

/** The contract's shape, and nothing else. */
const brief = ({ taskId, host, tool, command, status, createdAt, startedAt, finishedAt, exitCode }: TaskView) => ({
  taskId,
  host,
  tool,
  command,
  status,
  createdAt,
  startedAt,
  finishedAt,
  exitCode
})

export const show = (taskId: string) =>
  withConnection(
    Effect.gen(function* () {
      const { task } = yield* readHub(
        `/api/v1/tasks/${encodeURIComponent(taskId)}`,
        {},
        Schema.Struct({ task: TaskView })
      )
      const now = yield* Clock.currentTimeMillis
      yield* answer(Schema.encodeSync(Schema.toCodecJson(TaskView))(task) as Schema.Json, () =>
        import("./screen.ts").then(({ details }) => details(task, now))
      )
    })
  )
