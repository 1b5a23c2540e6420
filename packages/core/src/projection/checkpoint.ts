/**
 * One batch of events, applied exactly once: the effect, the parked events and the checkpoint are one transaction.
 *
 * Owns: the rows of `derived.checkpoint` and `derived.parked` as a follower sees them. Does not own: when batches run (`follow.ts`).
 * Invariants: the checkpoint row is locked before anything is applied and compared with what the caller read from; a runner that
 * finds it locked does not wait; an event whose stream has a parked event is parked behind it and not applied.
 */
import { Effect, Schema } from "effect"
import type { EventNotDecodable, RecordedEvent } from "../log/Event.ts"
import { Db, type DbError, type Sql } from "../postgres/Db.ts"
import type { UnknownQueue } from "../queue/Queue.ts"
import type { Target } from "./Projection.ts"

/** What follows the log: a projection, its rebuild, or a reactor. */
export interface Follower {
  readonly name: string
  readonly target: Target
  readonly version: number
  readonly from: "beginning" | "now"
  readonly wants: ReadonlySet<string>
  /** Hears of events before they are applied here. A hint: they may be told again, or be applied without having been told. */
  readonly noticed?: (events: ReadonlyArray<RecordedEvent>) => Effect.Effect<void>
  readonly apply: (
    events: ReadonlyArray<RecordedEvent>
  ) => Effect.Effect<void, DbError | EventNotDecodable | UnknownQueue, Db>
}

export interface Checkpoint {
  readonly position: number
  readonly version: number
  readonly token: string
}

/** Applied: `checkpoint` is the new one. Busy: another runner is at it. Moved: another runner was faster, or a rebuild was swapped in. */
export type Outcome =
  | { readonly _tag: "Applied"; readonly checkpoint: Checkpoint; readonly applied: number; readonly parked: number }
  | { readonly _tag: "Busy" }
  | { readonly _tag: "Moved" }

