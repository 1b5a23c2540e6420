/**
 * What edges ask the read models of plans.
 *
 * Owns: the SQL of these questions. Does not own: how the tables are filled (`projection.ts`), one plan as of now (`Plans.load`).
 * Invariants: what is stored is decoded with the view's schema; pages are bounded; every question walks an index. Commands of agents are the hub's questions.
 */
import { Effect, Schema } from "effect"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import { PlanView } from "./view.ts"

const decodeBrief = Schema.decodeUnknownSync(Schema.toCodecJson(PlanView))

export interface PlanFilter {
  /** Those that wait for somebody or something, or run. */
  readonly open?: boolean
  /** Only plans created before this one. */
  readonly before?: string
  /** 1 to 1,000. */
  readonly limit: number
}

/** Newest first, without contents and without what was read. */
export const listPlans = (filter: PlanFilter): Effect.Effect<ReadonlyArray<PlanView>, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    Effect.map(
      db.query("list plans", (sql) => planList(sql, filter)),
      (rows) => rows.map((row) => decodeBrief(row.brief))
    )
  )

export const planList = (sql: Sql, { open, before, limit }: PlanFilter) => sql<{ brief: unknown }[]>`
  select brief from read.plan
  where true
    ${open === true ? sql`and status in ('asked', 'proposed', 'approved', 'running')` : sql``}
    ${before === undefined ? sql`` : sql`and (created_at, id) < (select created_at, id from read.plan where id = ${before})`}
  order by created_at desc, id desc limit ${limit}`
