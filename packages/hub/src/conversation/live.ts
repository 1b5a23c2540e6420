/**
 * GET /api/v1/conversations/:id/live: one conversation as Server-Sent Events.
 *
 * Owns: the query, the resume version, frames and heartbeats. Does not own: what comes in which order (`ConversationFeed`).
 * Invariants: `Last-Event-ID` wins over `from`; only events have an id, so a reader that comes back in the middle of a reply gets
 * its text again from 0; a slow reader is waited for, no queue grows for it; the stream ends when the hub stops.
 */
import { Effect, Layer, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"
import { Invalid } from "@signalbox/core/api/problems.ts"
import { ConversationFeed, type ConversationFrame } from "@signalbox/core/conversation/ConversationFeed.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { answer } from "../edge/answer.ts"
import { Parting, rawAuth } from "../edge/auth.ts"
import { wholeNumber } from "../edge/query.ts"
import { comment, frame, Heartbeat, hello, sseHeaders } from "../edge/sse.ts"

export const livePath = streams.conversation(":conversationId") as `/${string}`

export const liveRoute = Layer.unwrap(
  Effect.gen(function* () {
    const conversations = yield* Conversations
    const feed = yield* ConversationFeed
    const heartbeatMs = yield* Heartbeat
    return HttpRouter.add(
      "GET",
      livePath,
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const query = yield* HttpServerRequest.ParsedSearchParams
        const { conversationId = "" } = yield* HttpRouter.params
        const last = yield* wholeNumber("Last-Event-ID", request.headers["last-event-id"])
        const asked = yield* wholeNumber("from", query["from"])
        const { version } = yield* answer(conversations.load(conversationId))
        const from = last === undefined ? Math.max(1, asked ?? version + 1) : last + 1
        if (from > version + 1) {
          const detail = `The conversation is at version ${version}; there is nothing to follow from ${from}.`
          return yield* Effect.fail(new Invalid({ detail }))
        }
        const frames = feed.follow(conversationId, from).pipe(Stream.map(encode))
        const beats = Stream.tick(heartbeatMs).pipe(
          Stream.drop(1),
          Stream.map(() => comment("ping"))
        )
        return HttpServerResponse.stream(
          Stream.make(hello).pipe(
            Stream.concat(Stream.merge(frames, beats, { haltStrategy: "left" })),
            Stream.tapError((error) => Effect.logWarning(`following ${conversationId} was cut: ${error.message}`)),
            Stream.interruptWhen(yield* Parting)
          ),
          { contentType: "text/event-stream", headers: sseHeaders }
        )
      })
    )
  })
).pipe(Layer.provide(rawAuth("read").layer))

const encode = (one: ConversationFrame): Uint8Array => {
  switch (one._tag) {
    case "Event":
      return frame({ id: String(one.event.version), event: "event", data: JSON.stringify(one.event) })
    case "Delta":
      return frame({
        event: "delta",
        data: JSON.stringify({ replyId: one.replyId, from: one.from, text: one.text })
      })
    case "Thinking":
      return frame({ event: "thinking", data: JSON.stringify({ replyId: one.replyId }) })
  }
}
