/** The schedule room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import {
  decideSchedule,
  evolveSchedule,
  type ScheduleCommand,
  type ScheduleRejection,
  type ScheduleView
} from "./decider.ts"
import type { ScheduleEvent } from "./events.ts"

export const scheduleDecider: Decider<ScheduleView | undefined, ScheduleCommand, ScheduleEvent, ScheduleRejection> = {
  initial: undefined,
  evolve: evolveSchedule,
  decide: decideSchedule
}
