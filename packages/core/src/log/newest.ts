/**
 * The newest events, read once for everybody in this process who stands at the head of the log.
 *
 * Owns: the page that was read last, and who shares a read that is under way. Does not own: when to look (the bell), queries (`read.ts`).
 * Invariants: a page begins where it was asked to and has no gap; it is at least as new as the bell that its asker has heard, or cut
 * by its size, and holds nothing that is not settled; a read that began before the bell is not given to one who asks after it; one page is kept.
 */
import { Deferred, Effect, Exit, type Scope } from "effect"
import type { Db, DbError } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { readPage } from "./read.ts"

/** What is read at the head, however little is asked for: others ask for the rest. */
export const HEAD_PAGE = 128

/**
 * @param known a position that the asker knows to be in the log, when he knows it from elsewhere than the bell
 * @returns events from `from` on, at most `limit`; fewer than that and than there are when they are large
 */
export type Newest = (
  from: number,
  limit: number,
  known?: number
) => Effect.Effect<ReadonlyArray<RecordedEvent>, DbError>

interface Flight {
  readonly from: number
  readonly limit: number
  /** What it will find at least. */
  readonly heard: number
  /** Undefined: it was ended on the way. */
  readonly page: Deferred.Deferred<ReadonlyArray<RecordedEvent> | undefined, DbError>
}

/** @param heard the newest head that this process has heard of */
export const makeNewest = (db: Db["Service"], heard: () => number): Effect.Effect<Newest, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let kept: ReadonlyArray<RecordedEvent> = []
    const air = new Set<Flight>()

    // what is not settled comes with the next bell: kept here, it could outlive what the server has forgotten
    const own = (from: number, limit: number, known = 0) =>
      Effect.map(readPage(db, { _tag: "Log", from }, limit), (page) => {
        const settled = Math.max(heard(), known)
        return page.filter(({ position }) => position <= settled)
      })
    const of = (flight: Flight, from: number, limit: number) =>
      Effect.flatMap(Deferred.await(flight.page), (events) =>
        events === undefined ? own(from, limit) : Effect.succeed(part(events, from, limit))
      )
    const fly = Effect.fnUntraced(function* (from: number, limit: number, needed: number) {
      const flight: Flight = { from, limit: Math.max(limit, HEAD_PAGE), heard: needed, page: Deferred.makeUnsafe() }
      air.add(flight)
      // its own fiber: whoever gives up does not take it away from the others
      const reading = yield* Effect.forkIn(own(from, flight.limit, needed), scope)
      reading.addObserver((exit) => {
        air.delete(flight)
        if (exit._tag === "Success" && exit.value.length > 0) kept = exit.value
        // a process that ends reads no more for all, and nobody waits for it: the last ones read for themselves
        Deferred.doneUnsafe(flight.page, Exit.hasInterrupts(exit) ? Exit.succeed(undefined) : exit)
      })
      return yield* of(flight, from, limit)
    })

    return (from, limit, known = 0) =>
      Effect.suspend(() => {
        const needed = Math.max(heard(), known, 1)
        const found = part(kept, from, limit)
        if (found.length === limit || (found.at(-1)?.position ?? 0) >= needed) return Effect.succeed(found)
        for (const flight of air)
          if (flight.from <= from && flight.from + flight.limit / 2 > from && flight.heard >= needed)
            return Effect.flatMap(of(flight, from, limit), (mine) =>
              // it may have been cut before it came to what is asked for
              mine.length > 0 || flight.from === from ? Effect.succeed(mine) : fly(from, limit, needed)
            )
        return fly(from, limit, needed)
      })
  })

/** Of a page without gaps. */
const part = (page: ReadonlyArray<RecordedEvent>, from: number, limit: number): ReadonlyArray<RecordedEvent> => {
  const first = page[0]?.position ?? 0
  return first > 0 && from >= first ? page.slice(from - first, from - first + limit) : []
}
