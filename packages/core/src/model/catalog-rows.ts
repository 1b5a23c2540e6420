/**
 * The table `model.catalog`: what the workers' providers told.
 *
 * Owns: its SQL, the topics by which lists are asked for. Does not own: who asks providers, what the answers mean.
 * Invariants: a provider that fails keeps its last list beside the problem; a provider that no living worker has any more
 * disappears within minutes, and none does while no worker lives; ages are reckoned by the database's clock alone.
 */
import { Effect, Schema } from "effect"
import { Db, type DbError } from "../postgres/Db.ts"
import { ModelInfo, type ProviderInfo } from "./message.ts"

/** Volatile topics. To the workers: lists from before that moment (milliseconds since 1970 of the database) are too old. */
export const WANTED = "models/wanted"
export const Wanted = Schema.Struct({ notBefore: Schema.Number })
/** To whoever waits: a list has come; `done`: all that one worker has. */
export const FRESH = "models/fresh"
export const Fresh = Schema.Struct({ done: Schema.Boolean })

/** Seconds after which a provider that a worker does not speak of any more, while workers speak of others, is gone. */
const GONE = 180

const decodeModels = Schema.decodeUnknownSync(Schema.Array(ModelInfo))

export interface CatalogRows {
  readonly rows: ReadonlyArray<ProviderInfo>
  /** Of the database, milliseconds since 1970. */
  readonly now: number
}

export const readCatalog: Effect.Effect<CatalogRows, DbError, Db> = Effect.gen(function* () {
  const db = yield* Db
  const rows = yield* db.query(
    "read the model lists",
    (sql) => sql<
      { now: Date; provider: string | null; title: string; problem: string | null; at: Date; models: unknown }[]
    >`
      select clock.now, c.provider, c.title, c.problem, c.at, c.models
      from (select clock_timestamp() as now) clock left join model.catalog c
        on c.seen_at > (select max(seen_at) from model.catalog) - make_interval(secs => ${GONE})
      order by c.rank, c.provider`
  )
  return {
    now: rows[0]?.now.getTime() ?? 0,
    rows: rows.flatMap(({ provider, title, problem, at, models }) =>
      provider === null
        ? []
        : [
            {
              provider,
              title,
              problem,
              at: at.getTime() === 0 ? null : at.toISOString(),
              models: decodeModels(models)
            }
          ]
    )
  }
})

/** A list, or why there is none: then the last one stays. */
export interface Told {
  readonly provider: string
  readonly title: string
  readonly rank: number
  readonly models: ReadonlyArray<ModelInfo> | undefined
  readonly problem: string | null
}

export const writeCatalog = (told: Told): Effect.Effect<void, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    db.query("keep a model list", (sql) => {
      const models = told.models === undefined ? null : JSON.stringify(told.models)
      return sql`
        insert into model.catalog (provider, title, rank, models, problem, at, seen_at)
        values (${told.provider}, ${told.title}, ${told.rank}, coalesce(${models}::text::json, '[]'), ${told.problem},
          clock_timestamp(), clock_timestamp())
        on conflict (provider) do update set title = excluded.title, rank = excluded.rank,
          models = coalesce(${models}::text::json, catalog.models), problem = excluded.problem,
          at = excluded.at, seen_at = excluded.seen_at`
    })
  ).pipe(Effect.asVoid)

/** Known from the first moment, so that a full name is taken before the list has come; `at` is null until then. */
export const expectLists = (
  providers: ReadonlyArray<Pick<Told, "provider" | "title" | "rank">>
): Effect.Effect<void, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "expect model lists",
      (sql) => sql`
        insert into model.catalog (provider, title, rank, models, problem, at, seen_at)
        select provider, title, rank, '[]', 'its list has not come yet', to_timestamp(0), clock_timestamp()
        from json_to_recordset(${JSON.stringify(providers)}::text::json) as p (provider text, title text, rank int)
        on conflict (provider) do nothing`
    )
  ).pipe(Effect.asVoid)

/** This worker lives and has them; what nobody has spoken of for long is forgotten. */
export const stillConfigured = (providers: ReadonlyArray<string>): Effect.Effect<void, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "note the configured providers",
      (sql) => sql`
        with seen as (
          update model.catalog set seen_at = clock_timestamp() where provider = any(${[...providers]}) returning provider)
        delete from model.catalog
        where seen_at < clock_timestamp() - make_interval(secs => ${GONE}) and provider not in (select provider from seen)`
    )
  ).pipe(Effect.asVoid)
