/**
 * One follower of a room's events for everybody in this process.
 *
 * Owns: reading the newest events of some types once, and handing them to who watches their stream, or all of them.
 * Does not own: what came before somebody watched (the log).
 * Invariants: whoever watches first and then reads the stream from the log misses nothing; events come in order, and some may
 * come that were read from the log already; nothing is read while nobody watches.
 */
import { Deferred, Effect, Schedule, type Scope, Stream } from "effect"
import { Db } from "../postgres/Db.ts"
import type { RecordedEvent } from "./Event.ts"
import { EventLog } from "./EventLog.ts"
import { HEAD_PAGE } from "./newest.ts"
import { readPage } from "./read.ts"

const page = 500

export interface TypeTail {
  /** As long as the scope lives, `hear` is told every new event of the stream. */
  readonly watch: (stream: string, hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
  /** The same for every stream. */
  readonly watchAll: (hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
}

/** @param what for the log, like "conversations" */
export const makeTypeTail = Effect.fnUntraced(function* (what: string, wanted: ReadonlyArray<string>) {
  const db = yield* Db
  const log = yield* EventLog
  const watching = new Map<string, Set<(event: RecordedEvent) => void>>()
  const types = new Set(wanted)
  /** Everything up to here was handed out, or nobody wanted it. */
  let seen = 0
  const begun = yield* Deferred.make<void>()

  const upTo = Effect.fnUntraced(function* (head: number) {
    while (seen < head) {
      if (watching.size === 0) {
        seen = head
        break
      }
      const behind = head - seen
      const events = yield* behind < HEAD_PAGE
        ? log.newest(seen + 1, HEAD_PAGE)
        : // no further than the bell: what is behind it is not settled
          Effect.map(readPage(db, { _tag: "Log", from: seen + 1, wants: wanted }, page), (found) =>
            found.filter((event) => event.position <= head)
          )
      for (const event of events)
        if (types.has(event.type)) {
          watching.get(event.stream)?.forEach((hear) => hear(event))
          watching.get(everything)?.forEach((hear) => hear(event))
        }
      const last = events.at(-1)
      if (last === undefined) break
      seen = last.position
    }
    yield* Deferred.succeed(begun, undefined)
  })
  yield* log.changes.pipe(
    Stream.runForEach(upTo),
    Effect.tapError((error) => Effect.logWarning(`${what} are followed again in a moment: ${error.message}`)),
    Effect.retry(Schedule.spaced("250 millis")),
    Effect.forkScoped
  )

  const watch: TypeTail["watch"] = (stream, hear) =>
    Effect.andThen(
      Deferred.await(begun),
      Effect.acquireRelease(
        Effect.sync(() => void watching.set(stream, (watching.get(stream) ?? new Set()).add(hear))),
        () =>
          Effect.sync(() => {
            const all = watching.get(stream)
            all?.delete(hear)
            if (all?.size === 0 && watching.get(stream) === all) watching.delete(stream)
          })
      )
    )
  const tail: TypeTail = { watch, watchAll: (hear) => watch(everything, hear) }
  return tail
})

/** No stream has this name. */
const everything = ""
