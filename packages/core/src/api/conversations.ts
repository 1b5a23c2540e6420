/**
 * The part of the HTTP contract that is about conversations and models.
 *
 * Owns: paths, payloads and limits. Does not own: the live stream and exports (raw routes, `streams` in `contract.ts`).
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Attachment, ConversationId } from "../conversation/events.ts"
import { ConversationView } from "../conversation/view.ts"
import { RecordedEvent } from "../log/Event.ts"
import { ProviderInfo } from "../model/message.ts"
import { Accepted, Auth, command, failures, Limit, Needs } from "./auth.ts"
import { Invalid, NotFound, Unavailable } from "./problems.ts"

/** In UTF-16 code units; the event as a whole is at most 1 MiB. */
export const longestMessage = 200_000
export const longestAttachment = 600_000

const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(longestMessage))
const Title = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))
const Attachments = Schema.Array(
  Schema.Struct({
    name: Attachment.fields.name.check(Schema.isMinLength(1), Schema.isMaxLength(200)),
    text: Attachment.fields.text.check(Schema.isMaxLength(longestAttachment))
  })
).check(Schema.isMaxLength(20))
/** As a person writes it: provider/model, or a model's own name where only one provider has it. */
const ModelName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(240))

export const MessageRequest = Schema.Struct({
  text: Text,
  attachments: Schema.optionalKey(Attachments),
  /** Changes the conversation's model from this reply on. */
  model: Schema.optionalKey(ModelName)
}).annotate({ identifier: "MessageRequest" })
export type MessageRequest = typeof MessageRequest.Type

export const ConversationRequest = Schema.Struct({
  /** Default: what `model use` chose, else the first configured provider's first model. */
  model: Schema.optionalKey(ModelName),
  title: Schema.optionalKey(Title),
  system: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100_000))),
  /** Carry over the caller's last summaries (at most 50); default false. */
  carrySummaries: Schema.optionalKey(Schema.Boolean),
  /** Whether the model may call tools; default true. */
  tools: Schema.optionalKey(Schema.Boolean),
  /** The first message. */
  first: Schema.optionalKey(Schema.Struct({ text: Text, attachments: Schema.optionalKey(Attachments) }))
}).annotate({ identifier: "ConversationRequest" })
export type ConversationRequest = typeof ConversationRequest.Type

/** `replyId` is null where nothing was said yet. */
export const Said = Schema.Struct({
  conversationId: ConversationId,
  replyId: Schema.NullOr(Schema.String),
  position: Schema.Int,
  /** Version of the conversation's last event by this command: follow its live stream from the next one. */
  version: Schema.Int
}).annotate({ identifier: "Said" })
export type Said = typeof Said.Type

export const SearchHit = Schema.Struct({
  conversationId: Schema.String,
  title: Schema.String,
  version: Schema.Int,
  role: Schema.Literals(["user", "assistant", "summary"]),
  at: Schema.String,
  /** The text around the hit; « and » stand around what was found. */
  excerpt: Schema.String
}).annotate({ identifier: "SearchHit" })
export type SearchHit = typeof SearchHit.Type

const one = { params: { conversationId: ConversationId }, error: failures } as const

