/**
 * Which tasks may have a process: what a watcher answers for, and what holds a slot.
 *
 * Owns: that rule as SQL, and the questions all day long that follow from it. Does not own: watching, slots.
 * Invariants: one rule for both, so that a slot is never given away while somebody still looks for its process; the statuses are
 * literals, because with parameters a generic plan could not use the index of open tasks.
 */
import { Effect } from "effect"
import { Db, type Sql } from "@signalbox/core/postgres/Db.ts"

/** What is unknown may still show itself for a day after the last that was heard of it, a person's kill included. */
const watched = (sql: Sql) => sql`(t.status in ('starting', 'running', 'waiting', 'unknown')
  and (t.status <> 'unknown' or (t.view ->> 'updatedAt')::timestamptz > now() - interval '1 day'))`

export interface WatchedTask {
  readonly id: string
  /** Its process was seen. */
  readonly started: boolean
}

export const watchedTasksQuery = (sql: Sql, host: string) => sql<WatchedTask[]>`
  select t.id, t.view ->> 'startedAt' is not null as started from read.task t where t.host = ${host} and ${watched(sql)}`

export const isWatchedQuery = (sql: Sql, host: string) => sql<{ id: string }[]>`
  select t.id from read.task t where t.host = ${host} and ${watched(sql)} limit 1`

export const watchedHostsQuery = (sql: Sql) => sql<{ host: string }[]>`
  select distinct t.host from read.task t where ${watched(sql)}`

/** Slots whose task has ended: nobody looks for a process of it any more. */
const over = (sql: Sql) => sql`t.status not in ('queued', 'starting', 'running', 'waiting') and not ${watched(sql)}`

export const releaseQuery = (sql: Sql, host: string) => sql`
  delete from queue.slot s using read.task t where s.host = ${host} and t.id = s.task_id and ${over(sql)}`

export const overdueHostsQuery = (sql: Sql) => sql<{ host: string }[]>`
  select distinct s.host from queue.slot s join read.task t on t.id = s.task_id where ${over(sql)}`

export const watchedTasks = (host: string) =>
  Effect.flatMap(Db, (db) => db.query("find watched tasks", (sql) => watchedTasksQuery(sql, host)))

export const isWatched = (host: string) =>
  Effect.flatMap(Db, (db) => db.query("is a host watched", (sql) => isWatchedQuery(sql, host))).pipe(
    Effect.map((rows) => rows.length > 0)
  )

export const watchedHosts = Effect.flatMap(Db, (db) =>
  db.query("find hosts to watch", (sql) => watchedHostsQuery(sql))
).pipe(Effect.map((rows) => rows.map((row) => row.host)))

export const releaseSettled = (host: string) =>
  Effect.flatMap(Db, (db) => db.query("release slots", (sql) => releaseQuery(sql, host)))

/** Hosts with slots that no event frees: the day of an unknown task ends without one. */
export const overdueHosts = Effect.flatMap(Db, (db) =>
  db.query("find slots that are over", (sql) => overdueHostsQuery(sql))
).pipe(Effect.map((rows) => rows.map((row) => row.host)))
