/**
 * One connection of a process that hears the queue's notifications.
 *
 * Owns: that connection, made again whenever it is lost. Does not own: what a notification means.
 * Invariants: what was sent while it was lost is not told, so `opened` is called after every (re)connection: look for yourself.
 * The driver's own `listen` is not used: it gives up when its first attempt to come back fails.
 */
import { Deferred, Effect } from "effect"
import postgres from "postgres"
import { type DbError, toDbError } from "../postgres/Db.ts"
import { noteTrouble, untilItWorks } from "./boss.ts"

export const listenForever = (
  url: string,
  channels: ReadonlyArray<string>,
  heard: (channel: string, payload: string) => void,
  opened: () => void
): Effect.Effect<never> =>
  Effect.scoped(listenOnce(url, channels, heard, opened)).pipe(
    Effect.tapError((error) => noteTrouble("listen for jobs", error)),
    Effect.retry(untilItWorks),
    Effect.ignore, // the schedule has no end
    Effect.andThen(Effect.sleep("100 millis")),
    Effect.forever
  )

/** Ends when the connection is lost. */
const listenOnce = Effect.fnUntraced(function* (
  url: string,
  channels: ReadonlyArray<string>,
  heard: (channel: string, payload: string) => void,
  opened: () => void
) {
  const lost = yield* Deferred.make<void, DbError>()
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
    onnotify: heard,
    connection: { application_name: "signalbox-queue-ear" }
  }
  const sql = yield* Effect.acquireRelease(
    Effect.sync(() => postgres(url, options)),
    (opening) => Effect.ignore(Effect.tryPromise(() => opening.end({ timeout: 1 })))
  )
  yield* Effect.tryPromise({
    try: () => sql.unsafe(channels.map((channel) => `listen ${channel}`).join(";")).simple(),
    catch: (cause) => toDbError("listen for jobs", cause)
  })
  opened()
  yield* Deferred.await(lost)
})
