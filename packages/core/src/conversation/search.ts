/**
 * What people ask of all conversations: the list, full text, the summaries to carry over.
 *
 * Owns: the SQL over `read.conversation` and `read.message` (exported, so that tests EXPLAIN the very query the code runs).
 * Does not own: filling those tables (`projection.ts`, `messages-projection.ts`), how text becomes words (`words.ts`).
 * Invariants: every query walks an index; however many messages fit, only `ranked` of them are ranked and only a page of texts
 * is in memory.
 */
import { Effect, Schema } from "effect"
import type { SearchHit } from "../api/conversations.ts"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { CarriedSummary } from "./events.ts"
import { ConversationView } from "./view.ts"
import { excerptOf, forQuery } from "./words.ts"

export interface ConversationFilter {
  /** Undefined: both. */
  readonly archived?: boolean
  readonly client?: string
  /** Case-insensitive part of title, last words or id; not a pattern. */
  readonly text?: string
  readonly before?: string
  readonly limit: number
}

const decodeView = Schema.decodeUnknownSync(Schema.toCodecJson(ConversationView))

export const listConversations = (
  filter: ConversationFilter
): Effect.Effect<ReadonlyArray<ConversationView>, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    Effect.map(
      db.query("list conversations", (sql) => conversationList(sql, filter)),
      (rows) => rows.map((row) => decodeView(row.brief))
    )
  )

export const conversationList = (sql: Sql, filter: ConversationFilter) => sql<{ brief: unknown }[]>`
  select brief from read.conversation
  where true
    ${filter.archived === undefined ? sql`` : filter.archived ? sql`and archived` : sql`and not archived`}
    ${filter.client === undefined ? sql`` : sql`and client = ${filter.client}`}
    ${
      filter.text === undefined
        ? sql``
        : sql`and strpos(lower(id || ' ' || (brief ->> 'title') || ' ' || (brief ->> 'snippet')), ${filter.text.toLowerCase()}) > 0`
    }
    ${
      filter.before === undefined
        ? sql``
        : sql`and (updated_at, id) < (select updated_at, id from read.conversation where id = ${filter.before})`
    }
  order by updated_at desc, id desc limit ${filter.limit}`

/** Beyond so many matches the best of them are taken: a word that is everywhere tells nothing apart. */
const ranked = 5_000
const textsAtOnce = 20

interface HitRow {
  readonly conversation_id: string
  readonly version: number
  readonly nth: number
  readonly title: string
}

export const searchMessages = (q: string, limit: number): Effect.Effect<ReadonlyArray<SearchHit>, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const query = forQuery(q)
    if (query === "") return []
    const rows = yield* db.query("search the conversations", (sql) => searchQuery(sql, query, limit))
    const hits: Array<SearchHit> = []
    for (let from = 0; from < rows.length; from += textsAtOnce) {
      const page = rows.slice(from, from + textsAtOnce)
      const texts = yield* db.query("read what was found", (sql) => textsQuery(sql, page))
      const byKey = new Map(texts.map((text) => [keyOf(text), text]))
      for (const row of page) {
        const found = byKey.get(keyOf(row))
        if (found === undefined) continue
        const { conversation_id: conversationId, version, title } = row
        const { role, at } = found
        hits.push({ conversationId, title, version, role, at, excerpt: excerptOf(found.text, q) })
      }
    }
    return hits
  })

const keyOf = (row: { readonly conversation_id: string; readonly version: number; readonly nth: number }): string =>
  `${row.conversation_id} ${row.version} ${row.nth}`

/** The best first, of equals the newest. */
export const searchQuery = (sql: Sql, query: string, limit: number) => sql<HitRow[]>`
  with found as materialized (
    select conversation_id, version, nth, at, ts_rank(search, websearch_to_tsquery('simple', ${query})) as rank
    from read.message where search @@ websearch_to_tsquery('simple', ${query}) limit ${ranked}
  ), best as (
    select * from found order by rank desc, at desc, conversation_id, version, nth limit ${limit}
  )
  select best.conversation_id, best.version, best.nth, coalesce(c.brief ->> 'title', '') as title
  from best left join read.conversation c on c.id = best.conversation_id
  order by best.rank desc, best.at desc, best.conversation_id, best.version, best.nth`

const textsQuery = (sql: Sql, rows: ReadonlyArray<HitRow>) => sql<
  {
    readonly conversation_id: string
    readonly version: number
    readonly nth: number
    readonly role: SearchHit["role"]
    readonly at: string
    readonly text: string
  }[]
>`
  select m.conversation_id, m.version, m.nth, m.role, m.at, m.text || coalesce(E'\n' || m.attached, '') as text
  from json_to_recordset(${JSON.stringify(rows)}::text::json) as wanted (conversation_id text, version int, nth int)
  join read.message m using (conversation_id, version, nth)`

/** Summaries carried over into a new conversation: so many, and so many characters, the newest ones. */
const carriedMost = 50
const carriedCharacters = 300_000

/** Oldest first. */
export const lastSummaries = (client: string): Effect.Effect<ReadonlyArray<CarriedSummary>, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query("read the last summaries", (sql) => summariesQuery(sql, client))
    const carried: Array<CarriedSummary> = []
    let size = 0
    for (const row of rows) {
      size += row.text.length
      if (size > carriedCharacters && carried.length > 0) break
      const text = row.text.slice(0, carriedCharacters).toWellFormed()
      carried.unshift({ conversationId: row.conversation_id, version: row.version, at: row.at, text })
    }
    return carried
  })

/** Newest first. The client is on the message, so that no other table is needed. */
export const summariesQuery = (sql: Sql, client: string) => sql<
  { readonly conversation_id: string; readonly version: number; readonly at: string; readonly text: string }[]
>`
  select conversation_id, version, at, text from read.message
  where role = 'summary' and client = ${client}
  order by at desc, conversation_id desc, version desc limit ${carriedMost}`
