/**
 * What the followers of one process share at the head of the log: the bell, the page it rang for, and their steps over it.
 *
 * Owns: reading a page once for all who stand at the same place; moving the checkpoints of all whom a page does not concern in
 * one statement. Does not own: a follower's batch (`checkpoint.ts`), its loop (`follow.ts`).
 * Invariants: a page begins where it was asked to and has no gap; it is at least as new as the bell that its asker has heard;
 * a checkpoint is skipped over only from the position and token that its follower read from.
 */
import { Deferred, Effect, Exit, Option, type Scope, Stream } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog } from "../log/EventLog.ts"
import { readPage } from "../log/read.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import { Precedence } from "./Precedence.ts"
import { type Skip, skipAll } from "./checkpoint.ts"

export interface Pages {
  readonly read: (from: number, limit: number) => Effect.Effect<ReadonlyArray<RecordedEvent>, DbError>
  /** @returns false when another runner was faster, or is at it */
  readonly skip: (skip: Skip) => Effect.Effect<boolean, DbError>
}
export interface Tail extends Pages {
  /** Suspends a follower at the head while what a person waits for goes first. */
  readonly precede: (page: ReadonlyArray<RecordedEvent>, wants: ReadonlySet<string>) => Effect.Effect<void>
  /** Returns when the head is past `position`, and after the backstop in any case. */
  readonly past: (position: number) => Effect.Effect<void>
}

/** A notification that was lost costs so much and no event. */
const BACKSTOP = "5 seconds"

/** For a follower that goes its own way: a rebuild. @param wants only these types are read; all when left out */
export const ownPages = (wants?: ReadonlyArray<string>): Effect.Effect<Pages, never, Db> =>
  Effect.map(Db, (db) => ({
    read: (from, limit) => readPage(db, { _tag: "Log", from, wants }, limit),
    skip: (skip) => Effect.map(skipAll(db, [skip]), (moved) => moved.has(skip))
  }))

export const makeTail: Effect.Effect<Tail, never, Db | EventLog | Scope.Scope> = Effect.gen(function* () {
  const db = yield* Db
  const log = yield* EventLog
  const scope = yield* Effect.scope
  const precedence = yield* Effect.serviceOption(Precedence)
  const alone = yield* ownPages()

  let head = 0
  const sleepers = new Map<() => void, number>()
  yield* log.changes.pipe(
    Stream.runForEach((position) =>
      Effect.sync(() => {
        head = position
        // in the next turn of the event loop: who answers somebody heard the same bell, and asks first
        setImmediate(() => {
          for (const [wake, than] of sleepers) if (position > than) wake()
        })
      })
    ),
    Effect.forkScoped
  )
  const past = (position: number): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      if (head > position) return resume(Effect.void)
      const wake = () => {
        sleepers.delete(wake)
        resume(Effect.void)
      }
      sleepers.set(wake, position)
      return Effect.sync(() => sleepers.delete(wake))
    }).pipe(Effect.timeoutOption(BACKSTOP), Effect.asVoid)

  let kept: ReadonlyArray<RecordedEvent> = []
  const flights = new Map<string, { readonly heard: number; readonly page: Deferred.Deferred<Page, DbError> }>()
  const read: Pages["read"] = (from, limit) =>
    Effect.suspend(() => {
      const first = kept[0]?.position ?? 0
      const known = first > 0 && from >= first ? kept.slice(from - first, from - first + limit) : []
      if (known.length === limit || (known.at(-1)?.position ?? 0) >= Math.max(head, 1)) return Effect.succeed(known)
      const key = `${from}/${limit}`
      const flying = flights.get(key)
      if (flying !== undefined && flying.heard >= head) return Deferred.await(flying.page)
      const flight = { heard: head, page: Deferred.makeUnsafe<Page, DbError>() }
      flights.set(key, flight)
      const fly = Effect.exit(alone.read(from, limit)).pipe(
        Effect.tap((exit) =>
          Effect.sync(() => {
            if (flights.get(key) === flight) flights.delete(key)
            if (exit._tag === "Success" && exit.value.length > 0) kept = exit.value
          })
        ),
        Effect.flatMap((exit) => Deferred.done(flight.page, exit))
      )
      return Effect.andThen(Effect.forkIn(fly, scope), Deferred.await(flight.page))
    })

  let waiting: Array<{ readonly skip: Skip; readonly moved: Deferred.Deferred<boolean, DbError> }> = []
  /** Whoever was given the same page asks within this turn of the event loop. */
  const together = Effect.gen(function* () {
    yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    const all = waiting
    waiting = []
    const exit = yield* Effect.exit(
      skipAll(
        db,
        all.map((one) => one.skip)
      )
    )
    for (const { skip, moved } of all)
      yield* Deferred.done(
        moved,
        Exit.map(exit, (movedOnes) => movedOnes.has(skip))
      )
  })
  const skip: Pages["skip"] = (one) =>
    Effect.suspend(() => {
      const moved = Deferred.makeUnsafe<boolean, DbError>()
      waiting.push({ skip: one, moved })
      const answered = Deferred.await(moved)
      return waiting.length === 1 ? Effect.andThen(Effect.forkIn(together, scope), answered) : answered
    })

  const precede: Tail["precede"] = (page, wants) =>
    Option.isNone(precedence) || (page.at(-1)?.position ?? 0) < head ? Effect.void : precedence.value.give(page, wants)

  return { past, read, skip, precede }
})
type Page = ReadonlyArray<RecordedEvent>
