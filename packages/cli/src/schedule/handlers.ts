/** `schedule add`, `list`, `pause`, `resume` and `remove`. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { exact } from "@signalbox/tui/format.ts"
import { withHub } from "../client/hub.ts"
import { table } from "../client/table.ts"
import { answer } from "../output.ts"
import { type TaskFlags, toRequest } from "../task/create.ts"

export const add = (
  flags: TaskFlags & { readonly id: string; readonly cron: string; readonly timezone: string | undefined }
) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { position } = yield* hub.schedules.add({
        payload: {
          commandId: randomUUID(),
          scheduleId: flags.id,
          cron: flags.cron,
          // People think in the time of the machine they sit at; the hub by itself takes UTC.
          timezone: flags.timezone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
          task: yield* toRequest(flags)
        }
      })
      yield* answer({ scheduleId: flags.id, position }, () => `${flags.id} is scheduled.`)
    })
  )

export const list = withHub(
  Effect.gen(function* () {
    const hub = yield* HubClient
    const { schedules } = yield* hub.schedules.list()
    yield* answer({ schedules: schedules.map((one) => ({ ...one, task: { ...one.task } })) }, () =>
      schedules.length === 0
        ? "No schedules."
        : table(
            [
              { title: "SCHEDULE", cell: (one) => one.scheduleId },
              {
                title: "STATUS",
                cell: (one) => one.status,
                color: (one) => (one.status === "active" ? "green" : "yellow")
              },
              { title: "CRON", cell: (one) => one.cron },
              { title: "ZONE", cell: (one) => one.timezone },
              { title: "NEXT", cell: (one) => (one.nextAt === null ? "" : exact(one.nextAt)) },
              { title: "LAST TASK", cell: (one) => one.lastTaskId ?? "" },
              {
                title: "COMMAND",
                cell: (one) => `${one.task.tool}@${one.task.host} ${one.task.command}`,
                flexible: true
              }
            ],
            schedules
          )
    )
  })
)

const done = (scheduleId: string, position: number, what: string) =>
  answer({ scheduleId, position }, () => `${scheduleId} is ${what}.`)

export const pause = (scheduleId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.schedules.pause({ params: { scheduleId }, payload: { commandId: randomUUID() } })
      yield* done(scheduleId, made.position, "paused")
    })
  )

export const resume = (scheduleId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.schedules.resume({ params: { scheduleId }, payload: { commandId: randomUUID() } })
      yield* done(scheduleId, made.position, "active again")
    })
  )

export const remove = (scheduleId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.schedules.remove({ params: { scheduleId } })
      yield* done(scheduleId, made.position, "removed")
    })
  )
