/** The tasks group of the API: lists, single tasks, and the commands of people. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { sendMessage } from "@signalbox/core/task/message.ts"
import { instant } from "@signalbox/core/task/request.ts"
import { taskDecider } from "@signalbox/core/task/room.ts"
import { answer, origin, readOr, seen } from "../edge/answer.ts"

const defaultGraceMs = 5000

export const TasksLive = HttpApiBuilder.group(
  HubApi,
  "tasks",
  Effect.fnUntraced(function* (handlers) {
    const models = yield* ReadModels
    const commands = yield* Commands
    const tasks = yield* Tasks
    const sees = (position: number) => Effect.provideService(seen(position), ReadModels, models)
    return handlers.handleAll({
      list: ({ query }) =>
        readOr(
          Effect.gen(function* () {
            const { since, limit, ...filter } = query
            const from = since === undefined ? undefined : instant(since)
            if (from === null)
              return yield* Effect.fail(
                new Invalid({ detail: `since must be a time like 2026-11-20T14:30:00Z, not "${since?.slice(0, 60)}".` })
              )
            const position = yield* models.position
            const found = yield* models.tasks({
              ...filter,
              ...(from === undefined ? {} : { since: from }),
              limit: limit ?? 100
            })
            return { tasks: found, position }
          })
        ),
      get: ({ params: { taskId } }) =>
        readOr(
          Effect.gen(function* () {
            const position = yield* models.position
            const task = yield* models.task(taskId)
            return task === undefined ? yield* missing(taskId) : { task, position }
          })
        ),
      create: ({ payload: { commandId, ...request } }) =>
        answer(
          Effect.gen(function* () {
            const made = yield* tasks.create(request, yield* origin(commandId === undefined ? {} : { commandId }))
            yield* sees(made.position)
            return made
          })
        ),
      kill: ({ params: { taskId }, payload: { graceMs, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const stream = taskStream(taskId)
            if ((yield* commands.load(taskDecider, taskEvents, stream)).state === undefined)
              return yield* missing(taskId)
            const { position } = yield* commands.execute({
              ...(yield* origin(given)),
              decider: taskDecider,
              types: taskEvents,
              stream,
              command: { _tag: "RequestKill", reason: "person", graceMs: graceMs ?? defaultGraceMs }
            })
            yield* sees(position)
            return { position }
          })
        ),
      message: ({ params: { taskId }, payload: { text, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const { position } = yield* sendMessage(taskId, text, yield* origin(given)).pipe(
              Effect.provideService(Commands, commands),
              Effect.provideService(ReadModels, models)
            )
            yield* sees(position)
            return { position }
          })
        ),
      retry: ({ params: { taskId }, payload }) =>
        answer(
          Effect.gen(function* () {
            const made = yield* tasks.retry(taskId, yield* origin(payload))
            yield* sees(made.position)
            return made
          })
        ),
      resume: ({ params: { taskId }, payload: { text, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const made = yield* tasks.resume(taskId, text, yield* origin(given))
            yield* sees(made.position)
            return made
          })
        )
    })
  })
)

const missing = (taskId: string) =>
  Effect.fail(new NotFound({ what: taskId, detail: `There is no task ${taskId}. See task list.` }))
