/**
 * Looking up what became of a command.
 *
 * Owns: the one query over `log.receipt` outside of `log.append`. Does not own: the decision whether a repeat is a repeat (the
 * append compares the digests).
 */
import { Effect } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"

export interface Receipt {
  readonly outcome: "accepted" | "rejected"
  readonly stream: string
}

/** Undefined: the command never took effect (or is about to). */
export const findReceipt = (commandId: string): Effect.Effect<Receipt | undefined, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const [receipt] = yield* db.query(
      "look up a command",
      (sql) => sql<Receipt[]>`select outcome, stream from log.receipt where command_id = ${commandId}::uuid`
    )
    return receipt
  })
