/**
 * The events of a conversation: one stream `conversation/<id>` is one talk between people and models.
 *
 * Owns: payload schemas and the id format. Does not own: when they happen (`decider.ts`), the text while it streams (volatile,
 * and `live.*` tables until the outcome is known).
 * Invariants: a message is named by the version of its event; at most one reply is open at a time; every ReplyRequested is
 * followed by exactly one of ReplyCompleted, ReplyFailed and ReplyInterrupted; tokens that a provider counted are in exactly
 * one event (ReplyStepped, ReplyCompleted, ReplyFailed, ReplyInterrupted, ConversationSummarized, SummaryFailed).
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"
import { Cost, FailureKind, Native, StopReason, ToolCall, Usage } from "../model/message.ts"
import { ModelRef } from "../model/ref.ts"

/** chat-20261120-143022-abc123 */
export const ConversationId = Schema.String.check(
  Schema.isPattern(/^chat-[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$/u, {
    expected: "a conversation id like chat-20261120-143022-abc123"
  })
)

/** What a model call took. Milliseconds from the request; `firstTokenMs` null: nothing came. */
const call = {
  model: ModelRef,
  usage: Schema.NullOr(Usage),
  cost: Cost,
  firstTokenMs: Schema.NullOr(Schema.Number),
  latencyMs: Schema.Number
}

/** Text beside the message: piped input, a file. */
export const Attachment = Schema.Struct({ name: Schema.String, text: Schema.String })
export type Attachment = typeof Attachment.Type

/** A message taken over from another conversation; its calls and costs stay there. */
export const CopiedMessage = Schema.Struct({
  role: Schema.Literals(["user", "assistant"]),
  text: Schema.String,
  at: Schema.String,
  model: Schema.optionalKey(Schema.String),
  attachments: Schema.optionalKey(Schema.Array(Attachment))
})
export type CopiedMessage = typeof CopiedMessage.Type

export const CarriedSummary = Schema.Struct({
  conversationId: Schema.String,
  version: Schema.Int,
  at: Schema.String,
  text: Schema.String
})
export type CarriedSummary = typeof CarriedSummary.Type

export const Imported = Schema.Struct({
  conversationId: ConversationId,
  exportedAt: Schema.String,
  through: Schema.Int,
  was: Schema.Array(Schema.Struct({ at: Schema.String, actor: Schema.String }))
})
export type Imported = typeof Imported.Type

export const ConversationEvent = Schema.TaggedUnion({
  ConversationStarted: {
    conversationId: ConversationId,
    model: ModelRef,
    /** Whose summaries it shares: an actor, or the id of a bridge client. */
    client: Schema.String,
    title: Schema.optionalKey(Schema.String),
    system: Schema.optionalKey(Schema.String),
    /** Summaries of earlier conversations of this client, oldest first, when they were wanted. */
    carried: Schema.optionalKey(Schema.Array(CarriedSummary)),
    /** `version`: the last event of the other one that was taken over. */
    forkOf: Schema.optionalKey(Schema.Struct({ conversationId: ConversationId, version: Schema.Int })),
    /** The events up to version `through` come from an export, one to one; `was` tells when they happened there, and by whom. */
    imported: Schema.optionalKey(Imported),
    /** The model may call tools that start and read tasks. */
    tools: Schema.Boolean
  },
  /** The past of a fork, in order; long ones come as several events. */
  MessagesCopied: { messages: Schema.Array(CopiedMessage) },
  MessageSent: { text: Schema.String, attachments: Schema.optionalKey(Schema.Array(Attachment)) },
  ReplyRequested: {
    replyId: Schema.String.check(Schema.isUUID()),
    model: ModelRef,
    /** The reply that this one takes the place of. */
    regenerates: Schema.optionalKey(Schema.String)
  },
  /** The model called tools; the reply goes on when all of them are answered. */
  ReplyStepped: {
    replyId: Schema.String,
    /** 1, 2, 3 … */
    step: Schema.Int,
    text: Schema.String,
    calls: Schema.Array(Schema.Struct({ ...ToolCall.fields, needsApproval: Schema.Boolean })),
    native: Schema.optionalKey(Native),
    ...call
  },
  ToolApproved: { replyId: Schema.String, callId: Schema.String },
  ToolRefused: { replyId: Schema.String, callId: Schema.String },
  ToolAnswered: { replyId: Schema.String, callId: Schema.String, text: Schema.String, isError: Schema.Boolean },
  ReplyInterruptRequested: { replyId: Schema.String },
  ReplyCompleted: {
    replyId: Schema.String,
    /** Of the last step; what was said before tools is in their ReplyStepped. */
    text: Schema.String,
    stop: StopReason,
    native: Schema.optionalKey(Native),
    ...call
  },
  /** `text`: what had arrived. */
  ReplyFailed: {
    replyId: Schema.String,
    kind: FailureKind,
    /** For people: what happened, why, the mend. */
    message: Schema.String,
    text: Schema.String,
    ...call
  },
  ReplyInterrupted: { replyId: Schema.String, text: Schema.String, ...call },
  ModelChanged: { model: ModelRef },
  SummaryRequested: {},
  /** Stands in the model's context for everything up to `throughVersion`, earlier summaries included. The originals stay. */
  ConversationSummarized: {
    fromVersion: Schema.Int,
    throughVersion: Schema.Int,
    text: Schema.String,
    reason: Schema.Literals(["window", "size", "person"]),
    ...call
  },
  SummaryFailed: { kind: FailureKind, message: Schema.String, ...call },
  ConversationRenamed: { title: Schema.String },
  ConversationArchived: {},
  ConversationUnarchived: {}
})
export type ConversationEvent = typeof ConversationEvent.Type

export const conversationEvents = makeEventTypes<ConversationEvent>({
  schema: ConversationEvent,
  types: [
    "ConversationStarted",
    "MessagesCopied",
    "MessageSent",
    "ReplyRequested",
    "ReplyStepped",
    "ToolApproved",
    "ToolRefused",
    "ToolAnswered",
    "ReplyInterruptRequested",
    "ReplyCompleted",
    "ReplyFailed",
    "ReplyInterrupted",
    "ModelChanged",
    "SummaryRequested",
    "ConversationSummarized",
    "SummaryFailed",
    "ConversationRenamed",
    "ConversationArchived",
    "ConversationUnarchived"
  ]
})

const prefix = "conversation/"
export const conversationStream = (conversationId: string): string => `${prefix}${conversationId}`
export const conversationIdOf = (stream: string): string => stream.slice(prefix.length)

/**
 * @param at milliseconds since 1970, UTC
 * @param random at least 6 bytes
 */
export const makeConversationId = (at: number, random: Uint8Array): string => {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)
  const tail = Array.from(random.subarray(0, 6), (byte) => (byte % 36).toString(36)).join("")
  return `chat-${digits.slice(0, 8)}-${digits.slice(8)}-${tail}`
}
