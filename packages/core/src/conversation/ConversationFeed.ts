/**
 * One conversation as it happens: its events and, between them, the text of the open reply, for HTTP, bridge and tests.
 *
 * Owns: the interface. Does not own: its work (`ConversationFeedLive.ts`), the events, the text's transport (`LiveText`).
 * Invariants: events are gapless and in order; the deltas of a reply are dense from 0, in order, after its ReplyRequested and
 * before its outcome, for a follower that comes late too; two followers that saw the same events have the same text.
 */
import { Context, type Stream } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import type { LogUnavailable } from "../log/EventLog.ts"
import type { DbError } from "../postgres/Db.ts"

export type ConversationFrame =
  | { readonly _tag: "Event"; readonly event: RecordedEvent }
  | { readonly _tag: "Delta"; readonly replyId: string; readonly from: number; readonly text: string }
  | { readonly _tag: "Thinking"; readonly replyId: string }

export class ConversationFeed extends Context.Service<
  ConversationFeed,
  {
    /** @param from first version wanted, 1-based */
    readonly follow: (
      conversationId: string,
      from: number
    ) => Stream.Stream<ConversationFrame, LogUnavailable | DbError>
  }
>()("@signalbox/core/conversation/ConversationFeed") {}
