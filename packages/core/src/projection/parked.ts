/**
 * Parked events, made visible and retriable; and how far followers are.
 *
 * Owns: the list, the retry, the status, waiting for a position. Does not own: parking (`checkpoint.ts`).
 * Invariants: a retry applies a stream's parked events in order, each with its row's removal in one transaction, and stops at the
 * first that fails again; the stream is held until the last of them is gone.
 */
import { Effect } from "effect"
import { LogUnavailable } from "../log/EventLog.ts"
import { readPage } from "../log/read.ts"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { UnknownQueue } from "../queue/Queue.ts"
import { applied, enter, type Follower, lockCheckpoint } from "./checkpoint.ts"
import type { FollowerStatus, ParkedEvent, RetryOutcome, Target } from "./Projection.ts"

export const listParked: Effect.Effect<ReadonlyArray<ParkedEvent>, DbError, Db> = Effect.gen(function* () {
  const db = yield* Db
  return yield* db.query(
    "list parked events",
    (sql) => sql<ParkedEvent[]>`select name, target, position::float8 as position, stream, type, reason, attempts,
        to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
      from derived.parked order by parked.position, name, target limit 10000`
  )
})

export const retryStream = Effect.fn("retryStream")(function* (
  follower: Follower,
  stream: string
): Effect.fn.Return<RetryOutcome, DbError | LogUnavailable | UnknownQueue, Db> {
  const db = yield* Db
  for (let count = 0; ; count++) {
    const tried = yield* Effect.result(retryNext(follower, stream))
    if (tried._tag === "Success") {
      if (tried.success) continue
      return { applied: count, remaining: 0, reason: null }
    }
    const failure = tried.failure
    if (failure._tag !== "Poison") return yield* failure
    const [row] = yield* db.query(
      "note the failed retry",
      (sql) => sql<{ remaining: number }[]>`with first as (
          select position from derived.parked where name = ${follower.name} and target = ${follower.target} and stream = ${stream}
          order by position limit 1),
        noted as (
          update derived.parked p set attempts = attempts + 1, reason = ${failure.reason}, at = now() from first
          where p.name = ${follower.name} and p.target = ${follower.target} and p.position = first.position)
        select count(*)::int as remaining from derived.parked
        where name = ${follower.name} and target = ${follower.target} and stream = ${stream}`
    )
    return { applied: count, remaining: row?.remaining ?? 0, reason: failure.reason }
  }
})

/** @returns false when nothing is parked any more */
const retryNext = Effect.fnUntraced(function* (follower: Follower, stream: string) {
  const db = yield* Db
  const position = yield* firstParked(follower, stream)
  if (position === undefined) return false
  const [event] = yield* readPage(db, { _tag: "Log", from: position }, 1)
  if (event?.position !== position)
    return yield* new LogUnavailable({ reason: `event ${position} is parked and not in the log` })
  yield* db.transaction(
    Effect.gen(function* () {
      yield* lockCheckpoint(follower.name, follower.target, true)
      if ((yield* firstParked(follower, stream)) !== position) return // somebody else retried it just now
      yield* enter(db, follower)
      yield* applied(follower, [event])
      yield* db.query(
        "release a parked event",
        (sql) => sql`delete from derived.parked
          where name = ${follower.name} and target = ${follower.target} and position = ${position}`
      )
    })
  )
  return true
})

const firstParked = Effect.fnUntraced(function* (follower: Follower, stream: string) {
  const db = yield* Db
  const [row] = yield* db.query("find a parked event", (sql) =>
    firstParkedQuery(sql, follower.name, follower.target, stream)
  )
  return row?.position
})

export const firstParkedQuery = (sql: Sql, name: string, target: Target, stream: string) => sql<{ position: number }[]>`
  select p.position::float8 as position from derived.parked p
  where p.name = ${name} and p.target = ${target} and p.stream = ${stream} order by p.position limit 1`

export const followerStatus = (
  targets: ReadonlyArray<Target>
): Effect.Effect<ReadonlyArray<FollowerStatus>, DbError, Db> =>
  Effect.flatMap(Db, (db) =>
    db.query(
      "read the followers",
      (sql) => sql<FollowerStatus[]>`select c.name, c.target, c.version, c.position::float8 as position,
          greatest(coalesce((select max(position) from log.event), 0) - c.position, 0)::float8 as behind,
          (select count(*) from derived.parked p where p.name = c.name and p.target = c.target)::int as parked, c.trouble
        from derived.checkpoint c where c.target in ${sql([...targets])} order by c.name, c.target`
    )
  )

/** How far this process itself has brought its followers: whoever waits for one of them need not ask the database. */
export interface Progress {
  readonly note: (name: string, position: number) => void
  readonly at: (name: string) => number
  /** Suspends until something has been noted. */
  readonly noted: Effect.Effect<void>
}

export const makeProgress = (): Progress => {
  const positions = new Map<string, number>()
  const sleepers = new Set<() => void>()
  return {
    at: (name) => positions.get(name) ?? 0,
    note: (name, position) => {
      positions.set(name, position)
      Array.from(sleepers).forEach((wake) => wake()) // a snapshot: whoever wakes may sleep again at once
    },
    noted: Effect.callback((resume) => {
      const wake = () => {
        sleepers.delete(wake)
        resume(Effect.void)
      }
      sleepers.add(wake)
      return Effect.sync(() => sleepers.delete(wake))
    })
  }
}

/** Waits until each named follower is at or past `position`, here or elsewhere. Asks often at first: most waits are some milliseconds long. */
export const awaitPosition = (
  names: ReadonlyArray<string>,
  target: Target,
  position: number,
  progress: Progress = makeProgress()
): Effect.Effect<void, never, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    const here = Effect.gen(function* () {
      while (names.some((name) => progress.at(name) < position)) yield* progress.noted
    })
    const anywhere = Effect.gen(function* () {
      for (let pause = 2; ; pause = Math.min(pause * 2, 250)) {
        const rows = yield* db
          .query(
            "compare checkpoints",
            (sql) => sql<{ name: string }[]>`select name from derived.checkpoint
              where target = ${target} and name in ${sql([...names])} and position >= ${position}`
          )
          .pipe(Effect.catch(() => Effect.succeed([])))
        if (rows.length === names.length) return
        yield* Effect.sleep(pause)
      }
    })
    yield* Effect.raceFirst(here, anywhere)
  })
