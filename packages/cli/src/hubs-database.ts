/**
 * Is the database that a command opens the one of the running hub?
 *
 * Owns: that question, by what the hub says of itself in hub.json. Does not own: opening a database (`database.ts`).
 * Invariants: without DATABASE_URL the built-in database is never meant while the hub uses another; a DATABASE_URL that is set is
 * meant, whatever the hub uses, and the difference is told on stderr.
 */
import { Effect } from "effect"
import { Home } from "@signalbox/core/config/Home.ts"
import { readHubFile } from "@signalbox/core/config/hub-file.ts"
import { Settings } from "@signalbox/core/config/Settings.ts"
import { logIdentity } from "@signalbox/core/log/identity.ts"
import { cannotTell, talk } from "./output.ts"

const hubsDatabase = Effect.gen(function* () {
  const state = yield* readHubFile(yield* Home)
  return state._tag === "Running" ? state.hub.database : undefined
})

/** Fails before anything is started, and made: the built-in database of this home may never have been used. */
export const notBuiltIn = Effect.gen(function* () {
  const { databaseUrl } = yield* Settings
  if (databaseUrl !== undefined) return
  const used = yield* hubsDatabase
  if (used?.origin === "url")
    return yield* cannotTell(
      `The running hub of this home uses the database ${used.server}, not the built-in one. Set DATABASE_URL as it was set for the hub, or stop the hub first.`
    )
})

export const noteAnother = Effect.gen(function* () {
  const used = yield* hubsDatabase
  if (used === undefined) return
  // No id: a database without our schema, or with one of before. Neither is that of a hub that tells its own.
  const log = yield* logIdentity.pipe(Effect.catch(() => Effect.succeed(undefined)))
  if (log !== used.log)
    yield* talk(`note: the running hub of this home uses another database than this one: ${used.server}`)
})
