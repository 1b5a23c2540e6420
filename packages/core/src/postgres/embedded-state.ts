/**
 * What one attempt to get the embedded Postgres knows.
 *
 * Owns: the places of a home's database, found once per attempt, and what the attempt has learned so far. Does not own: acts
 * (`embedded.ts`, `embedded-start.ts`, `embedded-lease.ts`).
 */
import * as fs from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { makePrivate } from "../config/Home.ts"
import { passwordFile } from "./cluster.ts"
import { dataBase, type ServerUser, serverUser, SYSTEM_DIRECTORY } from "./placement.ts"
import { EmbeddedPostgresError, toEmbeddedPostgresError } from "./PostgresError.ts"

export interface EmbeddedOptions {
  /** Directory of the person's database; made when missing. */
  readonly home: string
  readonly timeoutMs?: number
  /** Programs of another place than npm's. */
  readonly programs?: string
  /** Where root keeps what does not fit below the home. */
  readonly system?: string
}

export interface Place {
  readonly options: EmbeddedOptions
  readonly user: ServerUser | undefined
  readonly base: string
  readonly data: string
  readonly passwordFile: string
  readonly password: string
  readonly portFile: string
  readonly port: number
}

export interface State {
  deadline: number
  port: number
  readonly insist: number | undefined
  crashes: number
  staleSince: number | undefined
  started: number | undefined
  waitingSince: number | undefined
  told: boolean
  /** Why the last attempt failed: told when time runs out. */
  last: EmbeddedPostgresError | undefined
}

export const attempt = <A>(path: string, act: () => Promise<A>): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.tryPromise({ try: act, catch: (cause) => toEmbeddedPostgresError(cause, path) })

export const prepare = (options: EmbeddedOptions): Effect.Effect<Place, EmbeddedPostgresError> =>
  attempt(options.home, async () => {
    await makePrivate(options.home)
    const user = await serverUser()
    const base = await dataBase(options.home, user, options.system ?? SYSTEM_DIRECTORY)
    const secret = join(options.home, "database-password")
    const portFile = join(base, "port")
    const port = Number(await fs.readFile(portFile, "utf8").catch(() => "0"))
    const password = await passwordFile(secret)
    return { options, user, base, data: join(base, "data"), passwordFile: secret, password, portFile, port }
  })

export const patience = (options: EmbeddedOptions): number => options.timeoutMs ?? 60_000

export const tooLong = (place: Place) =>
  new EmbeddedPostgresError({ problem: "timeout", detail: join(place.base, "postgres.log") })
