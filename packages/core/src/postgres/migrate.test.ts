import { mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { emptyDatabase } from "../../../../test/support/database.ts"
import { Db } from "./Db.ts"
import { migrate, migrationStatus } from "./migrate.ts"

const EmptyDb = Layer.unwrap(Effect.map(Effect.promise(emptyDatabase), (url) => Db.layer(url)))

const directory = (files: Record<string, string>) =>
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "signalbox-migrations-"))
    for (const [name, sql] of Object.entries(files)) await writeFile(join(path, name), sql)
    return path
  })

describe("migrations", () => {
  it.live("are applied once each, in order, by ten starters at the same time", () =>
    Effect.gen(function* () {
      const path = yield* directory({
        "0001_first.sql": "create table a (n int); insert into a values (1);",
        "0002_second.sql": "alter table a add column m int;"
      })
      const applied = yield* Effect.all(
        Array.from({ length: 10 }, () => migrate(path)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(applied.flat(), ["0001_first.sql", "0002_second.sql"])
      const rows = yield* Effect.flatMap(Db, (db) => db.query("read", (sql) => sql`select n, m from a`))
      assert.deepStrictEqual([...rows], [{ n: 1, m: null }])
      assert.deepStrictEqual((yield* migrationStatus(path)).pending, [])
    }).pipe(Effect.provide(EmptyDb))
  )

  it.live("leave nothing behind when one of them fails", () =>
    Effect.gen(function* () {
      const path = yield* directory({
        "0001_first.sql": "create table a (n int);",
        "0002_bad.sql": "create tabel b ();"
      })
      const error = yield* Effect.flip(migrate(path))
      assert.include(error.message, "0002_bad.sql")
      const status = yield* migrationStatus(path)
      assert.deepStrictEqual(status.pending, ["0001_first.sql", "0002_bad.sql"])
    }).pipe(Effect.provide(EmptyDb))
  )

  it.live("refuse a database of a newer program, and a file that was changed after it was applied", () =>
    Effect.gen(function* () {
      yield* migrate(yield* directory({ "0001_first.sql": "select 1;", "0002_later.sql": "select 2;" }))
      const newer = yield* Effect.flip(migrate(yield* directory({ "0001_first.sql": "select 1;" })))
      assert.match(newer.message, /newer Signalbox \(it has 0002_later\.sql\)/)
      const changed = yield* Effect.flip(
        migrate(yield* directory({ "0001_first.sql": "select 3;", "0002_later.sql": "select 2;" }))
      )
      assert.match(changed.message, /0001_first\.sql was applied with another content/)
    }).pipe(Effect.provide(EmptyDb))
  )
})
