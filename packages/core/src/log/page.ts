/**
 * One page of the log for screens: forward from a position, or the newest below one.
 *
 * Owns: finding where a page begins. Does not own: reading events (`EventLog.read`).
 * Invariants: `from` and `before` are positions, also with a stream; the answer is oldest first; pages are bounded by bytes as well.
 */
import { Effect } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { EventLog, type LogUnavailable } from "./EventLog.ts"
import { payloadBytes } from "./read.ts"

export interface PageOf {
  readonly from?: number
  readonly before?: number
  readonly stream?: string
  readonly type?: string
  readonly limit: number
}

export const logPage = (
  options: PageOf
): Effect.Effect<ReadonlyArray<RecordedEvent>, DbError | LogUnavailable, Db | EventLog> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const { stream, type, limit } = options
    const filter = { ...(stream === undefined ? {} : { stream }), ...(type === undefined ? {} : { type }) }
    const start = yield* beginning(options)
    if (start === undefined) return []
    const page = yield* log.read({ ...filter, from: start, limit })
    return options.before === undefined ? page : page.filter((event) => event.position < (options.before ?? 0))
  })

/** Less than what a page read forward holds, so that a page that was found backward is read whole. */
const BACKWARD_BYTES = 2 * 1_048_576

/** The cursor of `EventLog.read`: a version of the stream when there is one, else a position. */
const beginning = Effect.fnUntraced(function* ({ from, before, stream, type, limit }: PageOf) {
  const db = yield* Db
  if (stream === undefined && before === undefined) return from ?? 1
  const [row] = yield* db.query(
    "find a page of the log",
    (sql) => sql<{ start: string | null }[]>`
      select min(at)::text as start from (
        select at, sum(bytes) over (order by at ${before === undefined ? sql`asc` : sql`desc`}
          rows between unbounded preceding and 1 preceding) as nearer
        from (
          select ${stream === undefined ? sql`position` : sql`version`} as at, ${payloadBytes(sql)} as bytes from log.event
          where true
            ${stream === undefined ? sql`` : sql`and stream = ${stream}`}
            ${type === undefined ? sql`` : sql`and type = ${type}`}
            ${from === undefined ? sql`` : sql`and position >= ${from}`}
            ${before === undefined ? sql`` : sql`and position < ${before}`}
          order by ${stream === undefined ? sql`position` : sql`version`}
            ${before === undefined ? sql`asc limit 1` : sql`desc limit ${limit}`}) found) measured
      where nearer is null or nearer < ${BACKWARD_BYTES}`
  )
  return row?.start === null || row === undefined ? undefined : Number(row.start)
})
