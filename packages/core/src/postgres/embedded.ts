/**
 * One embedded Postgres per home, shared by every process that asks for it: started by the first, stopped by the last.
 *
 * Owns: starting, adopting, holding and stopping the server. Does not own: the directory's files (`cluster.ts`), the choice of
 * user and place (`placement.ts`).
 * Invariants: who uses the server holds a shared advisory lock on it by one connection, so that a process that is killed counts
 * as gone; only who gets that lock exclusively stops the server; the server keeps its port when it comes back.
 */
import * as fs from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { Clock, Deferred, Effect, Exit, Ref, type Scope } from "effect"
import postgres from "postgres"
import { makePrivate } from "../config/Home.ts"
import { Progress, withProgress } from "../observe/Progress.ts"
import {
  alive,
  clusterVersion,
  discardLock,
  inUse,
  makeCluster,
  passwordFile,
  readLock,
  startServer
} from "./cluster.ts"
import type { Lock, Started } from "./cluster.ts"
import { dataBase, installedPrograms, programsFor, type ServerUser, serverUser, SYSTEM_DIRECTORY } from "./placement.ts"
import { EmbeddedPostgresError, fromWords, toEmbeddedPostgresError } from "./PostgresError.ts"

export const MAJOR = "18"
/** The lease: two int4 keys of an advisory lock in database "postgres". */
const LEASE = [0x51670, 1] as const
const MAX_CRASHES = 3

export interface EmbeddedOptions {
  /** Directory of the person's database; made when missing. */
  readonly home: string
  readonly timeoutMs?: number
  /** Programs of another place than npm's. */
  readonly programs?: string
  /** Where root keeps what does not fit below the home. */
  readonly system?: string
}

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

export interface Held {
  readonly url: string
  /** Of the server as it runs now. */
  readonly pid: Effect.Effect<number>
  /** Fails when the server could not be brought back. */
  readonly failed: Effect.Effect<never, EmbeddedPostgresError>
}

/** The server for as long as the scope is open; it comes back by itself, at the same URL, when it dies. */
export const holdPostgres = (options: EmbeddedOptions): Effect.Effect<Held, EmbeddedPostgresError, Scope.Scope> =>
  Effect.gen(function* () {
    const current = yield* Ref.make<Lease | undefined>(undefined)
    const failed = yield* Deferred.make<never, EmbeddedPostgresError>()
    const giveBack = Effect.flatMap(Ref.getAndSet(current, undefined), (lease) => lease?.release ?? Effect.void)
    const first = yield* Effect.acquireRelease(
      Effect.tap(leasePostgres(options), (lease) => Ref.set(current, lease)),
      () => giveBack
    )
    const keep = (lease: Lease): Effect.Effect<never, EmbeddedPostgresError> =>
      Effect.gen(function* () {
        yield* lease.lost
        yield* Effect.logWarning("the database went away; bringing it back")
        const next = yield* Effect.uninterruptible(
          Effect.tap(leasePostgres(options, first.port), (again) => Ref.set(current, again))
        )
        yield* Effect.logInfo("the database is back").pipe(Effect.annotateLogs({ pid: next.pid }))
        return yield* keep(next)
      })
    yield* keep(first).pipe(
      Effect.onError((cause) => Deferred.failCause(failed, cause)),
      Effect.ignore,
      Effect.forkScoped
    )
    const pid = Effect.map(Ref.get(current), (lease) => lease?.pid ?? first.pid)
    return { url: first.url, pid, failed: Deferred.await(failed) }
  })

/**
 * Starts or adopts the server. Uninterruptible once it has started one, so that no server is left behind without a lease.
 * @param insist the port that running pools know: no other will do
 */
export const leasePostgres = (options: EmbeddedOptions, insist?: number): Effect.Effect<Lease, EmbeddedPostgresError> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const place = yield* prepare(options)
      const state: State = {
        deadline: (yield* Clock.currentTimeMillis) + patience(options),
        port: insist ?? place.port,
        insist,
        crashes: 0,
        staleSince: undefined,
        started: undefined,
        last: undefined,
        waitingSince: undefined,
        told: false
      }
      return yield* lease(place, state).pipe(Effect.onError(() => stopStarted(place, state)))
    })
  )

