/**
 * The role `signalbox_reader`, which may read the report views and nothing else.
 *
 * Owns: asking for it again at every start, for an administrator may have made it since. Does not own: how it is made (the SQL
 * function `report.admit_reader`).
 */
import { Effect } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"

/** @returns why the role is not there, in one sentence; undefined when it is */
export const admitReader: Effect.Effect<string | undefined, DbError, Db> = Effect.gen(function* () {
  const db = yield* Db
  const [row] = yield* db.query(
    "let the reports' reader in",
    (sql) => sql<{ notice: string | null }[]>`select report.admit_reader() as notice`
  )
  return row?.notice ?? undefined
})
