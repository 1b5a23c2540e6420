/**
 * Word that a reply is about to be asked for, given while its request is still on its way to the disk.
 *
 * Owns: that message. Does not own: what a worker makes of it (`worker/conversation/eager.ts`), the request (an event).
 * Invariant: only a hint — it may be lost, come late or come for a request that never does; whoever hears it may claim the reply, and
 * asks no model before the request is in the log.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { EventLog } from "../log/EventLog.ts"
import { ConversationId } from "./events.ts"

const topic = "reply-soon"

const Soon = Schema.Tuple([ConversationId, Schema.String.check(Schema.isUUID())])
const decode = Schema.decodeUnknownOption(Soon)

/** Does not wait. */
export const tellSoon = (conversationId: string, replyId: string): Effect.Effect<void, never, EventLog> =>
  Effect.flatMap(EventLog, (log) =>
    Effect.asVoid(Effect.forkDetach(log.publish(topic, [conversationId, replyId]), { startImmediately: true }))
  )

export const hearSoon: Stream.Stream<{ readonly conversationId: string; readonly replyId: string }, never, EventLog> =
  Stream.unwrap(Effect.map(EventLog, (log) => log.subscribe(topic))).pipe(
    Stream.map((message) => decode(message)),
    Stream.filter(Option.isSome),
    Stream.map(({ value: [conversationId, replyId] }) => ({ conversationId, replyId }))
  )