/** One step after the other until there is a lease, or no hope, or no time. */
const lease = (place: Place, state: State): Effect.Effect<Lease, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    while ((yield* Clock.currentTimeMillis) < state.deadline) {
      const outcome = yield* Effect.result(step(place, state))
      if (outcome._tag === "Success") {
        if (outcome.success !== undefined) return outcome.success
      } else if (outcome.failure.problem === "timeout") return yield* state.last ?? outcome.failure
      else if (final(outcome.failure, state)) return yield* outcome.failure
      else state.last = outcome.failure
      const pause = Effect.sleep(outcome._tag === "Success" ? "20 millis" : "200 millis")
      // once we have started a server only the lease leads out: its release stops the server
      yield* state.started === undefined ? Effect.interruptible(pause) : pause
    }
    return yield* state.last ?? tooLong(place)
  })

const tooLong = (place: Place) =>
  new EmbeddedPostgresError({ problem: "timeout", detail: join(place.base, "postgres.log") })

/** A server that we started and cannot use is not left behind. Who got a lease on it meanwhile brings it back. */
const stopStarted = (place: Place, state: State): Effect.Effect<void> =>
  Effect.ignore(
    attempt(place.data, async () => {
      const lock = await readLock(place.data)
      if (lock !== undefined && lock.pid === state.started) process.kill(lock.pid, "SIGINT")
    })
  )

/** A server that is ready answers at once; a crash recovery is over within this on any log of ours. */
const ANSWER_WITHIN = "8 seconds"

const patience = (options: EmbeddedOptions): number => options.timeoutMs ?? 60_000

interface Place {
  readonly options: EmbeddedOptions
  readonly user: ServerUser | undefined
  readonly base: string
  readonly data: string
  readonly passwordFile: string
  readonly password: string
  readonly portFile: string
  readonly port: number
}

interface State {
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

const attempt = <A>(path: string, act: () => Promise<A>): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.tryPromise({ try: act, catch: (cause) => toEmbeddedPostgresError(cause, path) })

const prepare = (options: EmbeddedOptions): Effect.Effect<Place, EmbeddedPostgresError> =>
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

/** Brings things one step further; answers the lease when there is one. */
const step = (place: Place, state: State): Effect.Effect<Lease | undefined, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const version = yield* attempt(place.data, () => clusterVersion(place.data))
    if (version === undefined) {
      yield* initialize(place)
      state.deadline = (yield* Clock.currentTimeMillis) + patience(place.options) // a slow disk may take minutes to make it
    } else if (version !== MAJOR)
      return yield* new EmbeddedPostgresError({
        problem: "other-version",
        detail: `${place.data} is of ${version}, this program brings ${MAJOR}`
      })
    const lock = yield* attempt(place.data, () => readLock(place.data))
    if (lock?.ready === true) {
      const lease = yield* Effect.result(connect(place, lock, state))
      if (lease._tag === "Success") return lease.success
      if (lease.failure.problem === "password") return yield* lease.failure
      state.last = lease.failure
    }
    if (lock !== undefined) {
      // starting, stopping, or its last backends are just going away
      if (yield* attempt(place.data, () => inUse(place.data, lock.pid))) return yield* waiting(state)
      if (alive(lock.pid) && !(yield* outlived(place, lock, state))) return undefined
    } // the lock file of a dead pid is removed by postgres itself, with its own shared-memory check
    yield* start(place, state)
    return undefined
  })

/** Somebody else's start or stop is waited for; a person is told once. */
const waiting = (state: State): Effect.Effect<undefined> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    state.waitingSince ??= now
    if (state.told || now - state.waitingSince < 1_000) return undefined
    state.told = true
    const tell = yield* Progress
    yield* tell("Waiting for the database…")
    return undefined
  })

