/**
 * The events of a schedule: one stream `schedule/<id>`; every firing makes a task like the template.
 *
 * Invariants: an occurrence (its planned time) fires at most once; a paused schedule fires nothing and makes up for nothing.
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"
import { TaskSpec } from "../task/events.ts"

export const ScheduleEvent = Schema.TaggedUnion({
  ScheduleCreated: {
    scheduleId: Schema.String,
    /** Five fields, minute precision. */
    cron: Schema.String,
    /** IANA name; occurrences follow its daylight saving. */
    timezone: Schema.String,
    task: TaskSpec
  },
  ScheduleFired: {
    /** ISO 8601 of the planned time. */
    occurrence: Schema.String,
    taskId: Schema.String
  },
  /** The occurrence had passed by more than the tolerance while nothing ran. */
  ScheduleMissed: { occurrence: Schema.String },
  SchedulePaused: {},
  ScheduleResumed: {},
  ScheduleRemoved: {}
})
export type ScheduleEvent = typeof ScheduleEvent.Type

export const scheduleEvents = makeEventTypes<ScheduleEvent>({
  schema: ScheduleEvent,
  types: ["ScheduleCreated", "ScheduleFired", "ScheduleMissed", "SchedulePaused", "ScheduleResumed", "ScheduleRemoved"]
})

export const scheduleStream = (id: string): string => `schedule/${id}`
