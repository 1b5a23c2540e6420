/**
 * Ready-made reports: one line each over a documented view of the schema `report`.
 *
 * Owns: names, which column is the time, the order, the query. Does not own: the views (migrations), how rows look (`csv.ts`, cli).
 * Invariants: what is asked for is bounded; text comes out as it is stored, times as ISO 8601, exact numbers as text of all digits.
 */
import { Effect } from "effect"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"

interface Report {
  readonly title: string
  readonly view: string
  /** `--since` looks at it; a day is the day in UTC. */
  readonly time: string
  readonly byDay?: true
  /** Newest first. */
  readonly order: string
}

export const reports = {
  "daily-usage": {
    title: "Tokens and money by day, provider and model",
    view: "daily_usage",
    time: "day",
    byDay: true,
    order: "day desc, provider, model"
  },
  replies: {
    title: "Calls to models: tokens, money, times",
    view: "replies",
    time: "at",
    order: "at desc, conversation_id desc, version desc"
  },
  conversations: {
    title: "Conversations, last touched first",
    view: "conversations",
    time: "updated_at",
    order: "updated_at desc, conversation_id desc"
  },
  messages: {
    title: "What was said",
    view: "messages",
    time: "at",
    order: "at desc, conversation_id desc, version desc, nth desc"
  },
  tasks: { title: "Tasks, newest first", view: "tasks", time: "created_at", order: "created_at desc, task_id desc" },
  hosts: { title: "Machines on which tasks run", view: "hosts", time: "checked_at", order: "host" },
  plans: {
    title: "Instructions and what became of them",
    view: "plans",
    time: "created_at",
    order: "created_at desc, plan_id desc"
  },
  steps: {
    title: "Steps of plans on hosts",
    view: "steps",
    time: "created_at",
    order: "created_at desc, plan_id desc, step, host"
  },
  agents: {
    title: "Agents on hosts, and invites",
    view: "agents",
    time: "invited_at",
    order: "name nulls last, agent_id"
  },
  events: { title: "Every fact, newest first", view: "events", time: "at", order: "position desc" }
} as const satisfies Record<string, Report>

export type ReportName = keyof typeof reports
export const isReport = (name: string): name is ReportName => Object.hasOwn(reports, name)

export type Cell = string | number | boolean | null
export interface Rows {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
  /** There are more than `limit`. */
  readonly more: boolean
}

export const reportLimit = 10_000
/** Of the rows' JSON together; larger ones are cut to fewer rows. */
const reportBytes = 16 * 1_048_576

export const readReport = (
  name: ReportName,
  options: { readonly since?: string; readonly limit: number }
): Effect.Effect<Rows, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const { view, time, order, byDay }: Report = reports[name]
    const described = yield* db.query(
      "describe a report",
      (sql) => sql<{ name: string }[]>`
        select attname as name from pg_attribute
        where attrelid = ${`report.${view}`}::regclass and attnum > 0 and not attisdropped order by attnum`
    )
    const columns = described.map((column) => column.name)
    const found = yield* within(
      db,
      `report ${name}`,
      (sql) => sql<{ row: ReadonlyArray<Cell> }[]>`
        select row from (
          select row, sum(octet_length(row::text)) over (rows between unbounded preceding and 1 preceding) as before from (
            select json_build_array(${sql.unsafe(columns.map((column) => cell(column)).join(", "))}) as row
            from (
              select * from report.${sql(view)}
              ${options.since === undefined ? sql`` : sql`where ${sql(time)} >= ${byDay === true ? sql`(${options.since}::timestamptz at time zone 'UTC')::date` : sql`${options.since}::timestamptz`}`}
              order by ${sql.unsafe(order)} limit ${options.limit + 1}) page) rows) weighed
        where before is null or before < ${reportBytes}`
    )
    return {
      columns,
      rows: found.slice(0, options.limit).map(({ row }) => row.map(plain)),
      more: found.length > options.limit
    }
  })

/** Times in UTC whatever the server's zone is; not longer than anybody waits. */
const within = <A>(db: Db["Service"], op: string, ask: (sql: Sql) => PromiseLike<A>): Effect.Effect<A, DbError> =>
  db.transaction(
    Effect.andThen(
      db.query(
        op,
        (sql) => sql`select set_config('TimeZone', 'UTC', true), set_config('statement_timeout', '30s', true)`
      ),
      db.query(op, ask)
    )
  )

const cell = (column: string): string => `page."${column.replaceAll('"', '""')}"`

/** JSON inside a report is text; everything else is itself. */
const plain = (value: unknown): Cell =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null
    ? value
    : JSON.stringify(value)