/** A live pid that is no server of ours: a zombie that init has not reaped yet, or another program that got the number. */
const outlived = (place: Place, lock: Lock, state: State): Effect.Effect<boolean, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    state.staleSince ??= now
    if (now - state.staleSince < 2_000) return false
    state.staleSince = undefined
    yield* attempt(place.data, () => discardLock(place.data, lock.pid))
    return true
  })

const programs = (place: Place): Effect.Effect<string, EmbeddedPostgresError> => {
  const cache = place.user === undefined ? place.options.home : (place.options.system ?? SYSTEM_DIRECTORY)
  return attempt(cache, () => programsFor(place.options.programs ?? installedPrograms(), place.user, cache))
}

const initialize = (place: Place): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.flatMap(programs(place), (bin) =>
    attempt(place.base, () => makeCluster(bin, place.data, place.password, place.user))
  ).pipe(withProgress("Making the database (first start)…"))

/** Starts a server and waits until it is ready, has lost the race against another starter, or has failed. */
const start = (place: Place, state: State): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const bin = yield* programs(place)
    if (state.port === 0) state.port = yield* attempt("127.0.0.1", freePort)
    const server = yield* attempt(place.base, () => startServer(bin, place.base, state.port, place.user))
    const ended = yield* Deferred.make<void, EmbeddedPostgresError>()
    server.process.once("exit", () => Deferred.doneUnsafe(ended, Exit.void))
    server.process.once("error", (cause) => Deferred.doneUnsafe(ended, Exit.fail(toEmbeddedPostgresError(cause, bin))))
    const ready = attempt(place.data, () => readLock(place.data)).pipe(
      Effect.delay("10 millis"),
      Effect.repeat({ until: (lock) => lock?.ready === true && lock.pid === server.process.pid }),
      Effect.as(true)
    )
    state.started = server.process.pid
    const left = Math.max(0, state.deadline - (yield* Clock.currentTimeMillis))
    const ending = Effect.as(Deferred.await(ended), false)
    const late = Effect.andThen(Effect.sleep(left), Effect.fail(tooLong(place)))
    // raced inside an uninterruptible region: the slower ones must be told explicitly that they may be stopped
    const over = Effect.interruptible(Effect.raceFirst(ending, late))
    if (yield* Effect.raceFirst(Effect.interruptible(ready), over)) return
    state.started = undefined
    yield* explain(place, state, server)
  }).pipe(withProgress("Starting the database…"))

/** Why a server ended at once: another starter was faster (no error), its port is taken, or it cannot run. */
const explain = (place: Place, state: State, server: Started): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const words = yield* attempt(place.base, server.words)
    if (/Address already in use/i.test(words)) {
      if (state.insist !== undefined)
        return yield* new EmbeddedPostgresError({ problem: "port-taken", detail: String(state.insist) })
      state.port = 0
      return
    }
    const lock = yield* attempt(place.data, () => readLock(place.data))
    if (lock !== undefined && (yield* attempt(place.data, () => inUse(place.data, lock.pid)))) return
    state.crashes++
    const known = fromWords("", words, place.base)
    if (known.problem !== "failed") return yield* new EmbeddedPostgresError(known)
    const how = server.process.signalCode ?? `exit code ${server.process.exitCode}`
    const said = words.trim().split("\n").slice(-6).join("\n")
    return yield* new EmbeddedPostgresError({ problem: "crashed", detail: `${said || "nothing"} (${how})` })
  })

/** What waiting cannot mend. A taken port may be free again soon; a crash may have been a racer's. */
const final = (error: EmbeddedPostgresError, state: State): boolean =>
  error.problem === "port-taken" ? false : error.problem !== "crashed" || state.crashes >= MAX_CRASHES

const connect = (place: Place, lock: Lock, state: State): Effect.Effect<Lease, EmbeddedPostgresError> =>
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

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const unlessCode =
  (...codes: ReadonlyArray<string>) =>
  (cause: unknown): undefined => {
    if (!(cause instanceof Error && "code" in cause && codes.includes(String(cause.code)))) throw cause
  }
