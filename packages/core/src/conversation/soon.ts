/**
 * Word that a reply is about to be asked for, given while its request is still on its way to the disk.
 *
 * Owns: that message. Does not own: what a worker makes of it (`worker/conversation/eager.ts`), the request (events).
 * Invariants: only a hint — it may be lost, come late or come for a request that never does; whoever hears it may claim the reply and
 * make its question ready, and asks no model before the request is in the log, word for word as it was announced.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { EventLog } from "../log/EventLog.ts"
import { envelope, MAX_BYTES } from "../log/volatile.ts"
import { ConversationId } from "./events.ts"

const topic = "reply-soon"

/** What will be written, if it is: left out where it is too long for a message. */
const Request = Schema.Struct({
  /** The conversation's version before it. */
  after: Schema.Int,
  actor: Schema.String,
  events: Schema.Array(Schema.Struct({ type: Schema.String, data: Schema.Json }))
})
export type SoonRequest = typeof Request.Type

const ReplyId = Schema.String.check(Schema.isUUID())
const Soon = Schema.Union([Schema.Tuple([ConversationId, ReplyId, Request]), Schema.Tuple([ConversationId, ReplyId])])
const decode = Schema.decodeUnknownOption(Soon)

export interface SoonReply {
  readonly conversationId: string
  readonly replyId: string
  readonly request: SoonRequest | undefined
}

/** Does not wait. */
export const tellSoon = (
  conversationId: string,
  replyId: string,
  request?: SoonRequest
): Effect.Effect<void, never, EventLog> =>
  Effect.flatMap(EventLog, (log) => {
    const bare = [conversationId, replyId]
    const whole = request === undefined ? bare : [...bare, { ...request, events: [...request.events] }]
    const message = Buffer.byteLength(envelope(topic, whole)) <= MAX_BYTES ? whole : bare
    return Effect.asVoid(Effect.forkDetach(log.publish(topic, message), { startImmediately: true }))
  })

export const hearSoon: Stream.Stream<SoonReply, never, EventLog> = Stream.unwrap(
  Effect.map(EventLog, (log) => log.subscribe(topic))
).pipe(
  Stream.map((message) => decode(message)),
  Stream.filter(Option.isSome),
  Stream.map(({ value: [conversationId, replyId, request] }) => ({ conversationId, replyId, request }))
)
