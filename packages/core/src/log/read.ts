/**
 * Reading by cursor: the queries over `log.event` and the way a row becomes a `RecordedEvent`.
 *
 * Owns: every SELECT of events (exported, so that tests EXPLAIN the very query the code runs) and the size of pages.
 * Does not own: waiting for new events (`follow`), nor the meaning of payloads (`Event`).
 * Invariants: every query walks an index in order from its cursor; a page holds at most `PAGE_BYTES` of payload beyond its
 * first event, so a reader's memory is bounded however large the events are.
 */
import { Effect, Option, Stream } from "effect"
import type postgres from "postgres"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { type EventLog, LogUnavailable } from "./EventLog.ts"

const PAGE_BYTES = 4 * 1_048_576
const MAX_PAGE = 10_000

/** Which events, in which order: of the whole log by position, or of one stream by version. */
export type Cursor =
  | { readonly _tag: "Log"; readonly from: number; readonly type?: string | undefined }
  | { readonly _tag: "Stream"; readonly stream: string; readonly from: number; readonly type?: string | undefined }

export interface EventRow {
  readonly position: string
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: string
  readonly actor: string
  readonly command_id: string
  readonly correlation_id: string
  readonly causation_id: string | null
  readonly micros: string
  readonly hash: Buffer
}

/**
 * One page. The inner query walks the index; the outer cuts the page where its payloads exceed the budget. Payloads that are
 * stored in less than 500 bytes are counted as stored, so that only large ones are unpacked for their length.
 */
export const pageQuery = (sql: Sql, cursor: Cursor, limit: number): postgres.PendingQuery<EventRow[]> => {
  const order = cursor._tag === "Stream" ? sql`version` : sql`position`
  const typed = cursor.type === undefined ? sql`` : sql`and type = ${cursor.type}`
  const place =
    cursor._tag === "Stream"
      ? sql`stream = ${cursor.stream} and version >= ${cursor.from} ${typed}`
      : sql`position >= ${cursor.from} ${typed}`
  return sql<EventRow[]>`
    select position, stream, version, type, data::text as data, actor, command_id, correlation_id, causation_id,
      (extract(epoch from at) * 1000000)::bigint as micros, hash
    from (
      select *, sum(case when pg_column_size(data) < 500 then pg_column_size(data) else octet_length(data::text) end)
        over (order by ${order} rows between unbounded preceding and 1 preceding) as before
      from (select * from log.event where ${place} order by ${order} limit ${limit}) walked
    ) measured
    where before is null or before < ${PAGE_BYTES}
    order by ${order}`
}

export const headQuery = (sql: Sql): postgres.PendingQuery<{ position: string; hash: Buffer }[]> =>
  sql<{ position: string; hash: Buffer }[]>`select position, hash from log.head`

export const toRecorded = (row: EventRow): RecordedEvent => ({
  position: Number(row.position),
  stream: row.stream,
  version: row.version,
  type: row.type,
  data: JSON.parse(row.data),
  actor: row.actor,
  commandId: row.command_id,
  correlationId: row.correlation_id,
  causationId: row.causation_id === null ? null : Number(row.causation_id),
  at: isoMicros(row.micros),
  hash: row.hash.toString("hex")
})

/** 1795184222123456 → 2026-11-20T14:30:22.123456Z: a JavaScript Date would lose the last three digits. */
export const isoMicros = (micros: string): string => {
  const split = micros.length - 3
  const millis = new Date(Number(micros.slice(0, split))).toISOString()
  return `${millis.slice(0, -1)}${micros.slice(split)}Z`
}

/** Uses the pool, also inside somebody's transaction: the log is read as it is committed. */
export const readPage = (
  db: Db["Service"],
  cursor: Cursor,
  limit: number
): Effect.Effect<ReadonlyArray<RecordedEvent>, DbError> =>
  Effect.map(
    db.query("read the log", () => pageQuery(db.pool, cursor, limit)),
    (rows) => rows.map(toRecorded)
  )

export const readHead = (db: Db["Service"]): Effect.Effect<number, DbError> =>
  Effect.map(
    db.query("read the head of the log", () => headQuery(db.pool)),
    ([row]) => (row === undefined ? 0 : Number(row.position))
  )

export const unavailable = (error: DbError): LogUnavailable =>
  new LogUnavailable({ reason: error.transient ? `the database is not reachable (${error.reason})` : error.reason })

export const after = (cursor: Cursor, page: ReadonlyArray<RecordedEvent>): Cursor => {
  const last = page.at(-1)
  if (last === undefined) return cursor
  return { ...cursor, from: (cursor._tag === "Stream" ? last.version : last.position) + 1 }
}

/** Pages start small and grow while events are small, so that a run of large ones is met with a small page. */
export const nextLimit = (limit: number, got: number): number =>
  got < limit ? Math.max(16, Math.min(got * 2, limit)) : Math.min(limit * 2, 2_000)

type Reading = Pick<EventLog["Service"], "read" | "readAll" | "head">

export const makeReading = (db: Db["Service"]): Reading => {
  const read: Reading["read"] = Effect.fn("EventLog.read")(function* (options) {
    const wanted = Math.max(0, Math.min(options.limit ?? 1_000, MAX_PAGE))
    let cursor = cursorOf(options)
    const events: Array<RecordedEvent> = []
    while (events.length < wanted) {
      const page = yield* readPage(db, cursor, wanted - events.length)
      for (const event of page) events.push(event)
      if (page.length === 0) break
      cursor = after(cursor, page)
    }
    return events
  }, Effect.mapError(unavailable))

  const readAll: Reading["readAll"] = (options = {}) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const head = yield* readHead(db)
        const to = Math.min(options.to ?? head, options.stream === undefined ? head : Number.MAX_SAFE_INTEGER)
        const start = { cursor: cursorOf(options), limit: 128 }
        return Stream.paginate(start, ({ cursor, limit }) =>
          Effect.map(readPage(db, cursor, limit), (page) => {
            const wanted = page.filter((event) =>
              options.stream === undefined
                ? event.position <= to
                : event.position <= head && event.version <= (options.to ?? event.version)
            )
            const more = page.length > 0 && wanted.length === page.length
            const next = { cursor: after(cursor, page), limit: nextLimit(limit, page.length) }
            return [wanted, more ? Option.some(next) : Option.none<typeof next>()] as const
          })
        )
      })
    ).pipe(Stream.mapError(unavailable))

  return { read, readAll, head: Effect.mapError(readHead(db), unavailable) }
}

const cursorOf = (options: {
  readonly stream?: string | undefined
  readonly type?: string | undefined
  readonly from?: number | undefined
}): Cursor => {
  const { stream, type, from = 1 } = options
  return stream === undefined ? { _tag: "Log", from, type } : { _tag: "Stream", stream, from, type }
}
