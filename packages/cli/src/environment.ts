/**
 * What commands need of their surroundings, made on demand: the home, the settings, the database.
 *
 * Owns: wiring. Does not own: the services. Roles (`up`, `hub`, `worker`) and `db` need the database; clients only the home.
 */
import { Effect, Layer, type Config } from "effect"
import { Home, type HomeError } from "@signalbox/core/config/Home.ts"
import { Secrets } from "@signalbox/core/config/secret.ts"
import { secretsOf, Settings } from "@signalbox/core/config/Settings.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { PostgresServer, type PostgresServerError } from "@signalbox/core/postgres/PostgresServer.ts"

/** Settings whose secrets are known to every logger from then on. */
export const settingsLayer: Layer.Layer<Settings, Config.ConfigError> = Settings.layer.pipe(
  Layer.tap((context) =>
    Effect.gen(function* () {
      const secrets = yield* Secrets
      const settings = yield* Effect.provide(Settings, context)
      for (const secret of secretsOf(settings)) secrets.add(secret)
    })
  )
)

/** Home, settings and a Postgres that answers: started when it is the embedded one and nobody has. */
export const serverLayer: Layer.Layer<
  PostgresServer | Settings | Home,
  PostgresServerError | HomeError | Config.ConfigError
> = PostgresServer.layer().pipe(Layer.provideMerge(Layer.merge(settingsLayer, Home.layer)))

/** The same with a small pool. */
export const databaseLayer = (name: string) =>
  Layer.unwrap(Effect.map(PostgresServer, (server) => Db.layer(server.url, { max: 2, name }))).pipe(
    Layer.provideMerge(serverLayer)
  )
