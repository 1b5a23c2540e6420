/**
 * The embedded server as somebody sees it who starts nothing: `db url`, `doctor`.
 *
 * Owns: finding a running one by its home's files. Does not own: starting or holding it (`embedded.ts`).
 */
import { readFile, realpath } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { inUse, readLock } from "./cluster.ts"
import { type EmbeddedPostgresError, toEmbeddedPostgresError } from "./PostgresError.ts"

/** @returns the URL of the database `signalbox`, or undefined when no server of this home is ready */
export const runningUrl = (home: string): Effect.Effect<string | undefined, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: async () => {
      const base = await realpath(join(home, "postgres")).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return undefined
        throw cause
      })
      if (base === undefined) return undefined
      const data = join(base, "data")
      const lock = await readLock(data)
      if (lock?.ready !== true || !(await inUse(data, lock.pid))) return undefined
      const password = (await readFile(join(home, "database-password"), "utf8")).trim()
      return `postgres://signalbox:${password}@127.0.0.1:${lock.port}/signalbox`
    },
    catch: (cause) => toEmbeddedPostgresError(cause, home)
  })
