/**
 * GET /api/v1/events: the log as Server-Sent Events.
 *
 * Owns: the query and resume position. Does not own: the frames (`EventFeed`).
 * Invariants: `Last-Event-ID` wins over `from`; a position that the log has not reached is refused, for then the client speaks
 * of another log.
 */
import { Effect, Layer, Stream } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { streams } from "@signalbox/core/api/contract.ts"
import { Invalid, Unavailable } from "@signalbox/core/api/problems.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Parting, rawAuth } from "../edge/auth.ts"
import { oneOf, wholeNumber } from "../edge/query.ts"
import { hello, sseHeaders } from "../edge/sse.ts"
import { EventFeed } from "./EventFeed.ts"

export const eventsRoute = Layer.unwrap(
  Effect.gen(function* () {
    const feed = yield* EventFeed
    const log = yield* EventLog
    return HttpRouter.add(
      "GET",
      streams.events,
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const query = yield* HttpServerRequest.ParsedSearchParams
        const last = yield* wholeNumber("Last-Event-ID", request.headers["last-event-id"])
        const asked = yield* wholeNumber("from", query["from"])
        const stream = yield* oneOf("stream", query["stream"])
        const type = yield* oneOf("type", query["type"])
        const from = last === undefined ? Math.max(1, asked ?? 1) : last + 1
        const head = yield* Effect.mapError(log.head, (error) => new Unavailable({ detail: error.message }))
        if (from > head + 1) {
          const detail = `The log ends at position ${head}; there is nothing to follow from ${from}.`
          return yield* Effect.fail(new Invalid({ detail }))
        }
        const frames = feed.frames(from, {
          ...(stream === undefined ? {} : { stream }),
          ...(type === undefined ? {} : { type })
        })
        return HttpServerResponse.stream(
          Stream.make(hello).pipe(
            Stream.concat(frames),
            Stream.tapError((error) => Effect.logWarning(`an event stream was cut: ${error.message}`)),
            Stream.interruptWhen(yield* Parting)
          ),
          { contentType: "text/event-stream", headers: sseHeaders }
        )
      })
    )
  })
).pipe(Layer.provide(rawAuth("read").layer))
