/**
 * The lease on a running embedded Postgres: one connection that says "I use it", and the last one's duty to stop it.
 *
 * Owns: the shared advisory lock and its release. Does not own: getting a server to run (`embedded.ts`).
 * Invariants: who uses the server holds a shared advisory lock on it by one connection, so that a process that is killed counts
 * as gone; only who gets that lock exclusively stops the server.
 */
import * as fs from "node:fs/promises"
import { Deferred, Effect, Exit } from "effect"
import postgres from "postgres"
import { withProgress } from "../observe/Progress.ts"
import { inUse, type Lock, readLock } from "./cluster.ts"
import { attempt, type Place, type State } from "./embedded-state.ts"
import { EmbeddedPostgresError } from "./PostgresError.ts"

/** The lease: two int4 keys of an advisory lock in database "postgres". */
const LEASE = [0x51670, 1] as const
/** A server that is ready answers at once; a crash recovery is over within this on any log of ours. */
const ANSWER_WITHIN = "8 seconds"

export interface Lease {
  /** Of the database `signalbox`. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** True when this call started the server, false when it adopted a running one. */
  readonly started: boolean
  /** Succeeds when the server (or our connection to it) went away. */
  readonly lost: Effect.Effect<void>
  /** Gives the lease back; the last one stops the server and waits until it is gone. */
  readonly release: Effect.Effect<void>
}

export const takeLease = (place: Place, lock: Lock, state: State): Effect.Effect<Lease, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const lost = yield* Deferred.make<void>()
    const server = `postgres://signalbox:${place.password}@127.0.0.1:${lock.port}`
    const sql = postgres(server, {
      database: "postgres",
      max: 1, // the lease is this one connection: never let the pool recycle it
      connect_timeout: 5,
      idle_timeout: 0,
      max_lifetime: null,
      onnotice: () => {},
      fetch_types: false, // its query would be an unhandled rejection when the server dies during it
      onclose: () => {
        Deferred.doneUnsafe(lost, Exit.void)
        void sql.end({ timeout: 0 })
      },
      connection: { application_name: "signalbox-lease" }
    })
    const asked = attempt(place.passwordFile, async () => {
      const [row] = await sql<{ dir: string }[]>`
        select pg_advisory_lock_shared(${LEASE[0]}::int, ${LEASE[1]}::int), current_setting('data_directory') dir`
      if (row?.dir !== (await fs.realpath(place.data)))
        throw new EmbeddedPostgresError({ problem: "port-taken", detail: String(lock.port) })
      if (state.insist !== undefined && lock.port !== state.insist)
        throw new EmbeddedPostgresError({ problem: "port-taken", detail: String(state.insist) })
      const [database] = await sql`select 1 from pg_database where datname = 'signalbox'`
      // 42P04 and 23505: another process made it in this moment
      if (database === undefined) await sql`create database signalbox`.catch(unlessCode("42P04", "23505"))
      if (lock.port !== place.port) await fs.writeFile(place.portFile, String(lock.port))
      const started = state.started === lock.pid
      const url = `${server}/signalbox`
      return {
        url,
        port: lock.port,
        pid: lock.pid,
        started,
        lost: Deferred.await(lost),
        release: release(sql, place.data)
      }
    })
    // A server that dies while it is asked may leave the driver waiting for ever: give up and ask the next one.
    return yield* Effect.interruptible(asked).pipe(
      Effect.timeoutOrElse({ duration: ANSWER_WITHIN, orElse: () => Effect.fail(silent(place)) }),
      Effect.onError(() => Effect.promise(() => sql.end({ timeout: 0 })))
    )
  })

const silent = (place: Place) =>
  new EmbeddedPostgresError({ problem: "failed", detail: `the server of ${place.data} does not answer` })

const release = (sql: postgres.Sql, data: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    const [row] = yield* attempt(
      data,
      () => sql<{ last: boolean }[]>`
        select pg_advisory_unlock_shared(${LEASE[0]}::int, ${LEASE[1]}::int),
               pg_try_advisory_lock(${LEASE[0]}::int, ${LEASE[1]}::int) as last`
    )
    const lock = row?.last === true ? yield* attempt(data, () => readLock(data)) : undefined
    if (lock === undefined) return
    yield* Effect.sync(() => process.kill(lock.pid, "SIGINT")) // fast shutdown: rolls back, checkpoints, exits
    yield* attempt(data, () => inUse(data, lock.pid)).pipe(
      Effect.delay("20 millis"),
      Effect.repeat({ while: (busy) => busy }),
      Effect.interruptible,
      Effect.timeoutOption("20 seconds"),
      withProgress("Stopping the database…")
    )
  }).pipe(
    Effect.catchCause((cause) => Effect.logDebug("the database was gone before its lease", cause)),
    Effect.ensuring(Effect.promise(() => sql.end({ timeout: 0 }).catch(() => {}))),
    Effect.uninterruptible
  )

const unlessCode =
  (...codes: ReadonlyArray<string>) =>
  (cause: unknown): undefined => {
    if (!(cause instanceof Error && "code" in cause && codes.includes(String(cause.code)))) throw cause
  }
