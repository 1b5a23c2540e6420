/**
 * The checks of what runs: database, schema, hub.
 *
 * Owns: what is asked. Invariant: nothing is started; a server that does not answer costs seconds, not minutes.
 */
import { Effect, Option, Redacted, Schema } from "effect"
import { homePaths } from "@signalbox/core/config/find.ts"
import { type HubInfo, readHubFile } from "@signalbox/core/config/hub-file.ts"
import type { Settings } from "@signalbox/core/config/Settings.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { migrationStatus } from "@signalbox/core/postgres/migrate.ts"
import { serverVersion, shownServer } from "@signalbox/core/postgres/PostgresServer.ts"
import { runningUrl } from "@signalbox/core/postgres/running.ts"
import { type Check, fail, ok, warn } from "./Check.ts"

export interface DatabaseChecks {
  readonly checks: ReadonlyArray<Check>
  /** Our time less the database's, in milliseconds. */
  readonly skewMs?: number
}

export const database = (
  settings: Settings["Service"],
  home: string,
  migrations: string
): Effect.Effect<DatabaseChecks> =>
  Effect.gen(function* () {
    const given = settings.databaseUrl === undefined ? undefined : Redacted.value(settings.databaseUrl)
    const url = given ?? (yield* runningUrl(home))
    if (url === undefined)
      return { checks: [ok("database", "built in, not running (signalbox up starts it)")] } satisfies DatabaseChecks
    const version = yield* serverVersion(url, 0)
    const where = `${shownServer(url)}, Postgres ${Math.floor(version / 10_000)}.${version % 10_000}`
    const rest = yield* schemaAndClock(migrations).pipe(
      Effect.provide(Db.layer(url, { max: 1, name: "signalbox-doctor" }))
    )
    return { checks: [ok("database", where), rest.schema], skewMs: rest.skewMs }
  }).pipe(Effect.catch((error) => Effect.succeed({ checks: [fail("database", error.message)] })))

const schemaAndClock = (migrations: string) =>
  Effect.gen(function* () {
    const db = yield* Db
    const schema = yield* migrationStatus(migrations).pipe(
      Effect.map(({ applied, pending }) =>
        pending.length === 0
          ? ok("schema", `${applied.length} migrations`)
          : warn(
              "schema",
              pending.length === 1 ? "1 migration is missing" : `${pending.length} migrations are missing`,
              "Run: signalbox db migrate"
            )
      ),
      Effect.catchTag("SchemaMismatch", (error) =>
        Effect.succeed(fail("schema", error.message, "Use the program that fits the database"))
      )
    )
    const [row] = yield* db.query(
      "ask for the time",
      (sql) => sql<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
    )
    return { schema, skewMs: Date.now() - (row?.ms ?? Date.now()) }
  })

const Health = Schema.Struct({ status: Schema.optionalKey(Schema.String) })
const decodeHealth = Schema.decodeUnknownOption(Schema.fromJsonString(Health))

/** @param at milliseconds since 1970 */
export const hub = (home: string, at: number): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const state = yield* readHubFile(homePaths(home))
    if (state._tag === "None") return [ok("hub", "not running (signalbox up starts it)")]
    const { url, pid } = state.hub
    if (state._tag === "Stale")
      return [warn("hub", `the hub of ${url} (pid ${pid}) ended without a goodbye`, "Start it again: signalbox up")]
    const answered = yield* Effect.tryPromise((signal) =>
      fetch(`${url}/health`, { signal }).then(async (response) => ({
        status: response.status,
        text: await response.text()
      }))
    ).pipe(Effect.timeout("3 seconds"), Effect.option)
    const check = Option.match(answered, {
      onNone: () => fail("hub", `${url} (pid ${pid}) does not answer`, `See the logs in ${homePaths(home).logs}`),
      onSome: ({ status, text }) =>
        status === 200 && Option.isSome(decodeHealth(text))
          ? ok("hub", `${url} (pid ${pid})${bridgeOf(state.hub)}`)
          : fail("hub", `${url} answers ${status}`, `See the logs in ${homePaths(home).logs}`)
    })
    return state.hub.certificate === undefined ? [check] : [check, certificate(state.hub.certificate, at)]
  }).pipe(
    Effect.catch((error) => Effect.succeed([fail("hub", error.message, "Remove the file and start the hub again")]))
  )

const soonMs = 14 * 86_400_000

/** What the hub says that it shows. */
export const certificate = (
  { fingerprint, expiresAt, problem }: NonNullable<HubInfo["certificate"]>,
  at: number
): Check => {
  const left = Date.parse(expiresAt) - at
  const until = `${left > 0 ? "holds until" : "expired on"} ${expiresAt.slice(0, 10)} (${fingerprint})`
  const mend = "Renew its files, or run signalbox cert --replace; a running hub takes the new one by itself"
  if (problem !== undefined)
    return (left > 0 ? warn : fail)(
      "certificate",
      `the newer one is not taken: ${problem} The one before ${until}`,
      mend
    )
  if (left <= 0) return fail("certificate", `it ${until}`, mend)
  return left < soonMs ? warn("certificate", `it ${until}`, mend) : ok("certificate", until)
}

const bridgeOf = ({ bridge }: HubInfo): string =>
  bridge === undefined ? "" : `, bridge on ${bridge.host} port ${bridge.port}${bridge.tls ? " with TLS" : ""}`
