/**
 * One follower of the conversations' events for everybody in this process.
 *
 * Owns: which events those are. Does not own: following (`log/type-tail.ts`), what came before somebody watched (the log), the frames of
 * a stream (`ConversationFeedLive.ts`).
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import type { EventLog } from "../log/EventLog.ts"
import { makeTypeTail } from "../log/type-tail.ts"
import type { Db } from "../postgres/Db.ts"
import { conversationEvents, conversationStream } from "./events.ts"

export class ConversationTail extends Context.Service<
  ConversationTail,
  {
    /** As long as the scope lives, `hear` is told every new event of the conversation. */
    readonly watch: (
      conversationId: string,
      hear: (event: RecordedEvent) => void
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The same for every conversation. */
    readonly watchAll: (hear: (event: RecordedEvent) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@signalbox/core/conversation/ConversationTail") {
  static readonly layer: Layer.Layer<ConversationTail, never, Db | EventLog> = Layer.effect(
    ConversationTail,
    Effect.map(makeTypeTail("conversations", conversationEvents.types), ({ watch, watchAll }) =>
      ConversationTail.of({
        watch: (conversationId, hear) => watch(conversationStream(conversationId), hear),
        watchAll
      })
    )
  )
}
