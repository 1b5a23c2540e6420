/** What may happen to a schedule, and the fold of its events. Pure. */
import { Result, Schema } from "effect"
import { TaskSpec } from "../task/events.ts"
import type { ScheduleEvent } from "./events.ts"

export const ScheduleView = Schema.Struct({
  scheduleId: Schema.String,
  cron: Schema.String,
  timezone: Schema.String,
  task: TaskSpec,
  actor: Schema.String,
  status: Schema.Literals(["active", "paused", "removed"]),
  createdAt: Schema.String,
  lastOccurrence: Schema.NullOr(Schema.String),
  lastTaskId: Schema.NullOr(Schema.String),
  version: Schema.Int
}).annotate({ identifier: "Schedule" })
export type ScheduleView = typeof ScheduleView.Type

export class ScheduleRejection extends Schema.TaggedError<ScheduleRejection>()("ScheduleRejection", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export type ScheduleCommand =
  | {
      readonly _tag: "Create"
      readonly scheduleId: string
      readonly cron: string
      readonly timezone: string
      readonly task: TaskSpec
    }
  | { readonly _tag: "Fire"; readonly occurrence: string; readonly taskId: string }
  | { readonly _tag: "Miss"; readonly occurrence: string }
  | { readonly _tag: "Pause" }
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Remove" }

export const evolveSchedule = (
  view: ScheduleView | undefined,
  event: ScheduleEvent,
  meta: { readonly at: string; readonly actor: string; readonly version: number }
): ScheduleView | undefined => {
  if (event._tag === "ScheduleCreated") {
    const { _tag, ...made } = event
    return (
      view ?? {
        ...made,
        actor: meta.actor,
        status: "active",
        createdAt: meta.at,
        lastOccurrence: null,
        lastTaskId: null,
        version: meta.version
      }
    )
  }
  if (view === undefined) return undefined
  const next = { ...view, version: meta.version }
  switch (event._tag) {
    case "ScheduleFired":
      return { ...next, lastOccurrence: event.occurrence, lastTaskId: event.taskId }
    case "ScheduleMissed":
      return { ...next, lastOccurrence: event.occurrence }
    case "SchedulePaused":
      return { ...next, status: "paused" }
    case "ScheduleResumed":
      return { ...next, status: "active" }
    case "ScheduleRemoved":
      return { ...next, status: "removed" }
  }
}

export const decideSchedule = (
  view: ScheduleView | undefined,
  command: ScheduleCommand
): Result.Result<ReadonlyArray<ScheduleEvent>, ScheduleRejection> => {
  if (command._tag === "Create") {
    const { _tag, ...made } = command
    return view === undefined
      ? Result.succeed([{ _tag: "ScheduleCreated", ...made }])
      : Result.fail(new ScheduleRejection({ reason: `There is a schedule ${command.scheduleId} already.` }))
  }
  if (view === undefined || view.status === "removed")
    return Result.fail(new ScheduleRejection({ reason: "There is no such schedule. See schedule list." }))
  const fresh = (occurrence: string): boolean =>
    view.status === "active" && (view.lastOccurrence === null || occurrence > view.lastOccurrence)
  switch (command._tag) {
    case "Fire":
      return Result.succeed(
        fresh(command.occurrence)
          ? [{ _tag: "ScheduleFired", occurrence: command.occurrence, taskId: command.taskId }]
          : []
      )
    case "Miss":
      return Result.succeed(
        fresh(command.occurrence) ? [{ _tag: "ScheduleMissed", occurrence: command.occurrence }] : []
      )
    case "Pause":
      return Result.succeed(view.status === "active" ? [{ _tag: "SchedulePaused" }] : [])
    case "Resume":
      return Result.succeed(view.status === "paused" ? [{ _tag: "ScheduleResumed" }] : [])
    case "Remove":
      return Result.succeed([{ _tag: "ScheduleRemoved" }])
  }
}
