/**
 * LISTEN on a connection of its own, made again whenever it is lost: the ear of the log and of the queue.
 *
 * Owns: that connection, when it is tried again. Does not own: what a notification means, who is told of trouble.
 * Invariants: what was sent while it was lost is not told, so `opened` runs after every (re)connection: look for yourself.
 * The driver's own `listen` is not used: it gives up for good when its first attempt to come back fails.
 */
import { Deferred, Effect, Schedule } from "effect"
import postgres from "postgres"
import { type DbError, toDbError } from "./Db.ts"

export interface Ear {
  /** Shown in pg_stat_activity. */
  readonly name: string
  /** What errors say was tried: "listen to the log". */
  readonly op: string
  readonly channels: ReadonlyArray<string>
  readonly heard: (channel: string, payload: string) => void
  readonly opened: Effect.Effect<unknown>
  /** It could not be opened, and is tried again by itself. */
  readonly trouble: (error: DbError) => Effect.Effect<void>
}

/** Again after 50 ms, 100 ms … 1 s, for ever. */
const patiently = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("1 second")]).pipe(Schedule.jittered)

export const listenForever = (url: string, ear: Ear): Effect.Effect<never> =>
  Effect.scoped(listenOnce(url, ear)).pipe(
    Effect.tapError(ear.trouble),
    Effect.retry(patiently),
    Effect.ignore, // the schedule has no end
    Effect.andThen(Effect.sleep("100 millis")),
    Effect.forever
  )

/** Ends when the connection is lost. */
const listenOnce = Effect.fnUntraced(function* (url: string, ear: Ear) {
  const lost = yield* Deferred.make<void>()
  // a name of its own: the driver takes onnotify, its types do not know it
  const options = {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 5,
    keep_alive: 10,
    fetch_types: false,
    onnotice: () => {},
    onclose: () => Deferred.doneUnsafe(lost, Effect.void),
    onnotify: ear.heard,
    connection: { application_name: ear.name }
  }
  const sql = yield* Effect.acquireRelease(
    Effect.sync(() => postgres(url, options)),
    (opening) => Effect.ignore(Effect.tryPromise(() => opening.end({ timeout: 1 })))
  )
  yield* Effect.tryPromise({
    try: () => sql.unsafe(ear.channels.map((channel) => `listen ${channel}`).join(";")).simple(),
    catch: (cause) => toDbError(ear.op, cause)
  })
  yield* ear.opened
  yield* Deferred.await(lost)
})
