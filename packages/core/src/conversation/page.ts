/**
 * A page of one conversation's events, from the end.
 *
 * Owns: finding where a page begins that ends below a version. Does not own: reading events (`EventLog.read`), folding them.
 * Invariants: oldest first, dense, bounded by `limit` and by bytes; `more` tells whether there are earlier ones.
 */
import { Effect } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog, type LogUnavailable } from "../log/EventLog.ts"
import { payloadBytes } from "../log/read.ts"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import { conversationStream } from "./events.ts"

/** Less than what a page read forward holds, so that a page that was found backward is read whole. */
const pageBytes = 2 * 1_048_576

export const eventsBefore = (
  conversationId: string,
  options: { readonly before?: number; readonly limit: number }
): Effect.Effect<
  { readonly events: ReadonlyArray<RecordedEvent>; readonly more: boolean },
  DbError | LogUnavailable,
  Db | EventLog
> =>
  Effect.gen(function* () {
    const db = yield* Db
    const log = yield* EventLog
    const stream = conversationStream(conversationId)
    const [found] = yield* db.query("find a page of a conversation", (sql) => beginning(sql, stream, options))
    if (found === undefined || found.start === null || found.finish === null) return { events: [], more: false }
    const events = yield* log.read({ stream, from: found.start, limit: found.finish - found.start + 1 })
    return { events, more: found.start > 1 }
  })

const beginning = (sql: Sql, stream: string, { before, limit }: { readonly before?: number; readonly limit: number }) =>
  sql<{ start: number | null; finish: number | null }[]>`
    select min(version) as start, max(version) as finish from (
      select version, sum(bytes) over (order by version desc rows between unbounded preceding and 1 preceding) as nearer
      from (
        select version, ${payloadBytes(sql)} as bytes from log.event
        where stream = ${stream} ${before === undefined ? sql`` : sql`and version < ${before}`}
        order by version desc limit ${limit}) found) measured
    where nearer is null or nearer < ${pageBytes}`