export class ConversationsGroup extends HttpApiGroup.make("conversations")
  .add(
    /** Last touched first. */
    HttpApiEndpoint.get("list", "/", {
      query: {
        archived: Schema.optionalKey(Schema.Literals(["true", "false", "all"])),
        client: Schema.optionalKey(Schema.String),
        /** Case-insensitive part of title, last words or id. */
        text: Schema.optionalKey(Schema.String),
        /** Only those that come after this one in the list: the next page. */
        before: Schema.optionalKey(ConversationId),
        limit: Schema.optionalKey(Limit)
      },
      success: Schema.Struct({ conversations: Schema.Array(ConversationView), position: Schema.Int }),
      error: [Invalid, Unavailable]
    }).annotate(Needs, "read"),
    /** Full text over all conversations, best first. */
    HttpApiEndpoint.get("search", "/search", {
      query: {
        q: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500)),
        limit: Schema.optionalKey(Limit)
      },
      success: Schema.Struct({ hits: Schema.Array(SearchHit) }),
      error: [Invalid, Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("start", "/", {
      payload: Schema.Struct({ ...ConversationRequest.fields, ...command }),
      success: Said.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.get("get", "/:conversationId", {
      params: { conversationId: ConversationId },
      success: Schema.Struct({ conversation: ConversationView, position: Schema.Int }),
      error: [NotFound, Unavailable]
    }).annotate(Needs, "read"),
    /** Its events, for folding a transcript: the last `limit` ones below `before` (a version), oldest first. */
    HttpApiEndpoint.get("events", "/:conversationId/events", {
      params: { conversationId: ConversationId },
      query: { before: Schema.optionalKey(Schema.Int), limit: Schema.optionalKey(Limit) },
      success: Schema.Struct({ events: Schema.Array(RecordedEvent), more: Schema.Boolean }),
      error: [NotFound, Invalid, Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("send", "/:conversationId/messages", {
      ...one,
      payload: Schema.Struct({ ...MessageRequest.fields, ...command }),
      success: Said.pipe(HttpApiSchema.status(201))
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.post("regenerate", "/:conversationId/regenerate", {
      ...one,
      payload: Schema.Struct({ ...command, model: Schema.optionalKey(ModelName) }),
      success: Said.pipe(HttpApiSchema.status(201))
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.post("interrupt", "/:conversationId/interrupt", {
      ...one,
      payload: Schema.Struct(command),
      success: Accepted
    }).annotate(Needs, "chat"),
    /** A person's yes or no to a tool call of the open reply. */
    HttpApiEndpoint.post("decideCall", "/:conversationId/calls/:callId", {
      params: { conversationId: ConversationId, callId: Schema.String },
      payload: Schema.Struct({ ...command, approve: Schema.Boolean }),
      success: Accepted,
      error: failures
    }).annotate(Needs, "task"),
    HttpApiEndpoint.post("changeModel", "/:conversationId/model", {
      ...one,
      payload: Schema.Struct({ ...command, model: ModelName }),
      success: Schema.Struct({ model: Schema.String, position: Schema.Int })
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.post("summarize", "/:conversationId/summarize", {
      ...one,
      payload: Schema.Struct(command),
      success: Accepted
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.post("rename", "/:conversationId/rename", {
      ...one,
      payload: Schema.Struct({ ...command, title: Title }),
      success: Accepted
    }).annotate(Needs, "chat"),
    HttpApiEndpoint.post("archive", "/:conversationId/archive", {
      ...one,
      payload: Schema.Struct({ ...command, archived: Schema.Boolean }),
      success: Accepted
    }).annotate(Needs, "chat"),
    /** A new conversation with everything up to `version` of this one. */
    HttpApiEndpoint.post("fork", "/:conversationId/fork", {
      ...one,
      payload: Schema.Struct({ ...command, version: Schema.optionalKey(Schema.Int), title: Schema.optionalKey(Title) }),
      success: Said.pipe(HttpApiSchema.status(201))
    }).annotate(Needs, "chat")
  )
  .middleware(Auth)
  .prefix("/api/v1/conversations") {}

export class ModelsGroup extends HttpApiGroup.make("models")
  .add(
    /** Lists younger than five minutes are answered from memory; `refresh` asks the providers again. */
    HttpApiEndpoint.get("list", "/", {
      query: { refresh: Schema.optionalKey(Schema.Literals(["true", "false"])) },
      success: Schema.Struct({
        providers: Schema.Array(ProviderInfo),
        /** What new conversations begin with; null: nothing is configured. */
        current: Schema.NullOr(Schema.String)
      }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("use", "/use", {
      payload: Schema.Struct({ ...command, model: ModelName }),
      success: Schema.Struct({ model: Schema.String, position: Schema.Int }),
      error: failures
    }).annotate(Needs, "setting")
  )
  .middleware(Auth)
  .prefix("/api/v1/models") {}
