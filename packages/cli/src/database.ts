/**
 * The database, as roles and `signalbox db` need it.
 *
 * Owns: wiring. Does not own: the services. Clients of the hub never import this.
 */
import { Effect, Layer } from "effect"
import { Home, type HomeError } from "@signalbox/core/config/Home.ts"
import type { SettingInvalid, Settings } from "@signalbox/core/config/Settings.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { PostgresServer, type PostgresServerError } from "@signalbox/core/postgres/PostgresServer.ts"
import { settingsLayer } from "./environment.ts"
import { noteAnother, notBuiltIn } from "./hubs-database.ts"

/** Home, settings and a Postgres that answers: started when it is the embedded one and nobody has. */
export const serverLayer: Layer.Layer<
  PostgresServer | Settings | Home,
  PostgresServerError | HomeError | SettingInvalid
> = PostgresServer.layer().pipe(Layer.provideMerge(Layer.merge(settingsLayer, Home.layer)))

/** For what is about the log of the running hub: refused before anything is started when that one is not the built-in one. */
export const hubsServerLayer = PostgresServer.layer().pipe(
  Layer.provideMerge(Layer.effectDiscard(notBuiltIn)),
  Layer.provideMerge(Layer.merge(settingsLayer, Home.layer))
)

/** The same with a small pool. @param name shown in pg_stat_activity */
export const databaseLayer = (name: string) =>
  Layer.effectDiscard(noteAnother).pipe(
    Layer.provideMerge(Layer.unwrap(Effect.map(PostgresServer, (server) => Db.layer(server.url, { max: 2, name })))),
    Layer.provideMerge(hubsServerLayer)
  )
