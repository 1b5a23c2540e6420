/** Plans as lists show them: newest first, in pages. Owns: the SQL. */
import { Effect, Schema } from "effect"
import { Db, type Sql } from "../postgres/Db.ts"
import { PlanView, type PlanStatus } from "./view.ts"

export interface PlanFilter {
  /** Any of these; an empty list is no filter. */
  readonly status?: ReadonlyArray<PlanStatus>
  /** Only plans made before this one. */
  readonly before?: string
  /** 1 to 1,000. */
  readonly limit: number
}

const decode = Schema.decodeUnknownSync(Schema.toCodecJson(PlanView))

export const listPlans = Effect.fnUntraced(function* (filter: PlanFilter) {
  const db = yield* Db
  const rows = yield* db.query("list plans", (sql) => planList(sql, filter))
  return rows.map((row) => decode(row.brief))
})

/** Exported for the test that EXPLAINs it. */
export const planList = (sql: Sql, { status = [], before, limit }: PlanFilter) => sql<{ brief: unknown }[]>`
  select brief from read.plan
  where true
    ${status.length === 0 ? sql`` : sql`and status in ${sql(status)}`}
    ${before === undefined ? sql`` : sql`and (created_at, id) < (select created_at, id from read.plan where id = ${before})`}
  order by created_at desc, id desc limit ${limit}`