/** The failure lies in the data: one of the events of the batch cannot be applied. */
export class Poison extends Schema.TaggedError<Poison>()("Poison", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/** A stopped or frozen runner gives its locks back after so long. */
const IDLE_LIMIT = "15s"

/** Reads the checkpoint; a follower that is new here gets one, at `start`. */
export const openCheckpoint = Effect.fn("openCheckpoint")(function* (follower: Follower, start: number) {
  const found = yield* readCheckpoint(follower.name, follower.target)
  if (found !== undefined) return found
  const db = yield* Db
  yield* db.query(
    "create a checkpoint",
    (sql) => sql`insert into derived.checkpoint (name, target, version, position)
      values (${follower.name}, ${follower.target}, ${follower.version}, ${start}) on conflict do nothing`
  )
  const made = yield* readCheckpoint(follower.name, follower.target)
  return made ?? (yield* Effect.die(new Error(`the checkpoint of ${follower.name} vanished while it was made`)))
})

export const readCheckpoint = Effect.fn("readCheckpoint")(function* (name: string, target: Target) {
  const db = yield* Db
  const [row] = yield* db.query(
    "read a checkpoint",
    (sql) => sql<Checkpoint[]>`select position::float8 as position, version, token
      from derived.checkpoint where name = ${name} and target = ${target}`
  )
  return row
})

/** Locks the row for the current transaction. */
export const lockCheckpoint = Effect.fnUntraced(function* (name: string, target: Target, wait: boolean) {
  const db = yield* Db
  const [row] = yield* db.query(
    "lock a checkpoint",
    (sql) => sql<Checkpoint[]>`select position::float8 as position, version, token
      from derived.checkpoint where name = ${name} and target = ${target} for update ${wait ? sql`` : sql`skip locked`}`
  )
  return row
})

/**
 * @param at what the events were read from: they begin behind its position
 * @param events from there without a gap in what the follower wants; the last one, of any type, is where the batch ends. Where
 *   none is wanted, `skipAll` costs less
 */
export const applyBatch = (
  follower: Follower,
  at: Checkpoint,
  events: ReadonlyArray<RecordedEvent>
): Effect.Effect<Outcome, Poison | DbError | UnknownQueue, Db> => {
  const last = events.at(-1)
  if (last === undefined) return Effect.succeed({ _tag: "Applied" as const, checkpoint: at, applied: 0, parked: 0 })
  const wanted = events.filter((event) => follower.wants.has(event.type))
  const checkpoint = { ...at, position: last.position }
  return inTransaction(follower, at, (db, held) =>
    Effect.gen(function* () {
      // sent together as well. Where the effect fails its checkpoint fails behind it, and only the former says why
      const [effect, moved] = yield* Effect.all(
        [
          Effect.result(applyWithin(follower, wanted, held)),
          Effect.result(moveCheckpoint(db, follower, last.position))
        ],
        { concurrency: "unbounded" }
      )
      const parked = yield* Effect.fromResult(effect)
      yield* Effect.fromResult(moved)
      return { _tag: "Applied" as const, checkpoint, applied: wanted.length - parked, parked }
    })
  )
}

/** Applies what is not held back, in the current transaction, which has the checkpoint locked. @returns how many were parked */
export const applyWithin = Effect.fnUntraced(function* (
  follower: Follower,
  wanted: ReadonlyArray<RecordedEvent>,
  held: ReadonlySet<string>
) {
  const db = yield* Db
  const behind = held.size === 0 ? [] : wanted.filter((event) => held.has(event.stream))
  const fresh = behind.length === 0 ? wanted : wanted.filter((event) => !held.has(event.stream))
  if (fresh.length > 0) yield* applied(follower, fresh)
  for (const event of behind) yield* park(db, follower, event, null)
  return behind.length
})

/** Only true while the checkpoint is locked: a statement of its own, after the one that locks. */
export const heldStreams = Effect.fnUntraced(function* (follower: Follower) {
  const db = yield* Db
  const rows = yield* db.query("read held streams", (sql) => heldQuery(sql, follower.name, follower.target))
  return new Set(rows.map((row) => row.stream))
})

export const heldQuery = (sql: Sql, name: string, target: Target) => sql<{ stream: string }[]>`
  select distinct stream from derived.parked where name = ${name} and target = ${target}`

/** Parks the one event that cannot be applied; its stream is held from here on. */
export const parkPoison = (
  follower: Follower,
  at: Checkpoint,
  event: RecordedEvent,
  reason: string
): Effect.Effect<Outcome, Poison | DbError | UnknownQueue, Db> =>
  inTransaction(follower, at, (db) =>
    Effect.gen(function* () {
      yield* park(db, follower, event, reason)
      yield* moveCheckpoint(db, follower, event.position)
      return { _tag: "Applied" as const, checkpoint: { ...at, position: event.position }, applied: 0, parked: 1 }
    })
  )

/** The follower's own effect, with failures that lie in the data told apart. */
export const applied = (
  follower: Follower,
  events: ReadonlyArray<RecordedEvent>
): Effect.Effect<void, Poison | DbError | UnknownQueue, Db> =>
  Effect.suspend(() => follower.apply(events)).pipe(
    Effect.catchTag("EventNotDecodable", (e) => Effect.fail(new Poison({ reason: e.message.replaceAll(/\s+/g, " ") }))),
    Effect.catchTag("DbError", (e) =>
      Effect.fail(isPoison(e) ? new Poison({ reason: `${e.code} ${e.reason}`.trim() }) : e)
    ),
    Effect.catchDefect((defect) =>
      Effect.fail(new Poison({ reason: defect instanceof Error ? defect.message : String(defect) }))
    )
  )

/**
 * Prepares the current transaction for the follower's statements. Its commit is not waited for on the disk: what a crash takes
 * away it takes away together with the checkpoint, and it is made again from the log.
 */
export const enter = (db: Db["Service"], follower: Follower): Effect.Effect<void, DbError> =>
  Effect.asVoid(
    db.query(
      "prepare the transaction",
      (sql) => sql`select set_config('idle_in_transaction_session_timeout', ${IDLE_LIMIT}, true),
        set_config('synchronous_commit', 'off', true), set_config('search_path', ${follower.target === "jobs" ? "public" : follower.target}, true)`
    )
  )

const inTransaction = (
  follower: Follower,
  at: Checkpoint,
  work: (db: Db["Service"], held: ReadonlySet<string>) => Effect.Effect<Outcome, Poison | DbError | UnknownQueue, Db>
): Effect.Effect<Outcome, Poison | DbError | UnknownQueue, Db> =>
  Effect.gen(function* () {
    const db = yield* Db
    return yield* db.transaction(
      Effect.gen(function* () {
        // sent together, run by Postgres one after the other: one round trip instead of three
        const [row, , held] = yield* Effect.all(
          [lockCheckpoint(follower.name, follower.target, false), enter(db, follower), heldStreams(follower)],
          { concurrency: "unbounded" }
        )
        if (row === undefined) return { _tag: "Busy" as const }
        if (row.position !== at.position || row.token !== at.token) return { _tag: "Moved" as const }
        return yield* work(db, held)
      })
    )
  })

/** A step over events of which none concerns the follower. */
export interface Skip {
  readonly follower: Pick<Follower, "name" | "target">
  readonly at: Checkpoint
  readonly to: number
}

/** One statement for any number of followers. @returns those that were moved: the others are locked, or not where they were */
export const skipAll = (db: Db["Service"], skips: ReadonlyArray<Skip>): Effect.Effect<ReadonlySet<Skip>, DbError> => {
  const wanted = skips.map(({ follower, at, to }) => [follower.name, follower.target, at.position, at.token, to])
  return Effect.map(
    db.query(
      "move checkpoints",
      (sql) => sql<{ name: string; target: string }[]>`with mine as (
          select c.name, c.target, (w ->> 4)::bigint as upto
          from json_array_elements(${JSON.stringify(wanted)}::text::json) w
          join derived.checkpoint c on c.name = w ->> 0 and c.target = w ->> 1
            and c.position = (w ->> 2)::bigint and c.token = (w ->> 3)::uuid
          where set_config('synchronous_commit', 'off', true) = 'off'
          order by c.name, c.target for update of c skip locked)
        update derived.checkpoint c set position = mine.upto, trouble = null, updated_at = now()
        from mine where c.name = mine.name and c.target = mine.target returning c.name, c.target`
    ),
    (rows) => {
      const moved = new Set(rows.map((row) => `${row.target}/${row.name}`))
      return new Set(skips.filter(({ follower }) => moved.has(`${follower.target}/${follower.name}`)))
    }
  )
}

const moveCheckpoint = (db: Db["Service"], follower: Follower, position: number): Effect.Effect<void, DbError> =>
  Effect.asVoid(
    db.query(
      "move a checkpoint",
      (sql) => sql`update derived.checkpoint set position = ${position}, trouble = null, updated_at = now()
        where name = ${follower.name} and target = ${follower.target}`
    )
  )

const park = (
  db: Db["Service"],
  follower: Follower,
  event: RecordedEvent,
  reason: string | null
): Effect.Effect<void, DbError> =>
  Effect.asVoid(
    db.query(
      "park an event",
      (sql) => sql`insert into derived.parked (name, target, position, stream, type, reason, attempts)
        values (${follower.name}, ${follower.target}, ${event.position}, ${event.stream}, ${event.type}, ${reason},
                ${reason === null ? 0 : 1})
        on conflict (name, target, position) do nothing`
    )
  )

/** Data (22), constraints (21, 23), limits (54), raised by a trigger (P0), refused by the driver. All else is the program's fault. */
const isPoison = (error: DbError): boolean =>
  !error.transient && (/^(21|22|23|54|P0)/.test(error.code) || /^(UNDEFINED_VALUE|ERR_INVALID_ARG)/.test(error.code))
