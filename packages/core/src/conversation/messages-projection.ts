/**
 * The read models of what was said and what it took: `read.message`, `read.model_call`, and `read.talk` beside them.
 *
 * Owns: which event makes which row, and writing them set-wise. Does not own: how they are asked (`search.ts`, the report views).
 * Invariants: a row is made by one event and never changes; a usage is in exactly one row of `read.model_call`; what happened
 * elsewhere (the events of an import) is readable and searchable, and counted as no call of ours.
 */
import { Effect, Result } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import type { Cost, Usage } from "../model/message.ts"
import { modelOf, providerOf } from "../model/ref.ts"
import { Db } from "../postgres/Db.ts"
import type { Projection } from "../projection/Projection.ts"
import { type Attachment, type ConversationEvent, conversationEvents, conversationIdOf } from "./events.ts"
import { forIndex, indexed } from "./words.ts"

export const messagesProjection: Projection = {
  name: "message",
  version: 1,
  tables: ["talk", "message", "model_call"],
  types: [
    "ConversationStarted",
    "MessagesCopied",
    "MessageSent",
    "ReplyStepped",
    "ReplyCompleted",
    "ReplyFailed",
    "ReplyInterrupted",
    "ConversationSummarized",
    "SummaryFailed"
  ],
  apply: (recorded) =>
    Effect.gen(function* () {
      const talks: Array<TalkRow> = []
      let messages: Array<MessageRow> = []
      const calls: Array<CallRow> = []
      let size = 0
      for (const one of recorded) {
        const decoded = conversationEvents.decode(one)
        if (Result.isFailure(decoded)) return yield* decoded.failure
        const event = decoded.success
        if (event === undefined) continue
        if (event._tag === "ConversationStarted") talks.push(talkOf(event))
        calls.push(...callsOf(event, one))
        for (const message of messagesOf(event, one)) {
          messages.push(message)
          size += message.text.length * 2 + (message.attached?.length ?? 0)
          if (size < shareCharacters) continue
          // those that the rows belong to must be there before them
          yield* writeTalks(talks.splice(0))
          yield* writeMessages(messages)
          messages = []
          size = 0
        }
      }
      yield* writeTalks(talks)
      yield* writeMessages(messages)
      yield* writeCalls(calls)
    })
}

const shareCharacters = 1_000_000

interface TalkRow {
  readonly conversation_id: string
  readonly client: string
  readonly imported_through: number
}
interface MessageRow {
  readonly conversation_id: string
  readonly version: number
  readonly nth: number
  readonly role: "user" | "assistant" | "summary"
  readonly text: string
  readonly attached: string | null
  readonly model: string | null
  readonly actor: string
  readonly at: string
  readonly reply_id: string | null
  readonly outcome: string | null
  readonly words: string
}
interface CallRow {
  readonly conversation_id: string
  readonly version: number
  readonly kind: "reply" | "summary"
  readonly outcome: string
  readonly reply_id: string | null
  readonly provider: string
  readonly model: string
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cached_input_tokens: number | null
  readonly cache_write_tokens: number | null
  readonly reasoning_tokens: number | null
  readonly cost_usd: number | null
  readonly prices_of: string | null
  readonly first_token_ms: number | null
  readonly latency_ms: number
  readonly failure: string | null
  readonly actor: string
  readonly at: string
}

const talkOf = (event: Extract<ConversationEvent, { readonly _tag: "ConversationStarted" }>): TalkRow => ({
  conversation_id: event.conversationId,
  client: event.client,
  imported_through: event.imported?.through ?? 0
})

const messagesOf = (event: ConversationEvent, recorded: RecordedEvent): ReadonlyArray<MessageRow> => {
  const row = (
    role: MessageRow["role"],
    text: string,
    more: Partial<MessageRow> & { readonly attachments?: ReadonlyArray<Attachment> } = {}
  ): MessageRow => {
    const { attachments = [], ...fields } = more
    const attached = attachments.map((one) => `${one.name}\n${one.text}`).join("\n")
    return {
      conversation_id: conversationIdOf(recorded.stream),
      version: recorded.version,
      nth: 0,
      role,
      text,
      attached: attached === "" ? null : attached,
      model: null,
      actor: recorded.actor,
      at: recorded.at,
      reply_id: null,
      outcome: null,
      words: forIndex(attached === "" ? text : `${text.slice(0, indexed)}\n${attached}`),
      ...fields
    }
  }
  switch (event._tag) {
    case "MessageSent":
      return [row("user", event.text, { attachments: event.attachments ?? [] })]
    case "MessagesCopied":
      return event.messages.map((one, nth) =>
        row(one.role, one.text, {
          nth,
          at: one.at,
          model: one.model ?? null,
          outcome: "copied",
          attachments: one.attachments ?? []
        })
      )
    case "ReplyStepped":
    case "ReplyCompleted":
    case "ReplyFailed":
    case "ReplyInterrupted":
      return event.text === ""
        ? []
        : [row("assistant", event.text, { model: event.model, reply_id: event.replyId, outcome: outcomes[event._tag] })]
    case "ConversationSummarized":
      return [row("summary", event.text, { model: event.model })]
    default:
      return []
  }
}

