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
    /**
     * Which of the tasks may run, the first ones first; again those that have their slot. Joins the current transaction.
     * The limits are those of each task: what it asks for does not fit where it would exceed one of them.
     */
    readonly grant: (host: string, wanted: ReadonlyArray<SlotRequest>) => Effect.Effect<ReadonlySet<string>, DbError>
    /**
     * One task that nobody is ahead of, in one statement, with the mark that its launch may have been sent. False says little: ask
     * with `grant`. It is on the disk when the next event is: whoever does more than append by it must wait for that.
     */
    readonly take: (host: string, wanted: SlotRequest) => Effect.Effect<boolean, DbError>
    readonly release: (taskId: string) => Effect.Effect<void, DbError>
    readonly occupied: Effect.Effect<ReadonlyArray<OccupiedSlot>, DbError>
  }
>()("@signalbox/core/queue/Slots") {}
