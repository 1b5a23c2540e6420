/** `conversation list`, `show` and `search`. */
import { Clock, Effect, Result, Schema } from "effect"
import { SearchHit } from "@signalbox/core/api/conversations.ts"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import { entryInMarkdown } from "@signalbox/core/conversation/export-markdown.ts"
import { evolveTranscript, type TranscriptEntry } from "@signalbox/core/conversation/transcript.ts"
import { ConversationView } from "@signalbox/core/conversation/view.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { scrub } from "../chat/scrub.ts"
import { withConnection } from "../client/HubConnection.ts"
import { readHub } from "../client/read.ts"
import { answer, cannotTell } from "../output.ts"

export interface ListFlags {
  readonly text: string | undefined
  readonly client: string | undefined
  readonly archived: boolean
  readonly all: boolean
  readonly limit: number
}

const Listed = Schema.Struct({ conversations: Schema.Array(ConversationView) })
const Got = Schema.Struct({ conversation: ConversationView })
const Events = Schema.Struct({ events: Schema.Array(RecordedEvent), more: Schema.Boolean })
const Found = Schema.Struct({ hits: Schema.Array(SearchHit) })
const encode = Schema.encodeSync(Schema.toCodecJson(ConversationView))
/** What nobody told is null, and not zero. */
const json = (view: ConversationView): Schema.Json => ({
  ...(encode(view) as Schema.JsonObject),
  ...(view.inputTokens + view.outputTokens === 0 && view.uncounted > 0
    ? { inputTokens: null, outputTokens: null }
    : {}),
  ...(view.costUsd === 0 && view.unpriced + view.uncounted > 0 ? { costUsd: null } : {})
})

export const list = (flags: ListFlags) =>
  withConnection(
    Effect.gen(function* () {
      yield* within(flags.limit)
      const { conversations } = yield* readHub(
        "/api/v1/conversations",
        {
          limit: flags.limit,
          text: flags.text,
          client: flags.client,
          archived: flags.all ? "all" : String(flags.archived)
        },
        Listed
      )
      const now = yield* Clock.currentTimeMillis
      yield* answer({ conversations: conversations.map(json) }, () =>
        conversations.length === 0
          ? "No conversations."
          : import("./screen.ts").then(({ rows }) => rows(conversations, now))
      )
    })
  )

const within = (limit: number) =>
  limit < 1 || limit > 1000 ? Effect.fail(cannotTell("--limit must be between 1 and 1000.")) : Effect.void

export const show = (conversationId: string, last: number | undefined) =>
  withConnection(
    Effect.gen(function* () {
      if (last !== undefined && last < 1) return yield* Effect.fail(cannotTell("--last must be 1 or more."))
      const at = `/api/v1/conversations/${encodeURIComponent(conversationId)}`
      const { conversation } = yield* readHub(at, {}, Got)
      const pages: Array<ReadonlyArray<RecordedEvent>> = []
      let before: number | undefined
      do {
        const page: typeof Events.Type = yield* readHub(`${at}/events`, { limit: 1000, before }, Events)
        pages.unshift(page.events)
        before = page.more ? page.events[0]?.version : undefined
      } while (before !== undefined)
      const all = transcript(pages.flat())
      const entries = last === undefined ? all : all.slice(-last)
      yield* answer({ conversation: json(conversation), transcript: toJson(entries) }, () =>
        import("./screen.ts").then(({ heading }) =>
          scrub(`${heading(conversation)}\n\n${entries.map(entryInMarkdown).join("")}`).trimEnd()
        )
      )
    })
  )

/** Entries hold nothing but JSON. */
const toJson = (entries: ReadonlyArray<TranscriptEntry>): Schema.Json => JSON.parse(JSON.stringify(entries))

const transcript = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<TranscriptEntry> => {
  let entries: ReadonlyArray<TranscriptEntry> = []
  for (const recorded of events) {
    const event = conversationEvents.decode(recorded)
    if (Result.isSuccess(event) && event.success !== undefined)
      entries = evolveTranscript(entries, event.success, recorded)
  }
  return entries
}

export const search = (query: string, limit: number) =>
  withConnection(
    Effect.gen(function* () {
      yield* within(limit)
      const { hits } = yield* readHub("/api/v1/conversations/search", { q: query, limit }, Found)
      yield* answer({ hits: hits.map((hit) => ({ ...hit })) }, () =>
        hits.length === 0 ? "Nothing was found." : import("./screen.ts").then(({ found }) => found(hits))
      )
    })
  )
