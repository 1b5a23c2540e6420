/**
 * Answers every message by itself, piece by piece through the live text and then as an event: what a worker does, without a model.
 *
 * The answer to `say X` is X; to `count N` the numbers up to N, one piece each; to `flood N` N thousand letters; to `wait` nothing
 * until it is interrupted; to anything else, the text again.
 */
import { randomUUID } from "node:crypto"
import { Effect, Layer, Result, Stream } from "effect"
import {
  type ConversationEvent,
  conversationEvents,
  conversationIdOf,
  conversationStream
} from "@signalbox/core/conversation/events.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"

export const ReplierTest = Layer.effectDiscard(
  Effect.gen(function* () {
    const log = yield* EventLog
    const asked = new Map<string, string>()
    const open = new Map<string, (interrupted: boolean) => void>()
    yield* log.follow().pipe(
      Stream.runForEach((followed) => {
        if (followed._tag !== "Event") return Effect.void
        const decoded = conversationEvents.decode(followed.event)
        if (Result.isFailure(decoded) || decoded.success === undefined) return Effect.void
        const { stream } = followed.event
        const event = decoded.success
        if (event._tag === "MessageSent") asked.set(stream, event.text)
        if (event._tag === "ReplyInterruptRequested") open.get(event.replyId)?.(true)
        if (event._tag !== "ReplyRequested") return Effect.void
        return Effect.asVoid(Effect.forkChild(reply(stream, event.replyId, event.model, asked.get(stream) ?? "", open)))
      }),
      Effect.forkScoped
    )
  })
)

const reply = Effect.fnUntraced(function* (
  stream: string,
  replyId: string,
  model: string,
  text: string,
  open: Map<string, (interrupted: boolean) => void>
) {
  const live = yield* LiveText
  const conversationId = conversationIdOf(stream)
  const facts = { model, usage: { inputTokens: 1, outputTokens: 1 }, cost: null, firstTokenMs: 1, latencyMs: 2 }
  yield* live.claim(replyId, 1, conversationId)
  let said = ""
  for (const piece of piecesOf(text)) {
    yield* live.write(conversationId, { _tag: "Text", replyId, from: said.length, text: piece })
    said += piece
    yield* Effect.yieldNow
  }
  const interrupted =
    text === "wait"
      ? yield* Effect.callback<boolean>((resume) => {
          open.set(replyId, (was) => resume(Effect.succeed(was)))
        })
      : false
  yield* live.flush(replyId)
  const event: Extract<ConversationEvent, { readonly _tag: "ReplyCompleted" | "ReplyInterrupted" }> = interrupted
    ? { _tag: "ReplyInterrupted", replyId, text: said, ...facts }
    : { _tag: "ReplyCompleted", replyId, text: said, stop: "end", ...facts }
  yield* (yield* Commands).execute({
    decider: conversationDecider,
    types: conversationEvents,
    stream: conversationStream(conversationId),
    command: { _tag: "RecordOutcome", event },
    commandId: randomUUID(),
    actor: "worker:test"
  })
  yield* live.drop(replyId)
})

const piecesOf = (text: string): ReadonlyArray<string> => {
  if (text === "wait") return ["I wait"]
  const counted = /^count (\d+)(?: (.*))?$/u.exec(text)
  if (counted !== null) return Array.from({ length: Number(counted[1]) }, (_, n) => `${n + 1}${counted[2] ?? ""} `)
  const flood = /^flood (\d+)$/u.exec(text)
  if (flood !== null) return Array.from({ length: Number(flood[1]) / 10 }, () => "x".repeat(10_000))
  return [/^say (.*)$/su.exec(text)?.[1] ?? text]
}
