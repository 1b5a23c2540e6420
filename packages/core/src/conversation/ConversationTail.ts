/**
 * One follower of the conversations' events for everybody in this process.
 *
 * Owns: reading the newest events of all conversations once, and handing them to who watches that conversation.
 * Does not own: what came before somebody watched (the log), the frames of a stream (`ConversationFeedLive.ts`).
 * Invariants: whoever watches first and then reads the stream from the log misses nothing; events come in order, and some may
 * come that were read from the log already; nothing is read while nobody watches.
 */
import { Context, Deferred, Effect, Layer, Schedule, type Scope, Stream } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog } from "../log/EventLog.ts"
import { readPage } from "../log/read.ts"
import { Db } from "../postgres/Db.ts"
import { conversationEvents, conversationStream } from "./events.ts"

const page = 500

export class ConversationTail extends Context.Service<
  ConversationTail,
  {
    /** As long as the scope lives, `hear` is told every new event of the conversation. */
    readonly watch: (
      conversationId: string,
      hear: (event: RecordedEvent) => void
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The same for every conversation. */
    readonly watchAll: (hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@signalbox/core/conversation/ConversationTail") {
  static readonly layer: Layer.Layer<ConversationTail, never, Db | EventLog> = Layer.effect(
    ConversationTail,
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const watching = new Map<string, Set<(event: RecordedEvent) => void>>()
      const types = new Set(conversationEvents.types)
      /** Everything up to here was handed out, or nobody wanted it. */
      let seen = 0
      const begun = yield* Deferred.make<void>()

      const upTo = Effect.fnUntraced(function* (head: number) {
        while (seen < head) {
          if (watching.size === 0) {
            seen = head
            break
          }
          const events = yield* readPage(db, { _tag: "Log", from: seen + 1, wants: conversationEvents.types }, page)
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
        Effect.tapError((error) => Effect.logWarning(`conversations are followed again in a moment: ${error.message}`)),
        Effect.retry(Schedule.spaced("250 millis")),
        Effect.forkScoped
      )

      const watch = (stream: string, hear: (event: RecordedEvent) => void) =>
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
      return ConversationTail.of({
        watch: (conversationId, hear) => watch(conversationStream(conversationId), hear),
        watchAll: (hear) => watch(everything, hear)
      })
    })
  )
}

/** No stream has this name. */
const everything = ""
