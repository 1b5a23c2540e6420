/**
 * What edges and agents' desks ask the read models of plans.
 *
 * Owns: the SQL of these questions. Does not own: how the tables are filled (`projection.ts`), one plan as of now (`Plans.load`).
 * Invariants: what is stored is decoded with the view's schema; pages are bounded; every question walks an index.
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

export interface OpenCommand {
  readonly commandId: string
  readonly planId: string
  /** Of its StepDispatched in the plan's stream. */
  readonly version: number
  /** Milliseconds since 1970: it may not begin later. */
  readonly deadline: number
}

/** What an agent was sent, or is to be sent, and has not answered: for when it connects. */
export const openCommands = (agentId: string): Effect.Effect<ReadonlyArray<OpenCommand>, DbError, Db> =>
  Effect.flatMap(Db, (db) => db.query("list open commands", (sql) => openCommandList(sql, agentId)))

export const openCommandList = (sql: Sql, agentId: string) => sql<OpenCommand[]>`
  select command_id::text as "commandId", plan_id as "planId", version, deadline::float8 as deadline
  from read.plan_command where agent_id = ${agentId} and not over order by deadline, command_id limit 1000`

/** The command that an agent answers, when nobody remembers it; undefined: there is none, or it is another agent's. */
export const findCommand = (commandId: string, agentId: string): Effect.Effect<FoundCommand | undefined, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    Effect.map(
      db.query("find a command", (sql) => commandQuery(sql, commandId, agentId)),
      ([row]) => {
        if (row === undefined) return undefined
        const { targetId, ...command } = row
        return targetId === null ? command : { ...command, targetId }
      }
    )
  )

export interface FoundCommand {
  readonly commandId: string
  readonly planId: string
  readonly step: number
  readonly purpose: "act" | "condition" | "before"
  readonly agentId: string
  readonly targetId?: string
}

export const commandQuery = (sql: Sql, commandId: string, agentId: string) => sql<
  (Omit<FoundCommand, "targetId"> & { readonly targetId: string | null })[]
>`
  select command_id::text as "commandId", plan_id as "planId", step, purpose, agent_id as "agentId", target_id as "targetId"
  from read.plan_command where command_id = ${commandId}::uuid and agent_id = ${agentId}`
