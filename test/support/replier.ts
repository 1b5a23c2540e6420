/**
 * Answers every message by itself, piece by piece through the live text and then as an event: what a worker does, without a model.
 *
 * The answer to `say X` is X; to `count N` the numbers up to N, one piece each; to `flood N` N thousand letters; to `wait` nothing
 * until it is interrupted; to `ask X` a tool call X that waits for a yes or no, and then which it was; to anything else, the text again.
 */
import { randomUUID } from "node:crypto"
import { Deferred, Effect, Layer, Result, Stream } from "effect"
import { type ConversationEvent, conversationEvents, conversationIdOf } from "@signalbox/core/conversation/events.ts"
import type { ConversationCommand } from "@signalbox/core/conversation/decider.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"

export const ReplierTest = Layer.effectDiscard(
  Effect.gen(function* () {
    const log = yield* EventLog
    const asked = new Map<string, string>()
    const open: Open = new Map()
    yield* log.follow().pipe(
      Stream.runForEach((followed) => {
        if (followed._tag !== "Event") return Effect.void
        const decoded = conversationEvents.decode(followed.event)
        if (Result.isFailure(decoded) || decoded.success === undefined) return Effect.void
        const { stream } = followed.event
        const event = decoded.success
        if (event._tag === "MessageSent") asked.set(stream, event.text)
        if (event._tag === "ReplyInterruptRequested") open.get(event.replyId)?.("interrupted")
        if (event._tag === "ToolApproved") open.get(event.replyId)?.("approved")
        if (event._tag === "ToolRefused") open.get(event.replyId)?.("refused")
        if (event._tag !== "ReplyRequested") return Effect.void
        return Effect.asVoid(Effect.forkChild(reply(stream, event.replyId, event.model, asked.get(stream) ?? "", open)))
      }),
      Effect.forkScoped
    )
  })
)

type Told = "interrupted" | "approved" | "refused"
type Open = Map<string, (what: Told) => void>

const reply = Effect.fnUntraced(function* (stream: string, replyId: string, model: string, text: string, open: Open) {
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
  const told = yield* Deferred.make<Told>()
  open.set(replyId, (what) => void Deferred.doneUnsafe(told, Effect.succeed(what)))
  const asked = /^ask (.*)$/su.exec(text)?.[1]
  if (asked !== undefined) {
    const call = { callId: "call-1", name: "start_task", args: { command: asked }, needsApproval: true }
    yield* record(stream, {
      _tag: "RecordStep",
      event: { _tag: "ReplyStepped", replyId, step: 1, text: said, calls: [call], ...facts }
    })
  }
  const what = asked !== undefined || text === "wait" ? yield* Deferred.await(told) : undefined
  const interrupted = what === "interrupted"
  if (asked !== undefined && !interrupted) said = `It was ${what}.`
  yield* live.flush(replyId)
  const event: Extract<ConversationEvent, { readonly _tag: "ReplyCompleted" | "ReplyInterrupted" }> = interrupted
    ? { _tag: "ReplyInterrupted", replyId, text: said, ...facts }
    : { _tag: "ReplyCompleted", replyId, text: said, stop: "end", ...facts }
  yield* record(stream, { _tag: "RecordOutcome", event })
  yield* live.drop(replyId)
})

const record = (stream: string, command: ConversationCommand) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: conversationDecider,
      types: conversationEvents,
      stream,
      command,
      commandId: randomUUID(),
      actor: "worker:test"
    })
  )

const piecesOf = (text: string): ReadonlyArray<string> => {
  if (text.startsWith("ask ")) return ["May I? "]
  if (text === "wait") return ["I wait"]
  const counted = /^count (\d+)(?: (.*))?$/u.exec(text)
  if (counted !== null) return Array.from({ length: Number(counted[1]) }, (_, n) => `${n + 1}${counted[2] ?? ""} `)
  const flood = /^flood (\d+)$/u.exec(text)
  if (flood !== null) return Array.from({ length: Number(flood[1]) / 10 }, () => "x".repeat(10_000))
  return [/^say (.*)$/su.exec(text)?.[1] ?? text]
}
