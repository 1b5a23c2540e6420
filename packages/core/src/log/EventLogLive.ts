/**
 * The event log on Postgres: puts the parts together.
 *
 * Owns: the life of the batcher and of the doorbell. Does not own: anything else; see the parts.
 * Invariants: appends have one connection of their own, so that they cannot wait for a pool whose connections are all held by
 * transactions that wait for an append; reads have a few of their own, so that whoever waits for an answer does not stand in line
 * behind the projections.
 */
import { Context, Effect, Layer } from "effect"
import { connect, Db, type DbError } from "../postgres/Db.ts"
import { type BatcherOptions, makeBatcher } from "./Batcher.ts"
import { makeDoorbell } from "./Doorbell.ts"
import { EventLog } from "./EventLog.ts"
import { makeFollowing } from "./follow.ts"
import { makeNewest } from "./newest.ts"
import { makeReading, readHead, unavailable } from "./read.ts"
import { makeSettling } from "./settle.ts"
import { makeVerify } from "./verify.ts"
import { makeVolatile } from "./volatile.ts"

/** Fails when the database cannot be read at the start: no schema, no right, or not there. */
export const layerWith = (options?: BatcherOptions): Layer.Layer<EventLog, DbError, Db> =>
  Layer.effect(
    EventLog,
    Effect.gen(function* () {
      const db = yield* Db
      yield* readHead(db)
      const readers = Context.get(yield* Layer.build(Db.layer(db.url, { max: 3, name: "signalbox-read" })), Db)
      const batcher = yield* makeBatcher(
        () => connect(db.url, { max: 1, name: "signalbox-append", lazyCommit: true }),
        options
      )
      const bell = yield* makeDoorbell(db)
      const settling = yield* makeSettling(readers, bell)
      const newest = yield* makeNewest(readers, bell.heard)
      return EventLog.of({
        // its own process need not wait for the notification
        append: (item) =>
          Effect.tap(batcher.append(item), ({ toPosition }) => Effect.sync(() => bell.ring(toPosition))),
        ...makeReading(readers, settling),
        ...makeFollowing(readers, bell, newest, settling.head),
        newest: (from, limit, known) => Effect.mapError(newest(from, limit, known), unavailable),
        ...makeVolatile(db, bell),
        verify: makeVerify(db, settling.head)
      })
    })
  )

export const layer: Layer.Layer<EventLog, DbError, Db> = layerWith()
