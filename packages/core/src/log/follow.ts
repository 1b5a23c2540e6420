/**
 * Following: the log as it grows, durable and gapless.
 *
 * Owns: the loop of "read from the cursor until nothing is left, then wait for the bell".
 * Does not own: the bell (`Doorbell`), nor the queries (`read`).
 * Invariants: every event from the cursor on is delivered once and in order, when it is settled; the bell only says when to look; a database that
 * is away is waited for, one that refuses ends the stream with `LogUnavailable`.
 */
import { Effect, Option, Stream } from "effect"
import type { Db, DbError, Sql } from "../postgres/Db.ts"
import type { Doorbell } from "./Doorbell.ts"
import type { RecordedEvent } from "./Event.ts"
import type { EventLog, Followed, LogUnavailable } from "./EventLog.ts"
import { HEAD_PAGE, type Newest } from "./newest.ts"
import { after, type Cursor, nextLimit, readPage, unavailable } from "./read.ts"

type Following = Pick<EventLog["Service"], "follow" | "changes" | "waitFor">

interface Place {
  readonly cursor: Cursor
  readonly limit: number
  /** What the bell said before the last look; nothing while there is more to read. */
  readonly seen: number | undefined
  /** Head at the start, until it has been delivered. */
  readonly goal: number | undefined
}

export const makeFollowing = (
  db: Db["Service"],
  bell: Doorbell,
  newest: Newest,
  settledHead: Effect.Effect<number, DbError>
): Following => {
  const read = ({ cursor, limit }: Place, heard: number) =>
    cursor._tag === "Log" && cursor.type === undefined && heard - cursor.from < HEAD_PAGE
      ? newest(cursor.from, limit)
      : // what is not settled comes with the next bell
        Effect.map(readPage(db, cursor, limit), (page) => page.filter(({ position }) => position <= bell.heard()))
  const step = Effect.fnUntraced(function* (place: Place) {
    if (place.seen !== undefined) yield* bell.moved(place.seen)
    const heard = bell.heard()
    const page = yield* patiently(read(place, heard))
    const followed: Array<Followed> = []
    let goal = place.goal
    for (const event of page) {
      if (goal !== undefined && event.position > goal) {
        followed.push({ _tag: "CaughtUp", position: goal })
        goal = undefined
      }
      followed.push({ _tag: "Event", event })
    }
    if (goal !== undefined && (page.length === 0 || (page.at(-1)?.position ?? 0) >= goal)) {
      followed.push({ _tag: "CaughtUp", position: goal })
      goal = undefined
    }
    const next: Place = {
      cursor: after(place.cursor, page),
      limit: Math.max(64, nextLimit(place.limit, page.length)),
      // A page of the whole log that reached what was heard needs no second look to know that it was the last.
      seen: exhausted(place, page, heard) ? heard : undefined,
      goal
    }
    return [followed, Option.some(next)] as const
  })

  const follow: Following["follow"] = (options = {}) =>
    Stream.unwrap(
      Effect.gen(function* () {
        yield* bell.attend
        const goal = yield* patiently(settledHead)
        const cursor = yield* patiently(startOf(db, options))
        const start: Place = { cursor, limit: 64, seen: undefined, goal }
        return Stream.paginate(start, step)
      })
    ).pipe(Stream.scoped)

  const changes: Following["changes"] = Stream.unwrap(
    Effect.gen(function* () {
      yield* bell.attend
      return Stream.paginate(-1, (seen: number) =>
        Effect.map(bell.moved(seen), (head) => [[head], Option.some(head)] as const)
      )
    })
  ).pipe(Stream.scoped)

  const waitFor: Following["waitFor"] = (position) =>
    Effect.gen(function* () {
      yield* bell.attend
      let head = bell.heard()
      while (head < position) head = yield* bell.moved(head)
    }).pipe(Effect.scoped)

  return { follow, changes, waitFor }
}

const exhausted = ({ cursor, limit }: Place, page: ReadonlyArray<RecordedEvent>, heard: number): boolean =>
  page.length === 0 || (cursor._tag === "Log" && page.length < limit && (page.at(-1)?.position ?? 0) >= heard)

/** A stream is walked by version; where a position was asked for, the first version at or after it is looked up once. */
const startOf = (
  db: Db["Service"],
  { from = 1, stream }: { readonly from?: number; readonly stream?: string }
): Effect.Effect<Cursor, DbError> => {
  if (stream === undefined) return Effect.succeed({ _tag: "Log", from })
  if (from <= 1) return Effect.succeed({ _tag: "Stream", stream, from: 1 })
  return Effect.map(
    db.query("find the place in the stream", () => startQuery(db.pool, stream, from)),
    ([row]) => ({ _tag: "Stream", stream, from: (row?.version ?? 0) + 1 })
  )
}
export const startQuery = (sql: Sql, stream: string, from: number) => sql<{ version: number | null }[]>`
  select max(version) as version from log.event where stream = ${stream} and position < ${from}`

const patiently = <A>(self: Effect.Effect<A, DbError>): Effect.Effect<A, LogUnavailable> =>
  self.pipe(
    Effect.catch((error) =>
      error.transient
        ? Effect.andThen(
            Effect.sleep("250 millis"),
            Effect.suspend(() => patiently(self))
          )
        : Effect.fail(unavailable(error))
    )
  )
