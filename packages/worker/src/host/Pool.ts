/**
 * One connection per host, however many ask.
 *
 * Owns: sharing a dial, keeping what lives, backing off after failures. Does not own: how to dial.
 * Invariants: at most one dial per host at a time; a waiter that gives up does not end the dial of the others; after a
 * failure nothing is dialed before the back-off is over (askers get the last error at once) unless a person asks; a changed
 * configuration is another connection; a connection that nobody wants any more is closed at once; all is closed with the scope.
 */
import { Clock, Deferred, Effect, Random, type Scope } from "effect"
import type { Connection } from "./dial.ts"
import { type HostError, HostUnreachable } from "./Transport.ts"

export interface Pool {
  readonly get: (
    name: string,
    config: string,
    dial: Effect.Effect<Connection, HostError>
  ) => Effect.Effect<Connection, HostError>
  /** Ends the back-off. What lives goes on: others may be in the middle of it. */
  readonly retryNow: (name: string) => Effect.Effect<void>
  /** Ends the connection, or the dial, unless it is of this configuration (undefined: whatever it is), and forgets failures. */
  readonly close: (name: string, unless?: string) => Effect.Effect<void>
}

interface Entry {
  readonly config: string
  readonly connection: Deferred.Deferred<Connection, HostError>
  client?: Connection
  dropped?: true
}
interface Failure {
  readonly config: string
  readonly error: HostError
  readonly count: number
  readonly until: number
}

const firstWaitMs = 250
const longestWaitMs = 30_000

export const makePool: Effect.Effect<Pool, never, Scope.Scope> = Effect.gen(function* () {
  const entries = new Map<string, Entry>()
  const failures = new Map<string, Failure>()
  const scope = yield* Effect.scope

  const drop = (name: string): void => {
    const entry = entries.get(name)
    entries.delete(name)
    if (entry === undefined) return
    entry.dropped = true
    entry.client?.client.end()
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => [...entries.keys()].forEach(drop)))

  const run = (name: string, entry: Entry, dial: Effect.Effect<Connection, HostError>): Effect.Effect<void> =>
    Effect.gen(function* () {
      const result = yield* Effect.result(dial)
      if (result._tag === "Success") {
        const connection = result.success
        entry.client = connection
        failures.delete(name)
        connection.onLost(() => {
          if (entries.get(name) === entry) entries.delete(name)
        })
        if (entry.dropped === true) connection.client.end()
        yield* Deferred.succeed(entry.connection, connection)
        return
      }
      if (entries.get(name) === entry) {
        entries.delete(name)
        const before = failures.get(name)
        const count = before?.config === entry.config ? before.count + 1 : 1
        const wait = Math.min(firstWaitMs * 2 ** (count - 1), longestWaitMs) * (0.75 + (yield* Random.next) / 2)
        failures.set(name, {
          config: entry.config,
          error: result.failure,
          count,
          until: (yield* Clock.currentTimeMillis) + wait
        })
      }
      yield* Deferred.fail(entry.connection, result.failure)
    })

  const get: Pool["get"] = (name, config, dial) =>
    Effect.gen(function* () {
      const found = entries.get(name)
      if (found !== undefined && found.config === config) return yield* Deferred.await(found.connection)
      if (found !== undefined) drop(name)
      const failure = failures.get(name)
      const now = yield* Clock.currentTimeMillis
      if (failure?.config === config && now < failure.until) return yield* again(failure, now)
      // Between the look above and here nothing yields to another fiber but the clock; look once more.
      const raced = entries.get(name)
      if (raced !== undefined && raced.config === config) return yield* Deferred.await(raced.connection)
      const entry: Entry = { config, connection: Deferred.makeUnsafe<Connection, HostError>() }
      entries.set(name, entry)
      yield* Effect.forkIn(run(name, entry, dial), scope)
      return yield* Deferred.await(entry.connection)
    })

  return {
    get,
    close: (name, unless) =>
      Effect.sync(() => {
        if (unless === undefined || failures.get(name)?.config !== unless) failures.delete(name)
        if (unless === undefined || entries.get(name)?.config !== unless) drop(name)
      }),
    retryNow: (name) => Effect.sync(() => void failures.delete(name))
  }
})

const again = (failure: Failure, now: number): HostError =>
  failure.error._tag === "HostRefused"
    ? failure.error
    : new HostUnreachable({
        host: failure.error.host,
        reason: `${failure.error.reason.replace(/; tried again in .*$/u, "")}; tried again in ${Math.ceil((failure.until - now) / 1000)} s`
      })
