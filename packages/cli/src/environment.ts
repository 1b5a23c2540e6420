/**
 * The settings and the home, as commands need them.
 *
 * Owns: wiring for clients. Does not own: the services, the database (`database.ts`, which loads a driver and is for roles and `db`).
 */
import { Effect, Layer } from "effect"
import { Secrets } from "@signalbox/core/config/secret.ts"
import { secretsOf, type SettingInvalid, Settings } from "@signalbox/core/config/Settings.ts"

/** Settings whose secrets are known to every logger from then on. */
export const settingsLayer: Layer.Layer<Settings, SettingInvalid> = Settings.layer.pipe(
  Layer.tap((context) =>
    Effect.gen(function* () {
      const secrets = yield* Secrets
      const settings = yield* Effect.provide(Settings, context)
      for (const secret of secretsOf(settings)) secrets.add(secret)
    })
  )
)
