/**
 * Rebuilding a read model while the old one serves.
 *
 * Owns: the order begin → replay → catch up → swap. Does not own: batches (`checkpoint.ts`), tables (`shadow.ts`).
 * Invariants: until the swap commits the old tables serve and are kept up; after it the position is not below the one that served
 * before; a rebuild that dies leaves nothing that serves, and the next one begins anew; of two rebuilds the later one wins.
 */
import { Effect } from "effect"
import { EventLog } from "../log/EventLog.ts"
import { readPage } from "../log/read.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import {
  applyWithin,
  type Checkpoint,
  enter,
  type Follower,
  heldStreams,
  lockCheckpoint,
  openCheckpoint,
  readCheckpoint
} from "./checkpoint.ts"
import { makeStep, patience, type Trouble } from "./follow.ts"
import { FollowerBroken, type Projection, type Rebuilt, type RebuildProgress, RebuildSuperseded } from "./Projection.ts"
import { ownPages } from "./tail.ts"
import { analyzeShadow, makeShadow, swapShadow } from "./shadow.ts"

/** The swap waits for nobody longer than its lock timeout; then it is tried again. */
const LOCK_NOT_AVAILABLE = "55P03"
/** More than this is caught up outside of the swap, where nobody waits for it. */
const TAIL = 500

export const followerOf = (projection: Projection, target: "read" | "read_next"): Follower => ({
  name: projection.name,
  target,
  version: projection.version,
  from: "beginning",
  wants: new Set(projection.types),
  apply: projection.apply
})

export const rebuild = Effect.fn("rebuild")(function* (
  projection: Projection,
  progress: (progress: RebuildProgress) => Effect.Effect<void>
) {
  const { name } = projection
  const log = yield* EventLog
  const follower = followerOf(projection, "read_next")
  yield* openCheckpoint(followerOf(projection, "read"), 0)
  let at = yield* begin(projection)
  const step = yield* makeStep(follower, yield* ownPages([...follower.wants]))
  let told = 0
  let head = yield* log.head
  for (;;) {
    const outcome = yield* unlessSuperseded(at, name, patiently(follower, at, step(at)))
    if (outcome === undefined) {
      head = yield* log.head
      if (head > at.position) continue
      yield* unlessSuperseded(at, name, analyzeShadow(projection.tables))
      const swapped = yield* finish(projection, at)
      if (swapped !== undefined) {
        yield* progress({ name, position: swapped.position, head: swapped.position })
        return swapped
      }
    } else if (outcome._tag === "Applied") {
      at = outcome.checkpoint
      if (at.position - told >= 10_000) {
        told = at.position
        yield* progress({ name, position: at.position, head: Math.max(head, at.position) })
      }
    } else {
      const row = yield* readCheckpoint(name, "read_next")
      if (row?.token !== at.token) return yield* new RebuildSuperseded({ name })
      yield* Effect.sleep("50 millis")
      at = row
    }
  }
})

/** A later rebuild drops the tables of this one: that is no failure of its own. */
const unlessSuperseded = <A, E>(
  at: Checkpoint,
  name: string,
  effect: Effect.Effect<A, E, Db>
): Effect.Effect<A, E | RebuildSuperseded | DbError, Db> =>
  Effect.gen(function* () {
    const tried = yield* Effect.result(effect)
    if (tried._tag === "Success") return tried.success
    const row = yield* readCheckpoint(name, "read_next")
    if (row?.token !== at.token) return yield* new RebuildSuperseded({ name })
    return yield* Effect.fail(tried.failure)
  })

/** Postgres being away is waited for; what the program cannot do is said. */
const patiently = <A>(
  follower: Follower,
  at: Checkpoint,
  effect: Effect.Effect<A, Trouble, Db>
): Effect.Effect<A, FollowerBroken, Db> =>
  Effect.retry(effect, {
    while: (trouble) => trouble._tag === "LogUnavailable" || (trouble._tag === "DbError" && trouble.transient),
    schedule: patience
  }).pipe(
    Effect.catch((trouble) =>
      Effect.fail(new FollowerBroken({ name: follower.name, position: at.position, reason: trouble.message }))
    )
  )

/** New tables and a new token: whoever rebuilt before finds his checkpoint moved. */
const begin = (projection: Projection): Effect.Effect<Checkpoint, DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    return yield* db.transaction(
      Effect.gen(function* () {
        yield* db.query(
          "begin a rebuild",
          (sql) => sql`select pg_advisory_xact_lock(hashtextextended(${`rebuild ${projection.name}`}, 0))`
        )
        yield* lockCheckpoint(projection.name, "read_next", true)
        yield* makeShadow(projection.tables)
        yield* db.query(
          "begin a rebuild",
          (sql) => sql`delete from derived.checkpoint where name = ${projection.name} and target = 'read_next'`
        )
        const [row] = yield* db.query(
          "begin a rebuild",
          (sql) => sql<Checkpoint[]>`insert into derived.checkpoint (name, target, version, position)
            values (${projection.name}, 'read_next', ${projection.version}, 0)
            returning position::float8 as position, version, token`
        )
        return row ?? (yield* Effect.die(new Error("insert … returning answered nothing")))
      })
    )
  })

/** @returns undefined when the live one has run too far ahead, or a reader is in the way: go on and try again */
const finish = (
  projection: Projection,
  at: Checkpoint
): Effect.Effect<Rebuilt | undefined, RebuildSuperseded | FollowerBroken | DbError, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const { name } = projection
    const tail = yield* readPage(db, { _tag: "Log", from: at.position + 1 }, TAIL)
    const position = tail.at(-1)?.position ?? at.position
    return yield* db.transaction(
      Effect.gen(function* () {
        const live = yield* lockCheckpoint(name, "read", true)
        const next = yield* lockCheckpoint(name, "read_next", true)
        if (live === undefined || next?.token !== at.token) return yield* new RebuildSuperseded({ name })
        if (next.position !== at.position || live.position > position) return undefined
        const wanted = tail.filter((event) => projection.types.includes(event.type))
        if (wanted.length > 0) {
          const follower = followerOf(projection, "read_next")
          yield* enter(db, follower)
          yield* applyWithin(follower, wanted, yield* heldStreams(follower))
        }
        yield* swapShadow(projection.tables)
        yield* db.query(
          "retire the old checkpoint",
          (sql) => sql`delete from derived.checkpoint where name = ${name} and target = 'read'`
        )
        const [parked] = yield* db.query(
          "promote the new checkpoint",
          (sql) => sql<{ parked: number }[]>`with promoted as (
              update derived.checkpoint set target = 'read', position = ${position}, version = ${projection.version},
                token = gen_random_uuid(), trouble = null, updated_at = now()
              where name = ${name} and target = 'read_next' returning 1)
            select (select count(*) from derived.parked where name = ${name} and target = 'read_next')::int as parked from promoted`
        )
        return { name, position, events: position, parked: parked?.parked ?? 0 }
      })
    )
  }).pipe(
    // a poison event in the tail: the next round parks it
    Effect.catchTag("Poison", () => Effect.succeed(undefined)),
    Effect.catchTag("UnknownQueue", (e) =>
      Effect.fail(new FollowerBroken({ name: projection.name, position: at.position, reason: e.message }))
    ),
    Effect.catchTag("DbError", (e) =>
      e.code === LOCK_NOT_AVAILABLE || e.transient ? Effect.as(Effect.sleep("250 millis"), undefined) : Effect.fail(e)
    )
  )
