/**
 * Slots: strict limits on tasks that run at once, per host and per tool on a host, over all workers.
 *
 * Owns: the rows of `queue.slot`. Does not own: the limits (hosts' configuration), the tasks.
 * Invariants: a grant numbers the task within its host and within its tool; the numbers are unique and never above the limit, so
 * not even two grants that ignore the lock can exceed it.
 */
import { Context, type Effect } from "effect"
import type { DbError } from "../postgres/Db.ts"

export interface SlotRequest {
  readonly taskId: string
  readonly host: string
  readonly tool: string
  readonly hostLimit: number
  readonly toolLimit: number
}
export interface OccupiedSlot {
  readonly taskId: string
  readonly host: string
  readonly tool: string
  readonly since: Date
}

export class Slots extends Context.Service<
  Slots,
  {
    /** True when the task may run; again true for a task that has its slot. Joins the current transaction. */
    readonly grant: (request: SlotRequest) => Effect.Effect<boolean, DbError>
    readonly release: (taskId: string) => Effect.Effect<void, DbError>
    readonly occupied: Effect.Effect<ReadonlyArray<OccupiedSlot>, DbError>
  }
>()("@signalbox/core/queue/Slots") {}
