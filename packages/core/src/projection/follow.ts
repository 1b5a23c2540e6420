/**
 * The loop that keeps a follower at the head of the log.
 *
 * Owns: batch sizes, reading ahead, back-off, taking turns with the same follower in other processes.
 * Does not own: the transaction of a batch (`checkpoint.ts`), waking and what followers share (`tail.ts`).
 * Invariants: a poison event is isolated by halving the batch, so its neighbors are applied; trouble with Postgres or with the
 * program parks nothing and is tried again; whoever lost the race stands by and takes over when the other stops.
 */
import { Duration, Effect, Metric, Random, Schedule } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog, type LogUnavailable } from "../log/EventLog.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import type { UnknownQueue } from "../queue/Queue.ts"
import { applyBatch, type Checkpoint, type Follower, openCheckpoint, type Outcome, parkPoison } from "./checkpoint.ts"
import type { Pages, Tail } from "./tail.ts"

const SMALLEST = 128
const LARGEST = 2_000
/** A transaction is meant to be short: others wait for its locks, and vacuum for its snapshot. */
const LONGEST_MS = 500

const eventsApplied = Metric.counter("follower_events_applied_total", {
  description: "Events applied by projections and reactors",
  incremental: true
})
const eventsParked = Metric.counter("follower_events_parked_total", {
  description: "Events parked because they or their stream could not be applied",
  incremental: true
})
const positionReached = Metric.gauge("follower_position", { description: "Log position a follower has reached here" })
const troubles = Metric.counter("follower_troubles_total", {
  description: "Failed attempts of a follower that are repeated",
  incremental: true
})

/** For what is only away: again after 50 ms, 100 ms … 5 s, for ever. */
export const patience = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.jittered
)

export type Trouble = DbError | LogUnavailable | UnknownQueue

/** Never ends, never fails. */
export const followForever = (
  follower: Follower,
  tail: Tail,
  reached: (position: number) => void = () => {}
): Effect.Effect<never, never, Db | EventLog> =>
  Effect.gen(function* () {
    let failures = 0
    const session = Effect.gen(function* () {
      const log = yield* EventLog
      const step = yield* makeStep(follower, tail, tail.precede)
      let at = yield* openCheckpoint(follower, follower.from === "now" ? yield* log.head : 0)
      let standby = false
      for (;;) {
        yield* tail.past(at.position, follower.wants)
        if (standby) {
          yield* Effect.sleep(yield* Random.nextBetween(200, 400))
          at = yield* openCheckpoint(follower, at.position)
        }
        const outcome = yield* step(at)
        failures = 0
        if (outcome === undefined) {
          yield* Effect.sleep("20 millis") // another runner has applied what the doorbell announced
          at = yield* openCheckpoint(follower, at.position)
        } else if (outcome._tag === "Applied") {
          at = outcome.checkpoint
          reached(at.position)
          standby = false
        } else standby = true
      }
    })
    for (;;) {
      const trouble = yield* Effect.flip(session)
      failures++
      yield* Metric.update(Metric.withAttributes(troubles, { follower: follower.name }), 1)
      yield* Effect.logWarning(`${follower.name} stopped and is started again: ${trouble.message}`)
      yield* noteTrouble(follower, trouble)
      yield* Effect.sleep(Math.min(50 * 2 ** failures, 10_000))
    }
  })

/**
 * Applies the next page behind a checkpoint and reads the one after it meanwhile.
 * The step answers `undefined` at the head of the log.
 */
export const makeStep = (
  follower: Follower,
  pages: Pages,
  precede: Tail["precede"] = () => Effect.void
): Effect.Effect<(at: Checkpoint) => Effect.Effect<Outcome | undefined, Trouble, Db>> =>
  Effect.sync(() => {
    const { read } = pages
    let size = SMALLEST
    let ahead: { readonly from: number; readonly events: ReadonlyArray<RecordedEvent> } | undefined
    return Effect.fnUntraced(function* (at: Checkpoint) {
      const from = at.position + 1
      const page = ahead?.from === from ? ahead.events : yield* read(from, size)
      ahead = undefined
      const last = page.at(-1)
      if (last === undefined) return undefined
      yield* precede(page, follower.wants)
      const walked = last.position - at.position
      const grown = Math.min(Math.max(SMALLEST, walked * 2), LARGEST)
      const readAhead = walked < size ? Effect.succeed([]) : read(last.position + 1, grown)
      const [[took, outcome], next] = yield* Effect.all([Effect.timed(advance(follower, at, page, pages)), readAhead], {
        concurrency: 2
      })
      const slow = Duration.toMillis(took) > LONGEST_MS
      size = slow ? Math.max(SMALLEST, Math.floor(walked / 2)) : grown
      if (!slow && next.length > 0) ahead = { from: last.position + 1, events: next }
      return outcome
    })
  })

/** Applies the events, or those before a poison event, or parks that one. */
const advance = Effect.fnUntraced(function* (
  follower: Follower,
  at: Checkpoint,
  events: ReadonlyArray<RecordedEvent>,
  pages: Pages
): Effect.fn.Return<Outcome, DbError | UnknownQueue, Db> {
  const last = events.at(-1)
  if (last !== undefined && !events.some((event) => follower.wants.has(event.type))) {
    const to = last.position
    if (!(yield* pages.skip({ follower, at, to }))) return { _tag: "Moved" }
    return yield* reported(follower, { _tag: "Applied", checkpoint: { ...at, position: to }, applied: 0, parked: 0 })
  }
  if (follower.noticed !== undefined) yield* follower.noticed(events.filter((event) => follower.wants.has(event.type)))
  let batch = events
  for (;;) {
    const tried = yield* Effect.result(applyBatch(follower, at, batch))
    if (tried._tag === "Success") return yield* reported(follower, tried.success)
    const failure = tried.failure
    if (failure._tag !== "Poison") return yield* failure
    const [first] = batch
    if (batch.length > 1 || first === undefined) {
      batch = batch.slice(0, Math.ceil(batch.length / 2))
      continue
    }
    yield* Effect.logError(
      `${follower.name} cannot apply event ${first.position} (${first.type}). It is parked and holds ${first.stream}; other streams go on. ${failure.reason}`
    )
    const parked = yield* Effect.catchTag(parkPoison(follower, at, first, failure.reason), "Poison", Effect.die)
    return yield* reported(follower, parked)
  }
})

const reported = Effect.fnUntraced(function* (follower: Follower, outcome: Outcome) {
  if (outcome._tag === "Applied") {
    const named = { follower: follower.name, target: follower.target }
    yield* Metric.update(Metric.withAttributes(eventsApplied, named), outcome.applied)
    yield* Metric.update(Metric.withAttributes(positionReached, named), outcome.checkpoint.position)
    if (outcome.parked > 0) yield* Metric.update(Metric.withAttributes(eventsParked, named), outcome.parked)
  }
  return outcome
})

/** For `status`: what is not the database being away. Best effort, the log line is already written. */
const noteTrouble = (follower: Follower, trouble: Trouble): Effect.Effect<void, never, Db> =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "note trouble",
      (sql) => sql`update derived.checkpoint set trouble = ${trouble.message}, updated_at = now()
        where name = ${follower.name} and target = ${follower.target}`
    )
  ).pipe(Effect.timeoutOption("5 seconds"), Effect.ignore)
