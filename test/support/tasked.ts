/** Tasks as their log has them: made and commanded through the true decider, and waited for on the log, never on the clock. */
import { randomBytes, randomUUID } from "node:crypto"
import { Effect, Stream } from "effect"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { makeTaskId, taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"

export const executeTask = (taskId: string, command: TaskCommand, commandId: string = randomUUID()) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: taskDecider,
      types: taskEvents,
      stream: taskStream(taskId),
      command,
      commandId,
      actor: "ana"
    })
  )

type Created = Extract<TaskCommand, { readonly _tag: "Create" }>["created"]
let made = 0
/** A shell on this machine, where `more` says nothing else. Ids of one process are a second apart: they sort as they were made. */
export const createTask = (command: string, more: Partial<Created> = {}) =>
  Effect.gen(function* () {
    const taskId = makeTaskId(Date.now() + 1000 * made++, randomBytes(6))
    const spec = { host: "local", tool: "shell", params: {}, priority: 0, after: [], command, ...more }
    yield* executeTask(taskId, { _tag: "Create", created: { sessionId: randomUUID(), ...spec, taskId } })
    return taskId
  })

export const taskWhen = (taskId: string, wanted: (task: TaskView) => boolean) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const commands = yield* Commands
    const seen = yield* log.follow({ stream: taskStream(taskId) }).pipe(
      Stream.mapEffect(() => commands.load(taskDecider, taskEvents, taskStream(taskId))),
      Stream.map((loaded) => loaded.state),
      Stream.filter((task) => task !== undefined && wanted(task)),
      Stream.runHead
    )
    return yield* Effect.fromOption(seen)
  }).pipe(
    Effect.timeoutOrElse({
      duration: "120 seconds",
      orElse: () =>
        Effect.flatMap(
          Effect.flatMap(EventLog, (log) => log.read({ stream: taskStream(taskId), limit: 100 })),
          (all) => Effect.die(new Error(`still not as wanted: ${all.map((event) => event.type).join(" ")}`))
        )
    }),
    Effect.orDie
  )
export const taskSettled = (taskId: string) => taskWhen(taskId, (task) => task.finishedAt !== null)
