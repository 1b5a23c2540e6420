/**
 * What a worker says about tasks: evidence and decisions, idempotent by what they are about.
 *
 * Owns: the worker's actor name and the command ids. Does not own: the rules (core's task decider).
 * Invariants: the same fact about the same task has the same command id in every worker, so a fact is recorded once whoever
 * finds it; a rejection of evidence is a bug of ours and is logged, never fatal.
 */
import { Context, Effect, Layer } from "effect"
import { Commands, type ExecuteError } from "@signalbox/core/log/Commands.ts"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"
import type { TaskCommand } from "@signalbox/core/task/decider.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"

/** The same for everybody who dispatches: a task is dispatched once. */
export const dispatchKey = "dispatch"

export class TaskCommands extends Context.Service<
  TaskCommands,
  {
    /** @param key names the fact within the task: "launched", "exit", "observe/18442" */
    readonly run: (
      taskId: string,
      command: TaskCommand,
      key: string
    ) => Effect.Effect<TaskView | undefined, ExecuteError>
    /** Writes TaskDispatched for a launch that follows at once. False: somebody else has, or it is not to be started any more. */
    readonly dispatchDirectly: (task: TaskView) => Effect.Effect<boolean, ExecuteError>
    /** The task as the log has it now. */
    readonly load: (taskId: string) => Effect.Effect<TaskView | undefined, ExecuteError>
  }
>()("@signalbox/worker/task/TaskCommands") {
  static readonly layer: Layer.Layer<TaskCommands, never, Commands | Leases> = Layer.effect(
    TaskCommands,
    Effect.gen(function* () {
      const commands = yield* Commands
      const { holder } = yield* Leases
      const load = (taskId: string) =>
        Effect.map(commands.load(taskDecider, taskEvents, taskStream(taskId)), (loaded) => loaded.state)
      const idOf = (taskId: string, key: string) => uuidV5(JSON.stringify(["task", taskId, key]))
      const actor = `worker:${holder}`
      return TaskCommands.of({
        load,
        dispatchDirectly: (task) =>
          commands.write({
            decider: taskDecider,
            types: taskEvents,
            stream: taskStream(task.taskId),
            command: { _tag: "Dispatch", direct: true },
            commandId: idOf(task.taskId, dispatchKey),
            body: dispatchKey,
            actor,
            seen: { state: task, version: task.version }
          }),
        run: (taskId, command, key) =>
          commands
            .execute({
              decider: taskDecider,
              types: taskEvents,
              stream: taskStream(taskId),
              command,
              commandId: idOf(taskId, key),
              // facts that two workers found differ in details (times, digests still growing): the key alone tells a repeat
              body: key,
              actor
            })
            .pipe(
              Effect.map((executed) => executed.state),
              Effect.catchTag("CommandRejected", (rejected) =>
                Effect.andThen(Effect.logWarning(`${taskId}: ${key} was rejected: ${rejected.message}`), load(taskId))
              )
            )
      })
    })
  )
}
