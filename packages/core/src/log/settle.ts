/**
 * What is settled: appends commit before the disk has them, so that the next can begin, and nobody is told of them before it has.
 *
 * Owns: the statement that waits for the disk, and the question whether a position may be told already.
 * Does not own: the newest head that is known to be settled (`Doorbell`), nor the appends' own settling (`append`).
 * Invariants: what this process hands out, or remembers, of the log survives a power cut; those who only carry the log over into the
 * same database (projections, rebuilds) need not ask, because their commits lie behind its own in Postgres's journal.
 */
import { Effect, Semaphore } from "effect"
import type postgres from "postgres"
import type { Db, DbError } from "../postgres/Db.ts"
import type { Doorbell } from "./Doorbell.ts"
import { readHead } from "./read.ts"

/** @param tell rings everybody's bell; @returns the position of the last event that the disk has, null while there is none */
export const settleQuery = (
  sql: postgres.Sql,
  tell: boolean
): postgres.PendingQuery<{ readonly settled: string | null }[]> =>
  sql<{ readonly settled: string | null }[]>`call log.settle(${tell})`

export interface Settling {
  /** Returns when the disk has everything up to the position. Nearly always that is known, and costs nothing. */
  readonly upTo: (position: number) => Effect.Effect<void, DbError>
  /** The head of the log, settled. */
  readonly head: Effect.Effect<number, DbError>
}

export const makeSettling = (db: Db["Service"], bell: Pick<Doorbell, "heard" | "ring">): Effect.Effect<Settling> =>
  Effect.map(Semaphore.make(1), (turn) => {
    const settle = Effect.map(
      db.query("wait for the disk", () => settleQuery(db.pool, false)),
      ([row]) => bell.ring(Number(row?.settled ?? 0))
    )
    const unlessKnown = (position: number) => Effect.suspend(() => (position <= bell.heard() ? Effect.void : settle))
    // whoever waited for another's turn nearly always finds that it was for him, too
    const upTo = (position: number) =>
      position <= bell.heard() ? Effect.void : Semaphore.withPermits(turn, 1)(unlessKnown(position))
    return { upTo, head: Effect.tap(readHead(db), upTo) }
  })
