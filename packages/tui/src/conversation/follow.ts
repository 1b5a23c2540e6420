/**
 * Follows one conversation: its last page, then what happens, as events and as text that is being written.
 *
 * Owns: the order page → live stream, resuming, the state the screen tells. Does not own: the fold (`talk.ts`), framing (core's
 * `sse.ts`).
 * Invariants: nothing is missing between page and stream; a short pause first, so that moving through a list does not open a
 * connection per row; a stream that the hub refuses is said, with the reason.
 */
import { Effect, type Redacted, Result, Schedule, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import type { Store } from "../store.ts"
import {
  emptyTalk,
  firstVersion,
  lastVersion,
  type Talk,
  talkDelta,
  talkEvent,
  talkPage,
  talkThinking
} from "./talk.ts"

export const pageSize = 200

const decodeEvent = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))
const Delta = Schema.fromJsonString(Schema.Struct({ replyId: Schema.String, from: Schema.Int, text: Schema.String }))
const decodeDelta = Schema.decodeUnknownResult(Delta)
const decodeThinking = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Struct({ replyId: Schema.String })))

export interface FollowOptions {
  readonly baseUrl: string
  readonly token: Redacted.Redacted
  readonly conversationId: string
  readonly store: Store
  readonly sentence: (error: unknown) => string
}

export const followTalk = (options: FollowOptions): Effect.Effect<void, never, HubClient> => {
  const { store, conversationId, baseUrl, token, sentence } = options
  const change = (to: (talk: Talk) => Talk) => Effect.sync(() => store.chats.changeTalk(conversationId, to))
  const state = (now: Talk["state"], problem?: string) => change((talk) => ({ ...talk, state: now, problem }))
  const first = HubClient.use((hub) =>
    hub.conversations.events({ params: { conversationId }, query: { limit: pageSize } })
  ).pipe(
    Effect.tapError((error) => (passing(error) ? state("reconnecting", sentence(error)) : Effect.void)),
    Effect.retry({ schedule: backoff, while: passing })
  )
  return Effect.gen(function* () {
    store.chats.setTalk(emptyTalk(conversationId))
    yield* Effect.sleep("60 millis")
    const page = yield* first
    yield* change((talk) => ({ ...talkPage(talk, page.events, page.more), state: "live" }))
    // A reply of very many steps may have been asked for before the page: its text has no place without that.
    for (let i = 0; i < 20; i++) {
      const talk = store.chats.talk
      const open = store.chats.view(conversationId)?.open?.version
      const before = talk === undefined ? undefined : firstVersion(talk)
      if (open === undefined || before === undefined || before <= open || talk?.more !== true) break
      const older = yield* HubClient.use((hub) =>
        hub.conversations.events({ params: { conversationId }, query: { before, limit: pageSize } })
      )
      yield* change((now) => talkPage(now, older.events, older.more))
    }
    const from = (store.chats.talk === undefined ? 0 : lastVersion(store.chats.talk)) + 1
    yield* follow({ url: new URL(`${streams.conversation(conversationId)}?from=${from}`, baseUrl).href, token }).pipe(
      Stream.runForEach((line) => {
        if (line._tag === "Down") return state("reconnecting", line.reason)
        if (line._tag === "Up") return state("live")
        const { event, data } = line.frame
        if (event === "event") {
          const decoded = decodeEvent(data)
          return Result.isSuccess(decoded) ? change((talk) => talkEvent(talk, decoded.success)) : unreadable
        }
        if (event === "delta") {
          const decoded = decodeDelta(data)
          if (Result.isFailure(decoded)) return unreadable
          const { replyId, from: at, text } = decoded.success
          return change((talk) => talkDelta(talk, replyId, at, text))
        }
        if (event === "thinking") {
          const decoded = decodeThinking(data)
          return Result.isSuccess(decoded) ? change((talk) => talkThinking(talk, decoded.success.replyId)) : unreadable
        }
        return Effect.void
      })
    )
  }).pipe(Effect.catch((error) => state("failed", sentence(error))))
}

/** A frame that is not understood must not end the stream. */
const unreadable = Effect.void

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : ""
/** Not found, too: the event that made the conversation may be here before the hub's read model has seen it. */
const passing = (error: unknown): boolean =>
  tagOf(error) === "HttpClientError" || tagOf(error) === "Unavailable" || tagOf(error) === "NotFound"
const backoff = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("3 seconds")])