const outcomes = {
  ReplyStepped: "stepped",
  ReplyCompleted: "completed",
  ReplyFailed: "failed",
  ReplyInterrupted: "interrupted",
  ConversationSummarized: "summarized",
  SummaryFailed: "failed"
} as const

const callsOf = (event: ConversationEvent, recorded: RecordedEvent): ReadonlyArray<CallRow> => {
  switch (event._tag) {
    case "ReplyStepped":
    case "ReplyCompleted":
    case "ReplyInterrupted":
      return [callOf(event, recorded, "reply", event.replyId)]
    case "ReplyFailed":
      return [callOf(event, recorded, "reply", event.replyId, event.kind)]
    case "ConversationSummarized":
      return [callOf(event, recorded, "summary", null)]
    case "SummaryFailed":
      return [callOf(event, recorded, "summary", null, event.kind)]
    default:
      return []
  }
}

const callOf = (
  event: {
    readonly _tag: keyof typeof outcomes
    readonly model: string
    readonly usage: Usage | null
    readonly cost: Cost
    readonly firstTokenMs: number | null
    readonly latencyMs: number
  },
  { stream, version, actor, at }: RecordedEvent,
  kind: CallRow["kind"],
  replyId: string | null,
  failure: string | null = null
): CallRow => ({
  conversation_id: conversationIdOf(stream),
  version,
  kind,
  outcome: outcomes[event._tag],
  reply_id: replyId,
  provider: providerOf(event.model),
  model: modelOf(event.model),
  input_tokens: event.usage?.inputTokens ?? null,
  output_tokens: event.usage?.outputTokens ?? null,
  cached_input_tokens: event.usage?.cachedInputTokens ?? null,
  cache_write_tokens: event.usage?.cacheWriteTokens ?? null,
  reasoning_tokens: event.usage?.reasoningTokens ?? null,
  cost_usd: event.cost?.usd ?? null,
  prices_of: event.cost?.pricesOf ?? null,
  first_token_ms: event.firstTokenMs,
  latency_ms: event.latencyMs,
  failure,
  actor,
  at
})

const writeTalks = Effect.fnUntraced(function* (rows: ReadonlyArray<TalkRow>) {
  if (rows.length === 0) return
  const db = yield* Db
  yield* db.query("write talk", (sql) => sql`insert into talk ${sql(rows)} on conflict do nothing`)
})

const writeMessages = Effect.fnUntraced(function* (rows: ReadonlyArray<MessageRow>) {
  if (rows.length === 0) return
  const db = yield* Db
  yield* db.query(
    "write message",
    (sql) => sql`
      insert into message (conversation_id, version, nth, role, text, attached, model, actor, client, at, reply_id, outcome, search)
      select r.conversation_id, r.version, r.nth, r.role, r.text, r.attached, r.model, r.actor, t.client, r.at, r.reply_id,
        r.outcome, to_tsvector('simple', r.words)
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r (conversation_id text, version int, nth int, role text,
        text text, attached text, model text, actor text, at text, reply_id text, outcome text, words text)
      join talk t on t.conversation_id = r.conversation_id
      on conflict do nothing`
  )
})

const writeCalls = Effect.fnUntraced(function* (rows: ReadonlyArray<CallRow>) {
  if (rows.length === 0) return
  const db = yield* Db
  yield* db.query(
    "write model_call",
    (sql) => sql`
      insert into model_call (${sql(callColumns)}, client)
      select ${sql(callColumns.map((name) => `r.${name}`))}, t.client
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r (conversation_id text, version int, kind text, outcome text,
        reply_id text, provider text, model text, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint,
        cache_write_tokens bigint, reasoning_tokens bigint, cost_usd numeric, prices_of text, first_token_ms numeric,
        latency_ms numeric, failure text, actor text, at text)
      join talk t on t.conversation_id = r.conversation_id and r.version > t.imported_through
      on conflict do nothing`
  )
})

const callColumns = [
  "conversation_id",
  "version",
  "kind",
  "outcome",
  "reply_id",
  "provider",
  "model",
  "input_tokens",
  "output_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "cost_usd",
  "prices_of",
  "first_token_ms",
  "latency_ms",
  "failure",
  "actor",
  "at"
] satisfies ReadonlyArray<keyof CallRow>
