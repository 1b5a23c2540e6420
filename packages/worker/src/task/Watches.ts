/**
 * Which hosts this worker watches: every host with tasks has one watcher over all workers.
 *
 * Owns: noticing hosts that need a watcher, and the lease that makes it one. Does not own: watching (`watch-host.ts`).
 * Invariants: level-triggered — it looks at what is, so nothing that was missed is lost for longer than a look; when a worker
 * dies its leases expire within 8 s and another worker takes over.
 */
import { Cause, Effect, FiberMap, Stream } from "effect"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Leases } from "@signalbox/core/queue/Lease.ts"
import { watchHost } from "./watch-host.ts"
import { watchedHosts } from "./watched.ts"

const lease = { ttl: "8 seconds", renewEvery: "2 seconds" } as const
/** At most so often after an event, and at least so often without one. */
const soonest = "200 millis"
const latest = "2 seconds"

export const runWatches = Effect.scoped(
  Effect.gen(function* () {
    const log = yield* EventLog
    const leases = yield* Leases
    const watching = yield* FiberMap.make<string>()
    const look = Effect.gen(function* () {
      for (const host of yield* watchedHosts) {
        if (yield* FiberMap.has(watching, host)) continue
        yield* FiberMap.run(watching, host, watchUnderLease(leases, host), { onlyIfMissing: true })
      }
    }).pipe(Effect.catchTag("DbError", (error) => Effect.logWarning(`looking for hosts to watch: ${error.message}`)))
    const events = log.changes.pipe(Stream.debounce(soonest))
    const ticks = Stream.tick(latest)
    return yield* Stream.merge(events, ticks).pipe(
      Stream.runForEach(() => look),
      Effect.andThen(Effect.never)
    )
  })
)

const watchUnderLease = (leases: Leases["Service"], host: string) =>
  leases
    .withLease(`watch/${host}`, lease, () => watchHost(host))
    .pipe(
      Effect.catchTag("LeaseHeld", () => Effect.void), // somebody else does
      Effect.catchTag(["LeaseLost", "DbError"], (error) => Effect.logWarning(`watching ${host}: ${error.message}`)),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : Effect.logError(`watching ${host} failed`, cause)
      )
    )
