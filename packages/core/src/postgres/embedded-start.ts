/**
 * Makes the embedded Postgres' data, and starts one server.
 *
 * Owns: the port it is given, telling why it ended at once. Does not own: whether one is needed (`embedded.ts`), the processes
 * themselves (`cluster.ts`).
 * Invariant: another process that was faster is no error.
 */
import { createServer } from "node:net"
import { Clock, Deferred, Effect, Exit } from "effect"
import { withProgress } from "../observe/Progress.ts"
import { inUse, makeCluster, readLock, type Started, startServer } from "./cluster.ts"
import { attempt, type Place, type State, tooLong } from "./embedded-state.ts"
import { installedPrograms, programsFor, SYSTEM_DIRECTORY } from "./placement.ts"
import { EmbeddedPostgresError, fromWords, toEmbeddedPostgresError } from "./PostgresError.ts"

const programs = (place: Place): Effect.Effect<string, EmbeddedPostgresError> => {
  const cache = place.user === undefined ? place.options.home : (place.options.system ?? SYSTEM_DIRECTORY)
  return attempt(cache, () => programsFor(place.options.programs ?? installedPrograms(), place.user, cache))
}

export const makeData = (place: Place): Effect.Effect<void, EmbeddedPostgresError> =>
  Effect.flatMap(programs(place), (bin) =>
    attempt(place.base, () => makeCluster(bin, place.data, place.password, place.user))
  ).pipe(withProgress("Making the database (first start)…"))

/** Starts a server and waits until it is ready, has lost the race against another starter, or has failed. */
export const startOne = (place: Place, state: State): Effect.Effect<void, EmbeddedPostgresError> =>
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

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })
