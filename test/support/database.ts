/** A new, migrated database on the test run's Postgres: no state leaks between test files, nothing is cleaned up by hand. */
import { randomBytes } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Effect, Layer } from "effect"
import postgres from "postgres"
import { inject } from "vitest"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { migrate } from "@signalbox/core/postgres/migrate.ts"

export const migrations = fileURLToPath(new URL("../../migrations", import.meta.url))

/** @returns the URL of an empty database without any schema */
export const emptyDatabase = async (): Promise<string> => {
  const server = inject("postgresUrl")
  const name = `t_${randomBytes(6).toString("hex")}`
  const sql = postgres(server, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${name}`)
  await sql.end()
  return server.replace(/\/postgres$/, `/${name}`)
}

/** @returns the URL of a database with every migration applied */
export const freshDatabase = async (): Promise<string> => {
  const url = await emptyDatabase()
  await Effect.runPromise(migrate(migrations).pipe(Effect.provide(Db.layer(url, { max: 1 }))))
  return url
}

/** `Db` on a fresh, migrated database. */
export const DbTest: Layer.Layer<Db> = Layer.unwrap(Effect.map(Effect.promise(freshDatabase), (url) => Db.layer(url)))
