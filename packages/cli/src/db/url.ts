/**
 * `signalbox db url`: where the database is now. Apart from the other verbs because it needs no driver.
 */
import { Effect, Layer, Redacted } from "effect"
import { Home } from "@signalbox/core/config/Home.ts"
import { Settings } from "@signalbox/core/config/Settings.ts"
import { runningUrl } from "@signalbox/core/postgres/running.ts"
import { settingsLayer } from "../environment.ts"
import { notBuiltIn } from "../hubs-database.ts"
import { answer, cannotTell } from "../output.ts"

/** Starts nothing: a server that stops with this command would make the URL a lie. */
export const urlCommand = Effect.gen(function* () {
  yield* notBuiltIn
  const { databaseUrl } = yield* Settings
  const home = yield* Home
  const url = databaseUrl === undefined ? yield* runningUrl(home.directory) : Redacted.value(databaseUrl)
  if (url === undefined) return yield* cannotTell("The built-in database is not running. Start it: signalbox up")
  yield* answer({ url }, () => url)
}).pipe(Effect.provide(Layer.merge(settingsLayer, Home.layer)))
