/**
 * One throw-away Postgres for a whole test run (vitest globalSetup), on a free loopback port; every test file makes databases of
 * its own in it with `freshDatabase`: copies of one that is migrated here, once.
 *
 * Invariant: only that one server of the run syncs nothing to the disk. Tests kill processes, Postgres itself among them, and what a
 * process has written outlives it; only the machine's own end would lose it. Whoever starts a server of their own, to measure or to take it
 * through a crash, has Postgres's own durability.
 */
import { execFile, spawn } from "node:child_process"
import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Effect } from "effect"
import postgres from "postgres"
import type { TestProject } from "vitest/node"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { migrate } from "@signalbox/core/postgres/migrate.ts"
import { installedPrograms, programsFor, serverUser } from "@signalbox/core/postgres/placement.ts"
import { freePort } from "./free-port.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly postgresUrl: string
  }
}

const run = promisify(execFile)

export const migrations = fileURLToPath(new URL("../../migrations", import.meta.url))
/** The template of the run's databases. Nobody connects to it any more: Postgres does not copy what is in use. */
export const migratedDatabase = "t_migrated"
export const databaseOn = (server: string, name: string): string => server.replace(/\/postgres$/, `/${name}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({ fsync: "off", full_page_writes: "off" })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${migratedDatabase}`)
  const template = Db.layer(databaseOn(server.url, migratedDatabase), { max: 1 })
  await Effect.runPromise(migrate(migrations).pipe(Effect.provide(template)))
  await sql.unsafe(`alter database ${migratedDatabase} with allow_connections false`)
  await sql.end()
  project.provide("postgresUrl", server.url)
  return server.stop
}

export interface TestServer {
  readonly url: string
  readonly pid: number
  readonly data: string
  /** Fast shutdown (connections are cut), then the same server on the same port and data. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** @param more settings of postgresql.conf beside those that every test server has */
export const startServer = async (more: Readonly<Record<string, string>> = {}): Promise<TestServer> => {
  const user = await serverUser()
  const who = user === undefined ? {} : { uid: user.uid, gid: user.gid }
  const base = await mkdtemp(join(tmpdir(), "signalbox-pg-"))
  if (user !== undefined) await chown(base, user.uid, user.gid)
  // A checkout below /root is closed to the user that Postgres must run as: then it gets a copy of the programs.
  const programs = join(await programsFor(installedPrograms(), user, base), "bin")
  const data = join(base, "data")
  await writeFile(join(base, "pw"), "test\n")
  if (user !== undefined) await chown(join(base, "pw"), user.uid, user.gid)
  await run(
    join(programs, "initdb"),
    [
      "-D",
      data,
      "-U",
      "signalbox",
      `--pwfile=${join(base, "pw")}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--no-sync",
      "--locale-provider=builtin",
      "--locale=C.UTF-8",
      "--no-instructions"
    ],
    { ...who, cwd: "/", env: {} }
  )
  const port = await freePort()
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 600, // three files at once, some of them with a dozen processes that have pools of ten
    shared_buffers: "64MB",
    jit: "off",
    io_method: "sync",
    wal_level: "minimal",
    max_wal_senders: 0,
    ...more
  }
  const launch = async () => {
    const child = spawn(
      join(programs, "postgres"),
      ["-D", data, ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`])],
      { ...who, cwd: "/", env: {}, stdio: "ignore" }
    )
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    const deadline = Date.now() + 60_000
    while (!(await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "")).includes("ready")) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error("the test Postgres did not start")
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const halt = (): Promise<void> => {
      child.kill("SIGINT")
      return exited
    }
    return { pid: child.pid ?? 0, halt }
  }
  let running = await launch()
  return {
    url: `postgres://signalbox:test@127.0.0.1:${port}/postgres`,
    get pid() {
      return running.pid
    },
    data,
    restart: async () => {
      await running.halt()
      running = await launch()
    },
    stop: async () => {
      await running.halt()
      await rm(base, { recursive: true, force: true })
    }
  }
}
