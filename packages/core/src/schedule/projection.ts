/** The read model of schedules: `read.schedule`. */
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { evolveSchedule, ScheduleView } from "./decider.ts"
import { scheduleEvents } from "./events.ts"

export const scheduleProjection: Projection = viewProjection({
  name: "schedule",
  version: 1,
  prefix: "schedule/",
  table: "schedule",
  types: scheduleEvents,
  schema: ScheduleView,
  initial: () => undefined,
  evolve: evolveSchedule
})
