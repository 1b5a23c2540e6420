/** The schedules group of the API. The worker fires them. */
import { Clock, Effect, Result } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { findReceipt } from "@signalbox/core/log/receipt.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { nextOccurrence, parseCron } from "@signalbox/core/schedule/cron.ts"
import type { ScheduleCommand } from "@signalbox/core/schedule/decider.ts"
import { scheduleEvents, scheduleStream } from "@signalbox/core/schedule/events.ts"
import { scheduleDecider } from "@signalbox/core/schedule/room.ts"
import { Tasks } from "@signalbox/core/task/create.ts"
import { toSpec } from "@signalbox/core/task/request.ts"
import { answer, origin, read, seen } from "../edge/answer.ts"

export const SchedulesLive = HttpApiBuilder.group(
  HubApi,
  "schedules",
  Effect.fnUntraced(function* (handlers) {
    const models = yield* ReadModels
    const commands = yield* Commands
    const tasks = yield* Tasks
    const db = yield* Db
    const execute = Effect.fnUntraced(function* (
      scheduleId: string,
      command: ScheduleCommand,
      given?: { readonly commandId?: string }
    ) {
      const stream = scheduleStream(scheduleId)
      if (command._tag !== "Create") {
        const known = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(scheduleId)
          ? (yield* commands.load(scheduleDecider, scheduleEvents, stream)).state
          : undefined
        if (known === undefined || known.status === "removed")
          return yield* Effect.fail(
            new NotFound({ what: scheduleId, detail: `There is no schedule ${scheduleId}. See schedule list.` })
          )
      }
      const { position } = yield* commands.execute({
        ...(yield* origin(given)),
        decider: scheduleDecider,
        types: scheduleEvents,
        stream,
        command
      })
      yield* Effect.provideService(seen(position), ReadModels, models)
      return { position }
    })
    return handlers.handleAll({
      list: () =>
        read(
          Effect.gen(function* () {
            const now = new Date(yield* Clock.currentTimeMillis)
            const schedules = (yield* models.schedules).map((one) => ({
              ...one,
              nextAt:
                one.status === "active" ? (nextOccurrence(one.cron, one.timezone, now)?.toISOString() ?? null) : null
            }))
            return { schedules }
          })
        ),
      add: ({ payload: { scheduleId, cron, timezone = "UTC", task, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const parsed = parseCron(cron, timezone)
            if (Result.isFailure(parsed)) return yield* Effect.fail(new Invalid({ detail: `${parsed.failure}.` }))
            if (task.startAt !== undefined)
              return yield* Effect.fail(
                new Invalid({ detail: "A scheduled task has no start time of its own: the schedule says when." })
              )
            // A repeat is answered by its receipt, whatever became of host and tool since.
            const repeat =
              given.commandId === undefined
                ? undefined
                : yield* Effect.provideService(findReceipt(given.commandId), Db, db)
            const spec = yield* repeat === undefined ? tasks.check(task) : Effect.fromResult(toSpec(task))
            return yield* execute(scheduleId, { _tag: "Create", scheduleId, cron, timezone, task: spec }, given)
          })
        ),
      pause: ({ params: { scheduleId }, payload }) => answer(execute(scheduleId, { _tag: "Pause" }, payload)),
      resume: ({ params: { scheduleId }, payload }) => answer(execute(scheduleId, { _tag: "Resume" }, payload)),
      remove: ({ params: { scheduleId } }) => answer(execute(scheduleId, { _tag: "Remove" }))
    })
  })
)
