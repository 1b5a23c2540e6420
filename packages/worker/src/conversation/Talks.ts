/**
 * Conversations as this worker knows them: read from the log once, kept up to date, forgotten when others need the room.
 *
 * Owns: reading a conversation from its last summary on, and what is remembered. Does not own: the fold (core's `memory.ts`).
 * Invariants: an answer holds everything that was in the log when it was asked for; memory is bounded by bytes.
 */
import { Context, Effect, Layer, Result } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { evolveTalk, type Talk } from "@signalbox/core/conversation/memory.ts"
import type { TranscriptEntry } from "@signalbox/core/conversation/transcript.ts"
import { weigh } from "@signalbox/core/log/Commands.ts"
import type { EventNotDecodable, RecordedEvent } from "@signalbox/core/log/Event.ts"
import { EventLog, type LogUnavailable } from "@signalbox/core/log/EventLog.ts"
import { Db, type DbError, type Sql } from "@signalbox/core/postgres/Db.ts"

const page = 500
const remembered = 64
const rememberedBytes = 32 * 1_048_576

export class Talks extends Context.Service<
  Talks,
  {
    /** Undefined: there is no such conversation. */
    readonly load: (
      conversationId: string
    ) => Effect.Effect<Talk | undefined, LogUnavailable | DbError | EventNotDecodable>
    /** What was heard of it so far, without asking; undefined: nothing is remembered. */
    readonly recent: (conversationId: string) => Talk | undefined
  }
>()("@signalbox/worker/conversation/Talks") {
  static readonly layer: Layer.Layer<Talks, never, ConversationTail | Db | EventLog> = Layer.effect(
    Talks,
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const memory = makeMemory()
      const tail = yield* ConversationTail
      yield* Effect.forkScoped(
        Effect.andThen(
          tail.watchAll((event) => hear(memory, event)),
          Effect.never
        )
      )

      const catchUp = Effect.fnUntraced(function* (stream: string, known: Talk | undefined, first: number) {
        let talk = known
        let from = first
        for (;;) {
          const { events, more } = yield* log.page({ stream, from, limit: page })
          talk = yield* fold(talk, events)
          from += events.length
          if (!more) return talk
        }
      })
      const fromStart = Effect.fnUntraced(function* (stream: string) {
        const [beginning, [row]] = yield* Effect.all(
          [
            log.page({ stream, from: 1, limit: page }),
            db.query("find the last summary", (sql) => summaryQuery(sql, stream))
          ],
          { concurrency: 2 }
        )
        const { events, more } = beginning
        const through = row?.through ?? 0
        if (through > 0) return yield* catchUp(stream, yield* fold(undefined, events.slice(0, 1)), through + 1)
        const talk = yield* fold(undefined, events)
        return more ? yield* catchUp(stream, talk, events.length + 1) : talk
      })
      return Talks.of({
        recent: (conversationId) => memory.recall(conversationStream(conversationId)),
        load: (conversationId) =>
          Effect.gen(function* () {
            const stream = conversationStream(conversationId)
            const known = memory.recall(stream)
            const talk =
              known === undefined ? yield* fromStart(stream) : yield* catchUp(stream, known, known.version + 1)
            if (talk !== undefined && talk !== known) memory.keep(stream, talk)
            return talk
          })
      })
    })
  )
}

/** By the stream's own index: the newest summary is near its end. */
export const summaryQuery = (sql: Sql, stream: string) => sql<{ through: number }[]>`
  select (data ->> 'throughVersion')::int as through from log.event
  where stream = ${stream} and type || '' = 'ConversationSummarized' order by version desc limit 1`

const fold = Effect.fnUntraced(function* (from: Talk | undefined, events: ReadonlyArray<RecordedEvent>) {
  let talk = from
  for (const recorded of events) {
    const event = yield* Effect.fromResult(conversationEvents.decode(recorded))
    if (event !== undefined) talk = evolveTalk(talk, event, recorded)
    else if (talk !== undefined) talk = { ...talk, version: recorded.version }
  }
  return talk
})

/** Those that are remembered, and new ones, are kept up to date by what is heard anyway. */
const hear = (memory: Memory, recorded: RecordedEvent): void => {
  const known = memory.recall(recorded.stream)
  if (recorded.version !== (known?.version ?? 0) + 1) return
  const event = Result.getOrUndefined(conversationEvents.decode(recorded))
  const talk = event === undefined ? undefined : evolveTalk(known, event, recorded)
  if (talk !== undefined) memory.keep(recorded.stream, talk)
}
type Memory = ReturnType<typeof makeMemory>

/** What a talk holds, about; an entry is weighed once, however often its talk grows. */
const weightOf = ({ view, memory }: Talk): number =>
  weigh(view) +
  weigh({ ...memory, entries: [] }) +
  memory.entries.reduce((sum, entry) => {
    const known = weights.get(entry) ?? weigh(entry)
    weights.set(entry, known)
    return sum + known
  }, 0)
const weights = new WeakMap<TranscriptEntry, number>()

/** The last ones used. */
const makeMemory = () => {
  const kept = new Map<string, { readonly talk: Talk; readonly bytes: number }>()
  let size = 0
  const drop = (stream: string): void => {
    size -= kept.get(stream)?.bytes ?? 0
    kept.delete(stream)
  }
  return {
    recall: (stream: string): Talk | undefined => kept.get(stream)?.talk,
    keep: (stream: string, talk: Talk): void => {
      if ((kept.get(stream)?.talk.version ?? 0) > talk.version) return
      drop(stream)
      const bytes = weightOf(talk)
      kept.set(stream, { talk, bytes })
      size += bytes
      for (const oldest of kept.keys()) {
        if (kept.size <= remembered && size <= rememberedBytes) break
        drop(oldest)
      }
    }
  }
}
