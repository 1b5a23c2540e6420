/**
 * What people do with conversations, whatever edge they come by: HTTP, bridge, chat tools.
 *
 * Owns: the interface, and the errors of its callers. Does not own: its work (`ConversationsLive.ts`), the rules (`decider.ts`).
 * Invariants: one command id takes effect once and is always answered the same, drawn ids included; a model's name is resolved
 * before anything is appended; the actor comes from the edge.
 */
import { Context, type Effect, Schema } from "effect"
import type { ConversationRequest, MessageRequest, Said, SearchHit } from "../api/conversations.ts"
import type { ExecuteError } from "../log/Commands.ts"
import type { DbError } from "../postgres/Db.ts"
import type { ExportDocument, ImportInvalid } from "./import.ts"
import type { ConversationView } from "./view.ts"

export class ConversationNotFound extends Schema.TaggedError<ConversationNotFound>()("ConversationNotFound", {
  conversationId: Schema.String
}) {
  override get message(): string {
    return `There is no conversation ${this.conversationId.slice(0, 60)}. See conversation list.`
  }
}
/** The model is not known, or its name fits several; or nothing is configured at all. */
export class ModelUnknown extends Schema.TaggedError<ModelUnknown>()("ModelUnknown", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export interface By {
  readonly commandId: string
  readonly actor: string
  /** Whose summaries: default the actor. */
  readonly client?: string
}
type CommandError = ExecuteError | DbError | ConversationNotFound | ModelUnknown
interface Accepted {
  readonly position: number
}

export class Conversations extends Context.Service<
  Conversations,
  {
    readonly start: (request: ConversationRequest, by: By) => Effect.Effect<Said, CommandError>
    readonly send: (conversationId: string, request: MessageRequest, by: By) => Effect.Effect<Said, CommandError>
    readonly regenerate: (
      conversationId: string,
      request: { readonly model?: string },
      by: By
    ) => Effect.Effect<Said, CommandError>
    readonly fork: (
      conversationId: string,
      request: { readonly version?: number; readonly title?: string },
      by: By
    ) => Effect.Effect<Said, CommandError>
    /** A new conversation with the events of an export; no model is asked and nothing is billed by it. */
    readonly bring: (document: ExportDocument, by: By) => Effect.Effect<Said, CommandError | ImportInvalid>
    readonly interrupt: (conversationId: string, by: By) => Effect.Effect<Accepted, CommandError>
    readonly decideCall: (
      conversationId: string,
      request: { readonly callId: string; readonly approve: boolean },
      by: By
    ) => Effect.Effect<Accepted, CommandError>
    readonly changeModel: (
      conversationId: string,
      model: string,
      by: By
    ) => Effect.Effect<{ readonly model: string; readonly position: number }, CommandError>
    readonly summarize: (conversationId: string, by: By) => Effect.Effect<Accepted, CommandError>
    readonly rename: (conversationId: string, title: string, by: By) => Effect.Effect<Accepted, CommandError>
    readonly archive: (conversationId: string, archived: boolean, by: By) => Effect.Effect<Accepted, CommandError>
    /** As the log has it now. */
    readonly load: (conversationId: string) => Effect.Effect<ConversationView, ConversationNotFound | ExecuteError>
    /** Last touched first, from the read model. */
    readonly list: (query: {
      readonly archived?: boolean
      readonly client?: string
      readonly text?: string
      readonly before?: string
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<ConversationView>, DbError>
    readonly search: (q: string, limit: number) => Effect.Effect<ReadonlyArray<SearchHit>, DbError>
  }
>()("@signalbox/core/conversation/Conversations") {}
