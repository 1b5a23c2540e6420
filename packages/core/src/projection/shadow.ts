/**
 * A second set of a projection's tables beside the serving one, and the swap.
 *
 * Owns: copying table definitions from `read` to `read_next` out of the catalog, and putting the copies in place.
 * Does not own: filling them (`rebuild.ts`).
 * Invariants: names of indexes and constraints survive, so later migrations find them; views keep their identity, grants and
 * comments and read the new tables afterwards; the swap happens in the caller's transaction or not at all.
 */
import { Effect } from "effect"
import { Db } from "../postgres/Db.ts"

const LIVE = "read"
const NEXT = "read_next"
/** A reader that holds a table longer than this makes the swap try again, so that other readers do not queue behind it. */
const LOCK_TIMEOUT = "2s"

/** In the current transaction: empty tables of the same shape in `read_next`. */
export const makeShadow = Effect.fn("makeShadow")(function* (tables: ReadonlyArray<string>) {
  const db = yield* Db
  yield* db.query("make the shadow schema", (sql) => sql`create schema if not exists ${sql(NEXT)}`)
  for (const table of tables) {
    yield* db.query("drop an old shadow", (sql) => sql`drop table if exists ${sql(NEXT)}.${sql(table)}`)
    yield* db.query(
      "make a shadow",
      (sql) =>
        sql`create table ${sql(NEXT)}.${sql(table)} (like ${sql(LIVE)}.${sql(table)} including all excluding indexes)`
    )
    for (const statement of yield* definitions(table)) {
      yield* db.query(`make a shadow of ${table}`, (sql) => sql.unsafe(statement))
    }
  }
})

/** Statements that give the shadow the constraints, indexes, settings and grants of the original. */
const definitions = Effect.fnUntraced(function* (table: string) {
  const db = yield* Db
  const rows = yield* db.query(
    "read a table's definition",
    (sql) => sql<{ statement: string }[]>`
      with t as (select c.oid, c.relacl, c.relowner, c.reloptions from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${LIVE} and c.relname = ${table})
      select format('alter table %I.%I add constraint %I %s', ${NEXT}::text, ${table}::text, k.conname, pg_get_constraintdef(k.oid)) as statement
        from t join pg_constraint k on k.conrelid = t.oid where k.contype in ('p', 'u', 'x')
      union all
      select regexp_replace(pg_get_indexdef(i.indexrelid), ' ON (ONLY )?' || ${LIVE}::text || '\\.', format(' ON %I.', ${NEXT}::text))
        from t join pg_index i on i.indrelid = t.oid
        where not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = t.oid)
      union all
      select format('alter table %I.%I set (%s)', ${NEXT}::text, ${table}::text, array_to_string(t.reloptions, ', '))
        from t where t.reloptions is not null
      union all
      select format('grant %s on %I.%I to %s', a.privilege_type, ${NEXT}::text, ${table}::text,
          case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end)
        from t, aclexplode(t.relacl) a where a.grantee <> t.relowner
      union all
      select format('comment on table %I.%I is %L', ${NEXT}::text, ${table}::text, obj_description(t.oid, 'pg_class'))
        from t where obj_description(t.oid, 'pg_class') is not null`
  )
  return rows.map((row) => row.statement)
})

/** Fresh statistics, or the first readers get plans for empty tables. */
export const analyzeShadow = Effect.fn("analyzeShadow")(function* (tables: ReadonlyArray<string>) {
  const db = yield* Db
  for (const table of tables) yield* db.query("analyze a shadow", (sql) => sql`analyze ${sql(NEXT)}.${sql(table)}`)
})

/** In the current transaction: the shadow serves, the old tables are gone. */
export const swapShadow = Effect.fn("swapShadow")(function* (tables: ReadonlyArray<string>) {
  const db = yield* Db
  yield* db.query("limit the wait for locks", (sql) => sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`)
  // with an empty search_path view definitions come out with every name qualified
  yield* db.query("qualify names", (sql) => sql`select set_config('search_path', '', true)`)
  const views = yield* dependentViews(tables)
  // a reader must wait at the view: once it has resolved the view's tables, they must not vanish
  for (const view of views)
    yield* db.query("lock a view", (sql) => sql.unsafe(`lock table ${view.name} in access exclusive mode`))
  for (const table of tables)
    yield* db.query("lock a table", (sql) => sql`lock table ${sql(LIVE)}.${sql(table)} in access exclusive mode`)
  yield* db.query("make room for the old tables", (sql) => sql`create schema if not exists read_old`)
  for (const table of tables) {
    yield* db.query("swap", (sql) => sql`alter table ${sql(LIVE)}.${sql(table)} set schema read_old`)
    yield* db.query("swap", (sql) => sql`alter table ${sql(NEXT)}.${sql(table)} set schema ${sql(LIVE)}`)
  }
  for (const view of views)
    yield* db.query("point a view at the new tables", (sql) =>
      sql.unsafe(`create or replace view ${view.name} ${view.options} as ${view.definition}`)
    )
  for (const table of tables) yield* db.query("drop an old table", (sql) => sql`drop table read_old.${sql(table)}`)
})

/** Views that read the tables directly; views on views follow by themselves. */
const dependentViews = Effect.fnUntraced(function* (tables: ReadonlyArray<string>) {
  const db = yield* Db
  return yield* db.query(
    "find the views",
    (sql) => sql<{ name: string; definition: string; options: string }[]>`
      select distinct format('%I.%I', vn.nspname, v.relname) as name, pg_get_viewdef(v.oid) as definition,
        coalesce('with (' || array_to_string(v.reloptions, ', ') || ')', '') as options
      from pg_class t join pg_namespace tn on tn.oid = t.relnamespace
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and d.classid = 'pg_rewrite'::regclass
      join pg_rewrite r on r.oid = d.objid
      join pg_class v on v.oid = r.ev_class and v.relkind = 'v'
      join pg_namespace vn on vn.oid = v.relnamespace
      where tn.nspname = ${LIVE} and t.relname in ${sql([...tables])} order by 1`
  )
})
