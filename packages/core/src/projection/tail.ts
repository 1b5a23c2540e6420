/**
 * What the followers of one process share at the head of the log: the bell, when it wakes them, and their steps over a page.
 *
 * Owns: waking them, after what a person waits for; moving the checkpoints of all whom a page does not concern in one statement.
 * Does not own: a follower's batch (`checkpoint.ts`), its loop (`follow.ts`), reading a page once for all (`log/newest.ts`).
 * Invariants: whom the bell does not wake at once it wakes later, or the backstop does; a checkpoint is skipped over only from the
 * position and token that its follower read from.
 */
import { Deferred, Effect, Exit, Option, type Scope, Stream } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog, type LogUnavailable } from "../log/EventLog.ts"
import { HEAD_PAGE } from "../log/newest.ts"
import { readPage } from "../log/read.ts"
import { Db, type DbError } from "../postgres/Db.ts"
import { type Held, Precedence } from "./Precedence.ts"
import { type Skip, skipAll } from "./checkpoint.ts"

export interface Pages {
  readonly read: (from: number, limit: number) => Effect.Effect<ReadonlyArray<RecordedEvent>, DbError | LogUnavailable>
  /** @returns false when another runner was faster, or is at it */
  readonly skip: (skip: Skip) => Effect.Effect<boolean, DbError>
}
export interface Tail extends Pages {
  /** Suspends a follower at the head while what a person waits for goes first. */
  readonly precede: (page: ReadonlyArray<RecordedEvent>, wants: ReadonlySet<string>) => Effect.Effect<void>
  /**
   * Returns when the head is past `position`, and after the backstop in any case.
   * @param wants who has nothing else to do is woken when what a person waits for is under way
   */
  readonly past: (position: number, wants?: ReadonlySet<string>) => Effect.Effect<void>
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

  let head = 0
  const sleepers = new Map<() => void, { readonly than: number; readonly wants: ReadonlySet<string> | undefined }>()
  const rouse = (position: number, held?: Held): void => {
    for (const [wake, { than, wants }] of sleepers)
      if (position > than && (held === undefined || wants === undefined || held.others(wants))) wake()
  }
  /** Waking all of them is work itself, in the very moment in which somebody is to be answered. */
  const rouseInTurn = Effect.fnUntraced(function* (first: number, position: number) {
    const page = yield* Effect.orElseSucceed(log.newest(first, HEAD_PAGE), () => [])
    const held = Option.isSome(precedence) ? precedence.value.held(page) : undefined
    if (held === undefined || (page.at(-1)?.position ?? 0) < head) return rouse(head)
    rouse(position, held)
    yield* held.over
    rouse(position)
  })
  yield* log.changes.pipe(
    Stream.runForEach((position) => {
      const first = head + 1
      head = position
      if (Option.isNone(precedence) || !precedence.value.busy()) return Effect.sync(() => rouse(position))
      return Effect.forkIn(rouseInTurn(first, position), scope)
    }),
    Effect.forkScoped
  )
  const past: Tail["past"] = (position, wants) =>
    Effect.callback<void>((resume) => {
      if (head > position) return resume(Effect.void)
      const wake = () => {
        sleepers.delete(wake)
        resume(Effect.void)
      }
      sleepers.set(wake, { than: position, wants })
      return Effect.sync(() => sleepers.delete(wake))
    }).pipe(Effect.timeoutOption(BACKSTOP), Effect.asVoid)

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

  return { past, read: (from, limit) => log.newest(from, limit), skip, precede }
})
