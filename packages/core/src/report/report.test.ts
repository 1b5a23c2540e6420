import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import postgres from "postgres"
import { expect } from "vitest"
import { DbTest, emptyDatabase, freshDatabase } from "../../../../test/support/database.ts"
import { migrations } from "../../../../test/support/postgres-server.ts"
import { Db } from "../postgres/Db.ts"
import { migrate } from "../postgres/migrate.ts"
import { toCsv } from "./csv.ts"
import { reportsInMarkdown } from "./docs.ts"
import { admitReader } from "./reader.ts"
import { readReport, type ReportName, reports } from "./reports.ts"

const docs = fileURLToPath(new URL("../../../../docs/reports.md", import.meta.url))

describe("the report views", () => {
  it.live("are documented, every one and every column, in docs/reports.md (vitest -u writes it)", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const bare = yield* db.query(
        "find what is not documented",
        (sql) => sql<{ what: string }[]>`
          select n.nspname || '.' || c.relname || coalesce('.' || a.attname, '') as what
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and n.nspname = 'report'
          where n.nspname in ('report', 'read') and c.relkind in ('v', 'r')
            and (obj_description(c.oid, 'pg_class') is null
              or a.attnum is not null and col_description(c.oid, a.attnum) is null)`
      )
      assert.deepStrictEqual(
        bare.map((row) => row.what),
        []
      )
      const markdown = yield* reportsInMarkdown
      yield* Effect.promise(() => expect(markdown).toMatchFileSnapshot(docs))
    }).pipe(Effect.provide(DbTest))
  )

  it.live("are what the ready-made reports read", () =>
    Effect.gen(function* () {
      for (const name of Object.keys(reports) as ReadonlyArray<ReportName>) {
        const found = yield* readReport(name, { limit: 5, since: "2020-01-01T00:00:00Z" })
        assert.isAbove(found.columns.length, 5, name)
        assert.deepStrictEqual([found.rows, found.more], [[], false], name)
      }
    }).pipe(Effect.provide(DbTest))
  )

  it.live("can be read by signalbox_reader, which can read and write nothing else", () =>
    Effect.gen(function* () {
      const db = yield* Db
      assert.isUndefined(yield* admitReader)
      const as = (statement: string) =>
        Effect.promise(() =>
          db.pool
            .begin(async (sql) => {
              await sql.unsafe("set local role signalbox_reader")
              return await sql.unsafe(statement)
            })
            .then(
              () => "done",
              (error: unknown) => (error instanceof postgres.PostgresError ? error.code : String(error))
            )
        )
      for (const { view } of Object.values(reports))
        assert.strictEqual(yield* as(`select * from report.${view} limit 1`), "done", view)
      for (const refused of [
        "select * from log.event",
        "select * from read.message",
        "select * from pgboss.job",
        "insert into report.events (position) values (1)",
        "select report.admit_reader()",
        "create table report.x (y int)"
      ])
        assert.include(["42501", "3F000", "42P01", "55000"], yield* as(refused), refused)
    }).pipe(Effect.provide(DbTest))
  )

  it.live("come without the role where the user may not create roles, and that is said", () =>
    Effect.gen(function* () {
      const url = new URL(yield* Effect.promise(emptyDatabase))
      const name = `limited_${randomBytes(4).toString("hex")}`
      const admin = yield* Effect.acquireRelease(
        Effect.sync(() => postgres(url.href, { max: 1, onnotice: () => {} })),
        (sql) => Effect.promise(() => sql.end())
      )
      yield* Effect.promise(() => admin.unsafe(`create role ${name} login password 'x'`))
      yield* Effect.promise(() => admin.unsafe(`alter database ${url.pathname.slice(1)} owner to ${name}`))
      yield* Effect.promise(() => admin.unsafe(`grant all on schema public to ${name}`))
      url.username = name
      url.password = "x"
      const limited = Db.layer(url.href, { max: 1 })
      yield* Effect.gen(function* () {
        yield* migrate(migrations)
        const db = yield* Db
        // as on a server without the role: the same function, asked for a name that nobody has
        yield* db.query("rename", (sql) =>
          sql.unsafe(
            `do $$ begin execute replace(pg_get_functiondef('report.admit_reader'::regproc), 'signalbox_reader', 'nobody_${name}'); end $$`
          )
        )
        const notice = yield* admitReader
        assert.match(notice ?? "", /may not create roles.*administrator run: create role nobody_/)
        assert.strictEqual((yield* readReport("tasks", { limit: 1 })).rows.length, 0)
      }).pipe(Effect.provide(limited))
    }).pipe(Effect.scoped)
  )
})

describe("the role of the reports", () => {
  it.live("is made once by processes of several databases that start at the same moment", () =>
    Effect.gen(function* () {
      const name = `reader_${randomBytes(4).toString("hex")}`
      const urls = yield* Effect.promise(() => Promise.all(Array.from({ length: 4 }, () => freshDatabase())))
      const starters = urls.flatMap((url) => [url, url, url])
      // each process has a connection of its own; the role's name is new to this server
      for (const url of urls)
        yield* Effect.flatMap(Db, (db) =>
          db.query("rename", (sql) =>
            sql.unsafe(
              `do $$ begin execute replace(pg_get_functiondef('report.admit_reader'::regproc), 'signalbox_reader', '${name}'); end $$`
            )
          )
        ).pipe(Effect.provide(Db.layer(url, { max: 1 })))
      const notices = yield* Effect.all(
        starters.map((url) => admitReader.pipe(Effect.provide(Db.layer(url, { max: 1 })))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(notices, Array(starters.length).fill(undefined))
      for (const url of urls) {
        const able = yield* Effect.flatMap(Db, (db) =>
          db.query(
            "ask",
            (sql) => sql<{ able: boolean }[]>`select has_table_privilege(${name}, 'report.events', 'select') as able`
          )
        ).pipe(Effect.provide(Db.layer(url, { max: 1 })))
        assert.isTrue(able[0]?.able)
      }
    })
  )
})

describe("CSV", () => {
  it.effect("survives quotes and line breaks, and is no program", () =>
    Effect.sync(() => {
      const rows = [
        ["=1+1", "+1", "-5", "@x", "\t=x", " =y"],
        ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "plain", "日本"],
        [1, -2.5, true, null, "", "-"]
      ]
      assert.strictEqual(
        toCsv({ columns: ["a", "b", "c", "d", "e", "f"], rows, more: false }),
        [
          "a,b,c,d,e,f",
          `'=1+1,+1,-5,'@x,'\t=x,' =y`,
          `"a,b","say ""hi""","two\nlines","two\r\nlines",plain,日本`,
          "1,-2.5,true,,,'-",
          ""
        ].join("\r\n")
      )
    })
  )
})
