/**
 * Which log this is.
 *
 * Owns: reading the id that the migration chose. Does not own: its form (`log-id.ts`).
 */
import { Effect, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { LogId } from "./log-id.ts"

const decode = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ id: LogId })]))

export const logIdentity: Effect.Effect<string, DbError, Db> = Effect.gen(function* () {
  const db = yield* Db
  const rows = yield* db.query("read the log's id", (sql) => sql`select id::text as id from log.identity`)
  const [row] = yield* Effect.orDie(decode(rows)) // a constraint of the table
  return row.id
})
