/** A new, migrated database on the test run's Postgres: no state leaks between test files, nothing is cleaned up by hand. */
import { randomBytes } from "node:crypto"
import { Effect, Layer } from "effect"
import postgres from "postgres"
import { inject } from "vitest"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { databaseOn, migratedDatabase } from "./postgres-server.ts"

const databaseLike = async (template: string): Promise<string> => {
  const server = inject("postgresUrl")
  const name = `t_${randomBytes(6).toString("hex")}`
  const sql = postgres(server, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${name} template ${template}`)
  await sql.end()
  return databaseOn(server, name)
}

/** @returns the URL of an empty database without any schema */
export const emptyDatabase = (): Promise<string> => databaseLike("template1")

/** @returns the URL of a database with every migration applied, and a log of its own: a copy would be the same log */
export const freshDatabase = async (): Promise<string> => {
  const url = await databaseLike(migratedDatabase)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`alter table log.identity disable trigger immutable; update log.identity set id = gen_random_uuid();
    alter table log.identity enable trigger immutable`)
  await sql.end()
  return url
}

/** `Db` on a fresh, migrated database. */
export const DbTest: Layer.Layer<Db> = Layer.unwrap(Effect.map(Effect.promise(freshDatabase), (url) => Db.layer(url)))
