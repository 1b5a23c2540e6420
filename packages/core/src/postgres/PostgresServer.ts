/**
 * The Postgres of this process: the one of DATABASE_URL when that is set, else the embedded one of the home.
 *
 * Owns: which server, that it is new enough, that it answers. Does not own: pools (`Db.ts`), the schema (`migrate.ts`).
 * Invariants: who has this service has had an answer from a Postgres ≥ 15; no message shows the URL's password.
 */
import { Clock, Context, Effect, Layer, Redacted, Schema } from "effect"
import postgres from "postgres"
import { Home } from "../config/Home.ts"
import { Settings } from "../config/Settings.ts"
import { withProgress } from "../observe/Progress.ts"
import { toDbError } from "./Db.ts"
import { holdPostgres } from "./embedded.ts"
import type { EmbeddedPostgresError } from "./PostgresError.ts"

const OLDEST = 15

/** DATABASE_URL names a server that does not answer, or not to us. */
export class DatabaseUnreachable extends Schema.TaggedError<DatabaseUnreachable>()("DatabaseUnreachable", {
  server: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The database at ${this.server} cannot be used (${this.reason}). Check DATABASE_URL and that the server runs.`
  }
}

export class DatabaseTooOld extends Schema.TaggedError<DatabaseTooOld>()("DatabaseTooOld", {
  server: Schema.String,
  version: Schema.String
}) {
  override get message(): string {
    return `The database at ${this.server} is Postgres ${this.version}; ${OLDEST} or newer is needed. Update it, or leave DATABASE_URL out to use the built-in one.`
  }
}

export type PostgresServerError = EmbeddedPostgresError | DatabaseUnreachable | DatabaseTooOld

export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    readonly url: string
    readonly origin: "embedded" | "url"
    /** As `server_version_num`: 180004. */
    readonly version: number
    /** Fails when an embedded server is lost for good; a role races with it. Never ends otherwise. */
    readonly failed: Effect.Effect<never, EmbeddedPostgresError>
  }
>()("@signalbox/core/postgres/PostgresServer") {
  /** @param options.patienceMs how long a DATABASE_URL that does not answer yet is tried again (default 15 s) */
  static readonly layer = (
    options: { readonly patienceMs?: number } = {}
  ): Layer.Layer<PostgresServer, PostgresServerError, Settings | Home> =>
    Layer.effect(
      PostgresServer,
      Effect.gen(function* () {
        const { databaseUrl } = yield* Settings
        if (databaseUrl === undefined) {
          const home = yield* Home
          const held = yield* holdPostgres({ home: home.directory })
          const version = yield* serverVersion(held.url, options.patienceMs ?? 15_000)
          return PostgresServer.of({ url: held.url, origin: "embedded", version, failed: held.failed })
        }
        const url = Redacted.value(databaseUrl)
        const version = yield* serverVersion(url, options.patienceMs ?? 15_000)
        return PostgresServer.of({ url, origin: "url", version, failed: Effect.never })
      })
    )
}

/** Host, port and database of a URL: what may be shown. */
export const shownServer = (url: string): string => {
  if (!URL.canParse(url)) return "DATABASE_URL"
  const { host, pathname, searchParams } = new URL(url)
  return `${host || searchParams.get("host") || "localhost"}${pathname}`
}

/**
 * Asks the server for its version, and again while it does not answer yet (it may be starting beside us).
 * @returns server_version_num, at least 150000
 */
export const serverVersion = (
  url: string,
  patienceMs: number
): Effect.Effect<number, DatabaseUnreachable | DatabaseTooOld> =>
  Effect.gen(function* () {
    const deadline = (yield* Clock.currentTimeMillis) + patienceMs
    while (true) {
      const answer = yield* Effect.result(askVersion(url))
      if (answer._tag === "Success") {
        if (answer.success.number >= OLDEST * 10_000) return answer.success.number
        return yield* new DatabaseTooOld({ server: shownServer(url), version: answer.success.text })
      }
      const worthWaiting = answer.failure.transient && (yield* Clock.currentTimeMillis) < deadline
      if (!worthWaiting)
        return yield* new DatabaseUnreachable({ server: shownServer(url), reason: answer.failure.reason })
      yield* Effect.sleep("250 millis")
    }
  }).pipe(withProgress(`Waiting for the database at ${shownServer(url)}…`))

const askVersion = (url: string) =>
  Effect.acquireUseRelease(
    Effect.try({
      try: () => postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {}, backoff: false, fetch_types: false }),
      catch: (cause) => toDbError("ask for the version", cause)
    }),
    (sql) =>
      Effect.tryPromise({
        try: async () => {
          const [row] = await sql<{ number: number; text: string }[]>`
            select current_setting('server_version_num')::int as number, current_setting('server_version') as text`.simple()
          return row ?? { number: 0, text: "unknown" }
        },
        catch: (cause) => toDbError("ask for the version", cause)
      }),
    (sql) => Effect.promise(() => sql.end({ timeout: 0 }))
  )
