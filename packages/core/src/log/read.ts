/**
 * Reading by cursor: the queries over `log.event` and the way a row becomes a `RecordedEvent`.
 *
 * Owns: every SELECT of events (exported, so that tests EXPLAIN the very query the code runs) and the size of pages.
 * Does not own: waiting for new events (`follow`), nor the meaning of payloads (`Event`).
 * Invariants: every query walks an index in order from its cursor; a page ends with the event that passes its budget
 * of payload bytes, so a reader's memory is bounded however large the events are.
 */
import { Effect, Option, Stream } from "effect"
import type postgres from "postgres"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { type EventLog, LogUnavailable } from "./EventLog.ts"
import type { Settling } from "./settle.ts"

/** Small: a process has a dozen readers, and a page costs several times its bytes until it is parsed. */
const PAGE_BYTES = 1_048_576
/** For callers, who have one page at a time. */
const CALLER_BYTES = 4 * 1_048_576
const MAX_PAGE = 10_000
/** What Postgres counts beyond the text. */
const COLUMN_HEADER = 4

/** Which events, in which order: of the whole log by position, or of one stream by version. */
export type Cursor =
  | {
      readonly _tag: "Log"
      readonly from: number
      readonly type?: string | undefined
      /** Only these are read. The last event that was walked past comes too, without its payload, to tell how far. */
      readonly wants?: ReadonlyArray<string> | undefined
    }
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

/** One page. The inner query walks the index; the outer cuts the page behind the event that passes the budget. */
export const pageQuery = (sql: Sql, cursor: Cursor, limit: number): postgres.PendingQuery<EventRow[]> => {
  if (cursor._tag === "Log" && cursor.wants !== undefined) return wantedQuery(sql, cursor.from, cursor.wants, limit)
  const order = cursor._tag === "Stream" ? sql`version` : sql`position`
  const typed = cursor.type === undefined ? sql`` : sql`and type = ${cursor.type}`
  const place =
    cursor._tag === "Stream"
      ? sql`stream = ${cursor.stream} and version >= ${cursor.from} ${typed}`
      : sql`position >= ${cursor.from} ${typed}`
  return sql<EventRow[]>`
    select ${columns(sql)}, data::text as data
    from (
      select *, sum(${payloadBytes(sql)}) over (order by ${order} rows between unbounded preceding and 1 preceding) as before
      from (select * from log.event where ${place} order by ${order} limit ${limit}) walked
    ) measured
    where before is null or before < ${PAGE_BYTES}
    order by ${order}`
}

/** The same for a follower of few types: what it does not want is walked past, never unpacked, sent or parsed. */
const wantedQuery = (sql: Sql, from: number, wants: ReadonlyArray<string>, limit: number) => sql<EventRow[]>`
  select ${columns(sql)}, case when wanted then data::text else 'null' end as data
  from (
    select *, sum(weight) over (order by position rows unbounded preceding) as upto, max(position) over () as finish
    from (
      select *, case when wanted then ${payloadBytes(sql)} else 0 end as weight
      from (
        select *, type in ${sql([...wants])} as wanted
        from log.event where position >= ${from} order by position limit ${limit}
      ) walked
    ) weighed
  ) measured
  where upto - weight < ${PAGE_BYTES} and (wanted or upto >= ${PAGE_BYTES} or position = finish)
  order by position`

const columns = (sql: Sql) => sql`position, stream, version, type, actor, command_id, correlation_id, causation_id,
  (extract(epoch from at) * 1000000)::bigint as micros, hash`

/** The size of the column `data` as text. Only what is compressed must be unpacked for it. */
export const payloadBytes = (sql: Sql) =>
  sql`case when pg_column_compression(data) is null then pg_column_size(data) else octet_length(data::text) end`

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

/** Uses the pool, also inside somebody's transaction: the log is read as it is committed, whether it is settled or not. */
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

type Reading = Pick<EventLog["Service"], "page" | "read" | "readAll" | "head">

export const makeReading = (db: Db["Service"], settling: Settling): Reading => {
  const page: Reading["page"] = Effect.fn("EventLog.page")(function* (options) {
    const wanted = Math.max(0, Math.min(options.limit ?? 1_000, MAX_PAGE))
    let cursor = cursorOf(options)
    let bytes = 0
    const events: Array<RecordedEvent> = []
    while (events.length < wanted && bytes < CALLER_BYTES) {
      const limit = wanted - events.length
      const rows = yield* db.query("read the log", () => pageQuery(db.pool, cursor, limit))
      const found = rows.map(toRecorded)
      yield* settling.upTo(found.at(-1)?.position ?? 0)
      for (const event of found) events.push(event)
      const size = rows.reduce((sum, row) => sum + Buffer.byteLength(row.data) + COLUMN_HEADER, 0)
      // A page that is neither full nor heavy was not cut: the log, or the stream, ends here.
      if (rows.length < limit && size < PAGE_BYTES) return { events, more: false }
      bytes += size
      cursor = after(cursor, found)
    }
    return { events, more: true }
  }, Effect.mapError(unavailable))
  const read: Reading["read"] = (options) => Effect.map(page(options), ({ events }) => events)

  const readAll: Reading["readAll"] = (options = {}) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const head = yield* settling.head
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

  return { page, read, readAll, head: Effect.mapError(settling.head, unavailable) }
}

const cursorOf = (options: {
  readonly stream?: string | undefined
  readonly type?: string | undefined
  readonly from?: number | undefined
}): Cursor => {
  const { stream, type, from = 1 } = options
  return stream === undefined ? { _tag: "Log", from, type } : { _tag: "Stream", stream, from, type }
}
