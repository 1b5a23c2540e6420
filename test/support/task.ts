/** What a worker would record of a task, said by the test: true commands through the true decider. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"

/** Recorded, and seen by the read models. */
export const record = (taskId: string, command: TaskCommand) =>
  Effect.gen(function* () {
    const commands = yield* Commands
    const { position } = yield* commands.execute({
      decider: taskDecider,
      types: taskEvents,
      stream: taskStream(taskId),
      command,
      commandId: randomUUID(),
      actor: "worker:test"
    })
    yield* (yield* ReadModels).waitFor(position)
  })

export const started = (taskId: string) =>
  Effect.andThen(
    record(taskId, { _tag: "Dispatch" }),
    record(taskId, { _tag: "RecordLaunch", pid: 4711, bootId: "boot-1", adopted: false })
  )

export const ended = (
  taskId: string,
  exitCode: number,
  report: Extract<TaskCommand, { _tag: "RecordExit" }>["report"] = {}
) => record(taskId, { _tag: "RecordExit", exitCode, report, output: {} })
