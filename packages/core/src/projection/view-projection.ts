/**
 * The usual projection: one row per stream that holds the fold of its events.
 *
 * Owns: loading, folding and writing rows `(id, version, view)` set-wise. Does not own: the fold (the room's `view.ts`), extra
 * columns (the migration generates them from `view`).
 * Invariants: an event at or below the row's version changes nothing; a view is written as the schema encodes it.
 */
import { Effect, Result, Schema } from "effect"
import type { EventTypes, RecordedEvent } from "../log/Event.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import type { Projection } from "./Projection.ts"

export interface ViewMeta {
  readonly at: string
  readonly actor: string
  readonly version: number
}

/**
 * @param options.prefix of the streams, "task/": what follows is the row's id
 * @param options.table in the schema `read`
 * @param options.after further set-wise writes of the same tables, in the same transaction
 */
export const viewProjection = <E extends { readonly _tag: string }, V extends { readonly version: number }>(options: {
  readonly name: string
  readonly version: number
  readonly prefix: string
  readonly table: string
  readonly moreTables?: ReadonlyArray<string>
  readonly types: EventTypes<E>
  readonly schema: Schema.Codec<V, unknown>
  readonly initial: (id: string) => V | undefined
  readonly evolve: (view: V | undefined, event: E, meta: ViewMeta, id: string) => V | undefined
  /** One more JSON column, `brief`, for lists: the view without its bulk. */
  readonly brief?: (view: V) => V
  readonly after?: (views: ReadonlyMap<string, V>) => Effect.Effect<void, DbError, Db>
}): Projection => {
  const codec = Schema.toCodecJson(options.schema)
  const encode = Schema.encodeSync(codec)
  const decode = Schema.decodeUnknownSync(codec)
  return {
    name: options.name,
    version: options.version,
    tables: [options.table, ...(options.moreTables ?? [])],
    types: options.types.types,
    apply: (events) =>
      Effect.gen(function* () {
        const ids = [...new Set(events.flatMap((event) => idOf(options.prefix, event)))]
        for (const share of yield* shares(options.table, ids)) yield* applyTo(share, events)
      })
  }

  /** Streams do not touch each other, so a share of them may be folded and written before the next one is read. */
  function applyTo(ids: ReadonlyArray<string>, all: ReadonlyArray<RecordedEvent>) {
    return Effect.gen(function* () {
      const db = yield* Db
      const mine = new Set(ids)
      const events = all.filter((event) => idOf(options.prefix, event).some((id) => mine.has(id)))
      const rows = yield* db.query(
        `read ${options.table}`,
        (sql) =>
          sql<{ id: string; view: unknown }[]>`select id, view from ${sql(options.table)} where id in ${sql(ids)}`
      )
      const views = new Map(rows.map((row) => [row.id, decode(row.view)]))
      const changed = new Map<string, V>()
      for (const event of events) {
        for (const id of idOf(options.prefix, event)) {
          const before = views.get(id) ?? options.initial(id)
          if (before !== undefined && before.version >= event.version) continue
          const decoded = options.types.decode(event)
          if (Result.isFailure(decoded)) return yield* decoded.failure
          if (decoded.success === undefined) continue
          const after = options.evolve(before, decoded.success, event, id)
          if (after === undefined || after === before) continue
          views.set(id, after)
          changed.set(id, after)
        }
      }
      if (changed.size === 0) return
      const { brief } = options
      const records = [...changed].map(([id, view]) => ({
        id,
        version: view.version,
        view: encode(view),
        ...(brief === undefined ? {} : { brief: encode(brief(view)) })
      }))
      const columns = ["id", "version", "view", ...(brief === undefined ? [] : ["brief"])]
      yield* db.query(
        `write ${options.table}`,
        (sql) => sql`
            insert into ${sql(options.table)} (${sql(columns)})
            select ${sql(columns)} from json_to_recordset(${JSON.stringify(records)}::text::json)
              as r (id text, version int, view json, brief json)
            on conflict (id) do update set version = excluded.version, view = excluded.view
              ${brief === undefined ? sql`` : sql`, brief = excluded.brief`}`
      )
      if (options.after !== undefined) yield* options.after(changed)
    })
  }
}

/** So few views cannot be much, each payload being at most 1 MiB: their sizes are not asked for. */
const FEW = 4
const SHARE_BYTES = 2 * 1_048_576

/** Small events may concern large views: they are read in shares of about `SHARE_BYTES`. */
const shares = Effect.fnUntraced(function* (table: string, ids: ReadonlyArray<string>) {
  if (ids.length <= FEW) return ids.length === 0 ? [] : [ids]
  const db = yield* Db
  const rows = yield* db.query(
    `weigh ${table}`,
    (sql) => sql<{ id: string; bytes: number }[]>`
      select id, case when pg_column_compression(view) is null then pg_column_size(view) else octet_length(view::text) end as bytes
      from ${sql(table)} where id in ${sql(ids)}`
  )
  const sizes = new Map(rows.map((row) => [row.id, row.bytes]))
  const found: Array<Array<string>> = []
  let size = Number.POSITIVE_INFINITY
  for (const id of ids) {
    if (size >= SHARE_BYTES) {
      found.push([])
      size = 0
    }
    found.at(-1)?.push(id)
    size += sizes.get(id) ?? 0
  }
  return found
})

const idOf = (prefix: string, event: RecordedEvent): ReadonlyArray<string> =>
  event.stream.startsWith(prefix) ? [event.stream.slice(prefix.length)] : []
