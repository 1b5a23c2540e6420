/** From a schedule's events to its next tick. Pure: the tick's handler finds the next time. */
import { Schema } from "effect"
import type { Reactor } from "../projection/Reactor.ts"
import { queues } from "../queue/queues.ts"

export const ScheduleJob = Schema.Struct({
  scheduleId: Schema.String,
  position: Schema.Int,
  /** ISO 8601 of the planned time; absent: only plan the next one. */
  occurrence: Schema.optionalKey(Schema.String)
})

export const scheduleReactor: Reactor = {
  name: "schedule-tick",
  from: "beginning",
  types: ["ScheduleCreated", "ScheduleResumed", "ScheduleFired", "ScheduleMissed"],
  react: (event) => [
    {
      queue: queues.schedule.name,
      data: { scheduleId: event.stream.slice("schedule/".length), position: event.position }
    }
  ]
}
