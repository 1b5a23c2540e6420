/**
 * Forward-only migrations: the files of `migrations/`, in name order, each once, whoever starts first.
 *
 * Owns: the table `signalbox.migration` and the lock around it. Does not own: the SQL in the files.
 * Invariants: one migration is one transaction; a file that has been applied never changes (its SHA-256 is compared);
 * a database that knows a migration which we do not have is newer than this program and is left alone.
 */
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { Db, type DbError } from "./Db.ts"

export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>()("SchemaMismatch", {
  problem: Schema.Literals(["newer", "changed", "unreadable"]),
  detail: Schema.String
}) {
  override get message(): string {
    switch (this.problem) {
      case "newer":
        return `The database belongs to a newer Signalbox (it has ${this.detail}). Update this program, or point DATABASE_URL at another database.`
      case "changed":
        return `The migration ${this.detail} was applied with another content. This program and the database do not fit together; use the version that made the database.`
      case "unreadable":
        return `The migrations cannot be read: ${this.detail}. The installation is damaged; install it again.`
    }
  }
}

export interface MigrationStatus {
  readonly applied: ReadonlyArray<string>
  readonly pending: ReadonlyArray<string>
}

interface MigrationFile {
  readonly name: string
  readonly sql: string
  readonly digest: string
}

/** Two int4 keys of the advisory lock that keeps concurrent starters apart. */
const LOCK = [0x51670, 2] as const

/**
 * Applies what is missing; safe to run from many processes at once.
 * @param directory absolute path of `migrations/`
 * @returns names applied by this call
 */
export const migrate = Effect.fn("migrate")(function* (directory: string) {
  const db = yield* Db
  const files = yield* readFiles(directory)
  return yield* db.transaction(
    Effect.gen(function* () {
      yield* db.query("lock the schema", (sql) => sql`select pg_advisory_xact_lock(${LOCK[0]}::int, ${LOCK[1]}::int)`)
      yield* db.query("create the migration table", (sql) => sql`create schema if not exists signalbox`)
      yield* db.query(
        "create the migration table",
        (sql) => sql`create table if not exists signalbox.migration (
          name text primary key, sha256 text not null, applied_at timestamptz not null default now())`
      )
      const pending = yield* compare(files)
      for (const file of pending) {
        yield* db.query(`migration ${file.name}`, (sql) => sql.unsafe(file.sql).simple())
        yield* db.query(
          "note the migration",
          (sql) => sql`insert into signalbox.migration (name, sha256) values (${file.name}, ${file.digest})`
        )
      }
      return pending.map((file) => file.name)
    })
  )
})

/** What `db status` shows. Reads only. */
export const migrationStatus = Effect.fn("migrationStatus")(function* (directory: string) {
  const db = yield* Db
  const files = yield* readFiles(directory)
  const [exists] = yield* db.query(
    "look for the migration table",
    (sql) => sql<{ found: boolean }[]>`select to_regclass('signalbox.migration') is not null as found`
  )
  const pending = exists?.found === true ? yield* compare(files) : files
  const waiting = new Set(pending.map((file) => file.name))
  const status: MigrationStatus = {
    applied: files.filter((file) => !waiting.has(file.name)).map((file) => file.name),
    pending: [...waiting]
  }
  return status
})

const compare = (
  files: ReadonlyArray<MigrationFile>
): Effect.Effect<ReadonlyArray<MigrationFile>, DbError | SchemaMismatch, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query(
      "read the migration table",
      (sql) => sql<{ name: string; sha256: string }[]>`select name, sha256 from signalbox.migration`
    )
    const applied = new Map(rows.map((row) => [row.name, row.sha256]))
    const ours = new Set(files.map((file) => file.name))
    const newer = rows.filter((row) => !ours.has(row.name)).map((row) => row.name)
    if (newer.length > 0) return yield* new SchemaMismatch({ problem: "newer", detail: newer.join(", ") })
    for (const file of files) {
      const digest = applied.get(file.name)
      if (digest !== undefined && digest !== file.digest)
        return yield* new SchemaMismatch({ problem: "changed", detail: file.name })
    }
    return files.filter((file) => !applied.has(file.name))
  })

const readFiles = (directory: string): Effect.Effect<ReadonlyArray<MigrationFile>, SchemaMismatch> =>
  Effect.tryPromise({
    try: async () => {
      const names = (await readdir(directory)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).toSorted()
      return await Promise.all(
        names.map(async (name) => {
          const sql = await readFile(join(directory, name), "utf8")
          return { name, sql, digest: createHash("sha256").update(sql).digest("hex") }
        })
      )
    },
    catch: (cause) =>
      new SchemaMismatch({ problem: "unreadable", detail: cause instanceof Error ? cause.message : String(cause) })
  })
