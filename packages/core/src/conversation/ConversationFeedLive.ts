/**
 * One conversation as it happens, out of the log and the live text.
 *
 * Owns: each follower's frames and where they begin. Does not own: what the followers of a conversation share (`LiveRooms.ts`),
 * the transport (`LiveText`), the events, HTTP.
 * Invariants: a follower pulls with a cursor, so a slow one holds nothing but its place; before a step or an outcome that happens
 * while it follows comes the rest of the text, so that the deltas of a reply are all of its text, step after step.
 */
import { Effect, Layer, Option, Schedule, Stream } from "effect"
import type { Commands } from "../log/Commands.ts"
import { decodeAll, type EventNotDecodable, type RecordedEvent } from "../log/Event.ts"
import { EventLog, LogUnavailable } from "../log/EventLog.ts"
import { Db, type Sql } from "../postgres/Db.ts"
import { ConversationFeed, type ConversationFrame } from "./ConversationFeed.ts"
import { ConversationTail } from "./ConversationTail.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "./events.ts"
import { type LiveRoom, makeLiveRooms } from "./LiveRooms.ts"
import type { LiveText } from "./LiveText.ts"

const page = 200
/** A log that is away is asked again for so long. */
const patience = Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "1 minute" }))

/** The reply that is open at a follower's place. */
interface Open {
  readonly replyId: string
  /** Text of the steps that have ended. */
  readonly said: string
  /** How much of the whole text was delivered. */
  readonly at: number
  readonly thoughts: number
}
interface Place {
  /** Next version wanted. */
  readonly version: number
  /** The stream's last version at the start: what is older is history and comes without deltas. */
  readonly goal: number
  readonly open: Open | undefined
  /** It has read the log to its end: what comes from now on is heard. */
  readonly caught: boolean
}

export const ConversationFeedLive: Layer.Layer<ConversationFeed, never, Commands | Db | EventLog | LiveText> =
  Layer.effect(
    ConversationFeed,
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const rooms = yield* makeLiveRooms
      const read = (stream: string, from: number, limit: number) =>
        Effect.retry(log.page({ stream, from, limit }), patience)

      const begin = Effect.fnUntraced(function* (stream: string, from: number) {
        const [row] = yield* db.query("find the place in the conversation", (sql) => placeQuery(sql, stream, from))
        let open: Open | undefined
        for (let version = row?.asked ?? from; version < from;) {
          const { events } = yield* read(stream, version, Math.min(page, from - version))
          if (events.length === 0) break
          for (const event of events) open = opened(open, yield* decoded(event))
          version += events.length
        }
        const place: Place = { version: from, goal: row?.head ?? 0, open, caught: false }
        return place
      })

      const pull = Effect.fnUntraced(function* (room: LiveRoom, stream: string, start: Place) {
        let place = start
        for (;;) {
          const rung = room.rung()
          let events = place.caught ? room.from(place.version) : undefined
          if (events === undefined) {
            const found = yield* read(stream, place.version, page)
            place = { ...place, caught: !found.more }
            events = found.events
          }
          const frames: Array<ConversationFrame> = []
          for (const event of events) {
            const told = tell(place, event, yield* decoded(event))
            frames.push(...told.frames)
            place = told.place
          }
          if (frames.length === 0 && place.caught && place.open !== undefined) {
            const heard = listen(place.open, room)
            frames.push(...heard.frames)
            place = { ...place, open: heard.open }
          }
          if (frames.length > 0) return [frames, Option.some(place)] as const
          if (place.caught && events.length === 0) yield* room.wait(rung)
        }
      })

      return ConversationFeed.of({
        follow: (conversationId, from) =>
          Stream.unwrap(
            Effect.gen(function* () {
              const stream = conversationStream(conversationId)
              const room = yield* rooms.enter(conversationId)
              const place = yield* begin(stream, Math.max(1, from))
              return Stream.paginate(place, (at) => pull(room, stream, at))
            })
          ).pipe(Stream.scoped)
      })
    })
  ).pipe(Layer.provide(ConversationTail.layer))

/** By the stream's own index: of all conversations there may be millions of requests. The stream's end, and where the reply that may be open before `from` was asked for. */
export const placeQuery = (sql: Sql, stream: string, from: number) => sql<
  { head: number | null; asked: number | null }[]
>`
  select (select max(version) from log.event where stream = ${stream}) as head,
    (select version from log.event where stream = ${stream} and version < ${from} and type || '' = 'ReplyRequested'
      order by version desc limit 1) as asked`

const decoded = (event: RecordedEvent): Effect.Effect<ConversationEvent | undefined, LogUnavailable> =>
  decodeAll(conversationEvents, [event]).pipe(
    Effect.map(([one]) => one),
    Effect.mapError((error: EventNotDecodable) => new LogUnavailable({ reason: error.message }))
  )

const opened = (open: Open | undefined, event: ConversationEvent | undefined): Open | undefined => {
  switch (event?._tag) {
    case "ReplyRequested":
      return { replyId: event.replyId, said: "", at: 0, thoughts: 0 }
    case "ReplyStepped":
      return open?.replyId === event.replyId ? { ...open, said: open.said + event.text } : open
    case "ReplyCompleted":
    case "ReplyFailed":
    case "ReplyInterrupted":
      return open?.replyId === event.replyId ? undefined : open
    default:
      return open
  }
}

/** The event, and before it what of the reply's text it makes final. */
const tell = (place: Place, recorded: RecordedEvent, event: ConversationEvent | undefined) => {
  const frames: Array<ConversationFrame> = []
  const { open } = place
  let next = opened(open, event)
  const final = event !== undefined && "text" in event && "replyId" in event && event._tag !== "ToolAnswered"
  if (final && open?.replyId === event.replyId && recorded.version > place.goal) {
    const text = (open.said + event.text).slice(open.at)
    if (text !== "") frames.push({ _tag: "Delta", replyId: open.replyId, from: open.at, text })
    if (next !== undefined) next = { ...next, at: open.at + text.length }
  }
  frames.push({ _tag: "Event", event: recorded })
  return { frames, place: { ...place, open: next, version: recorded.version + 1 } }
}

const listen = (open: Open, room: LiveRoom): { readonly frames: ReadonlyArray<ConversationFrame>; open: Open } => {
  const { replyId } = open
  const live = room.open(replyId)
  const text = live.text.slice(open.at)
  if (text !== "")
    return {
      frames: [{ _tag: "Delta", replyId, from: open.at, text }],
      open: { ...open, at: open.at + text.length, thoughts: live.thoughts }
    }
  return live.thoughts > open.thoughts
    ? { frames: [{ _tag: "Thinking", replyId }], open: { ...open, thoughts: live.thoughts } }
    : { frames: [], open }
}
