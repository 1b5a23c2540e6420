/**
 * What the edges read: lists and single things as they were at a position of the log.
 *
 * Owns: the questions. Does not own: the answers' storage (the rooms' `projection.ts` fill the schema `read`).
 * Invariants: an answer holds everything up to `position` as it was read before the question, and maybe more; following the
 * log from the next position and folding by `version` misses nothing. A removed host, tool or schedule is not listed.
 */
import { Context, type Effect } from "effect"
import type { DbError } from "../postgres/Db.ts"
import type { ScheduleView } from "../schedule/decider.ts"
import type { TaskStatus, TaskView } from "../task/view.ts"
import type { ToolView } from "../tool/decider.ts"
import type { HostStatus } from "./contract.ts"

/** All given parts must fit. */
export interface TaskFilter {
  readonly host?: string
  readonly tool?: string
  /** Any of these; an empty list is no filter. */
  readonly status?: ReadonlyArray<TaskStatus>
  /** ISO 8601 UTC: created at or after. */
  readonly since?: string
  /** Case-insensitive part of command, answer or id; not a pattern. */
  readonly text?: string
  /** Only tasks created before this one (by createdAt, then id). */
  readonly before?: string
  /** 1 to 1,000. */
  readonly limit: number
}

export class ReadModels extends Context.Service<
  ReadModels,
  {
    /** Newest first (createdAt, then taskId, both descending). `command` is cut after 300 characters and `context` left out. */
    readonly tasks: (filter: TaskFilter) => Effect.Effect<ReadonlyArray<TaskView>, DbError>
    /** Whole. */
    readonly task: (taskId: string) => Effect.Effect<TaskView | undefined, DbError>
    /** By name, `local` first; removed ones left out. */
    readonly hosts: Effect.Effect<ReadonlyArray<HostStatus>, DbError>
    /** Removed ones are undefined; `local` always is there. */
    readonly host: (name: string) => Effect.Effect<HostStatus | undefined, DbError>
    /** Tools that people defined, by name; the built-in ones are a table in the tool room. */
    readonly tools: Effect.Effect<ReadonlyArray<ToolView>, DbError>
    /** By id. */
    readonly schedules: Effect.Effect<ReadonlyArray<ScheduleView>, DbError>
    /** Every read model has seen this position. */
    readonly position: Effect.Effect<number, DbError>
    /** Read-your-writes: succeeds when every read model has seen `position`. No time limit: the caller sets one. */
    readonly waitFor: (position: number) => Effect.Effect<void, DbError>
  }
>()("@signalbox/core/api/ReadModels") {}
