/**
 * GET …/:id/export and POST …/import: conversations as files.
 *
 * Owns: the routes and their limits. Does not own: the formats (core's `export.ts`, `import.ts`).
 * Invariant: an export is read and written page by page, however long the conversation is.
 */
import { randomUUID } from "node:crypto"
import { ByteSize, DateTime, Effect, Layer, Result, Schema, Stream } from "effect"
import { HttpIncomingMessage, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { CurrentActor } from "@signalbox/core/api/auth.ts"
import { streams } from "@signalbox/core/api/contract.ts"
import { Said } from "@signalbox/core/api/conversations.ts"
import { Invalid } from "@signalbox/core/api/problems.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { conversationStream } from "@signalbox/core/conversation/events.ts"
import {
  beginExport,
  endExport,
  exportEvent,
  ExportFormat,
  type Exporting,
  exportTypes
} from "@signalbox/core/conversation/export.ts"
import { ExportDocument } from "@signalbox/core/conversation/import.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { EventLog, type LogUnavailable } from "@signalbox/core/log/EventLog.ts"
import { answer } from "../edge/answer.ts"
import { rawAuth } from "../edge/auth.ts"
import { oneOf } from "../edge/query.ts"

export const exportPath = streams.conversationExport(":conversationId") as `/${string}`

const largestImport = ByteSize.fromInputUnsafe("32 MiB")
const encodeSaid = Schema.encodeSync(Said)
const decodeDocument = Schema.decodeUnknownResult(ExportDocument)

export const exportRoutes = Layer.unwrap(
  Effect.gen(function* () {
    const conversations = yield* Conversations
    const log = yield* EventLog

    const exported = Effect.gen(function* () {
      const query = yield* HttpServerRequest.ParsedSearchParams
      const { conversationId = "" } = yield* HttpRouter.params
      const format = (yield* oneOf("format", query["format"])) ?? "md"
      if (!Schema.is(ExportFormat)(format))
        return yield* Effect.fail(new Invalid({ detail: `format is md, json or jsonl, not "${format.slice(0, 40)}".` }))
      const view = yield* answer(conversations.load(conversationId))
      const begun = beginExport(format, view, DateTime.formatIso(yield* DateTime.now))
      const events = log.readAll({ stream: conversationStream(conversationId), to: view.version })
      const pieces = Stream.make(begun.text).pipe(Stream.concat(written(format, begun.state, events)))
      return HttpServerResponse.stream(
        pieces.pipe(
          Stream.filter((text) => text !== ""),
          Stream.encodeText,
          Stream.tapError((error) => Effect.logWarning(`the export of ${conversationId} was cut: ${error.message}`))
        ),
        {
          contentType: exportTypes[format],
          headers: {
            "cache-control": "no-store",
            "content-disposition": `attachment; filename="${conversationId}.${format}"`
          }
        }
      )
    })

    const imported = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const query = yield* HttpServerRequest.ParsedSearchParams
      const commandId = (yield* oneOf("commandId", query["commandId"])) ?? randomUUID()
      const json = yield* request.json.pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, largestImport),
        Effect.mapError(() => new Invalid({ detail: "The file is not JSON, or larger than 32 MiB." }))
      )
      const document = decodeDocument(json)
      if (Result.isFailure(document))
        return yield* Effect.fail(
          new Invalid({
            detail: `The file is no export of a conversation (conversation export ID --format json): ${document.failure.message.slice(0, 300)}`
          })
        )
      const { name } = yield* CurrentActor
      const said = yield* answer(conversations.bring(document.success, { commandId, actor: name }))
      return HttpServerResponse.jsonUnsafe(encodeSaid(said), { status: 201 })
    })

    return Layer.mergeAll(
      HttpRouter.add("GET", exportPath, exported).pipe(Layer.provide(rawAuth("read").layer)),
      HttpRouter.add("POST", streams.conversationImport, imported).pipe(Layer.provide(rawAuth("chat").layer))
    )
  })
)

const written = (
  format: ExportFormat,
  start: Exporting,
  events: Stream.Stream<RecordedEvent, LogUnavailable>
): Stream.Stream<string, LogUnavailable> =>
  Stream.suspend(() => {
    let state = start
    return events.pipe(
      Stream.map((event) => {
        const next = exportEvent(format, state, event)
        state = next.state
        return next.text
      }),
      Stream.concat(Stream.suspend(() => Stream.make(endExport(format, state))))
    )
  })
