/**
 * One embedded Postgres per home, shared by every process that asks for it: started by the first, stopped by the last.
 *
 * Owns: which step comes next — make, start, wait, adopt —, and bringing back a server that died. Does not own: starting one
 * (`embedded-start.ts`), holding and stopping it (`embedded-lease.ts`), the directory's files (`cluster.ts`), the choice of user and
 * place (`placement.ts`).
 * Invariants: uninterruptible once it has started a server, so that none is left behind without a lease; the server keeps its
 * port when it comes back.
 */
import { Clock, Deferred, Effect, Ref, type Scope } from "effect"
import { Progress } from "../observe/Progress.ts"
import { alive, clusterVersion, discardLock, inUse, type Lock, readLock } from "./cluster.ts"
import { takeLease, type Lease } from "./embedded-lease.ts"
import { makeData, startOne } from "./embedded-start.ts"
import { attempt, type EmbeddedOptions, patience, type Place, prepare, type State, tooLong } from "./embedded-state.ts"
import { EmbeddedPostgresError } from "./PostgresError.ts"

export const MAJOR = "18"
const MAX_CRASHES = 3

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

/** A server that we started and cannot use is not left behind. Who got a lease on it meanwhile brings it back. */
const stopStarted = (place: Place, state: State): Effect.Effect<void> =>
  Effect.ignore(
    attempt(place.data, async () => {
      const lock = await readLock(place.data)
      if (lock !== undefined && lock.pid === state.started) process.kill(lock.pid, "SIGINT")
    })
  )

/** Brings things one step further; answers the lease when there is one. */
const step = (place: Place, state: State): Effect.Effect<Lease | undefined, EmbeddedPostgresError> =>
  Effect.gen(function* () {
    const version = yield* attempt(place.data, () => clusterVersion(place.data))
    if (version === undefined) {
      yield* makeData(place)
      state.deadline = (yield* Clock.currentTimeMillis) + patience(place.options) // a slow disk may take minutes to make it
    } else if (version !== MAJOR)
      return yield* new EmbeddedPostgresError({
        problem: "other-version",
        detail: `${place.data} is of ${version}, this program brings ${MAJOR}`
      })
    const lock = yield* attempt(place.data, () => readLock(place.data))
    if (lock?.ready === true) {
      const lease = yield* Effect.result(takeLease(place, lock, state))
      if (lease._tag === "Success") return lease.success
      if (lease.failure.problem === "password") return yield* lease.failure
      state.last = lease.failure
    }
    if (lock !== undefined) {
      // starting, stopping, or its last backends are just going away
      if (yield* attempt(place.data, () => inUse(place.data, lock.pid))) return yield* waiting(state)
      if (alive(lock.pid) && !(yield* outlived(place, lock, state))) return undefined
    } // the lock file of a dead pid is removed by postgres itself, with its own shared-memory check
    yield* startOne(place, state)
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

/** What waiting cannot mend. A taken port may be free again soon; a crash may have been a racer's. */
const final = (error: EmbeddedPostgresError, state: State): boolean =>
  error.problem === "port-taken" ? false : error.problem !== "crashed" || state.crashes >= MAX_CRASHES
