/**
 * What the verbs of `signalbox db` do.
 *
 * Owns: their answers. Does not own: migrations and servers (core/postgres).
 */
import { spawn } from "node:child_process"
import { Effect, Layer } from "effect"
import { installationRoot, RootNotFound } from "@signalbox/core/config/root.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { migrate, migrationStatus } from "@signalbox/core/postgres/migrate.ts"
import { PostgresServer, shownServer } from "@signalbox/core/postgres/PostgresServer.ts"
import { Projections, type Rebuilt } from "@signalbox/core/projection/Projection.ts"
import { layer as projectionsLayer } from "@signalbox/core/projection/ProjectionsLive.ts"
import { roomProjections } from "@signalbox/core/projection/rooms.ts"
import { admitReader } from "@signalbox/core/report/reader.ts"
import { databaseLayer, hubsServerLayer } from "../database.ts"
import { answer, CommandFailed, failed, talk } from "../output.ts"
import { columns, style } from "../paint.ts"

const root = Effect.try({
  try: () => installationRoot(),
  catch: (cause) => (cause instanceof RootNotFound ? cause : new RootNotFound({ from: String(cause) }))
})

export const migrateCommand = Effect.gen(function* () {
  const { migrations } = yield* root
  const applied = yield* migrate(migrations)
  const notice = yield* admitReader
  if (notice !== undefined) yield* talk(notice)
  yield* answer({ applied: [...applied] }, () =>
    applied.length === 0 ? "The schema is up to date." : applied.map((name) => `applied ${name}`).join("\n")
  )
}).pipe(Effect.provide(databaseLayer("signalbox-db")))

export const statusCommand = Effect.gen(function* () {
  const { migrations } = yield* root
  const server = yield* PostgresServer
  const { applied, pending } = yield* migrationStatus(migrations)
  const version = `${Math.floor(server.version / 10_000)}.${server.version % 10_000}`
  const shown = { server: shownServer(server.url), origin: server.origin, version, applied: [...applied] }
  yield* answer({ ...shown, pending: [...pending], current: pending.length === 0 }, () =>
    columns([
      ["server", `${shown.server} (${server.origin === "embedded" ? "built in" : "DATABASE_URL"})`],
      ["version", version],
      ["applied", applied.join(", ") || "none"],
      ["pending", pending.length === 0 ? "none" : style("yellow", pending.join(", "))]
    ])
  )
  if (pending.length > 0) return yield* failed("The schema is not up to date. Run: signalbox db migrate")
}).pipe(Effect.provide(databaseLayer("signalbox-db")))

/** The password travels in the environment: arguments are readable by every user of the machine. */
export const psqlCommand = (args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { url } = yield* PostgresServer
    const code = yield* Effect.callback<number, CommandFailed>((resume) => {
      const child = spawn("psql", args, { stdio: "inherit", env: { ...process.env, ...libpq(url) } })
      // Ctrl-C belongs to psql, which cancels its query
      const ignore = () => {}
      process.on("SIGINT", ignore)
      child.once("error", () =>
        resume(
          Effect.fail(failed("psql is not installed. Install the package postgresql-client, or use signalbox db url."))
        )
      )
      child.once("exit", (status) => resume(Effect.succeed(status ?? 1)))
      return Effect.sync(() => {
        process.removeListener("SIGINT", ignore)
        child.kill("SIGTERM")
      })
    })
    if (code !== 0) return yield* new CommandFailed({ reason: "", code })
  }).pipe(Effect.provide(hubsServerLayer))

const libpq = (url: string): Record<string, string> => {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const values = {
    PGHOST: searchParams.get("host") ?? hostname,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    PGSSLMODE: searchParams.get("sslmode") ?? ""
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""))
}

/** @param name one projection, or all of them */
export const rebuildCommand = (name: string | undefined) =>
  Effect.gen(function* () {
    const projections = yield* Projections
    const names = name === undefined ? roomProjections.map((one) => one.name) : [name]
    const rebuilt: Array<Rebuilt> = []
    for (const one of names) {
      const told = { at: 0 }
      const done = yield* projections.rebuild(one, ({ position, head }) =>
        Effect.suspend(() => {
          if (position - told.at < 50_000) return Effect.void
          told.at = position
          return talk(`${one}: ${position} of ${head}`)
        })
      )
      rebuilt.push(done)
    }
    yield* answer({ rebuilt: rebuilt.map((one) => ({ ...one })) }, () =>
      columns(
        rebuilt.map((one) => [
          one.name,
          `${one.events} events`,
          `up to ${one.position}`,
          one.parked === 0 ? "" : style("yellow", `${one.parked} parked`)
        ])
      )
    )
  }).pipe(
    Effect.provide(
      projectionsLayer(roomProjections).pipe(
        Layer.provideMerge(eventLogLayer),
        Layer.provideMerge(databaseLayer("signalbox-rebuild"))
      )
    )
  )
