/**
 * The talk with a model, until BACK.
 *
 * Owns: what a client says and sees meanwhile. Does not own: conversations (core), the order of text and events (ConversationFeed).
 * Invariants: what is seen of a reply is its text, whole and in order, however the pieces came; a client that leaves in the
 * middle takes nothing with it: the reply is finished for whoever looks next.
 */
import { Effect, Result, Stream } from "effect"
import { ConversationFeed, type ConversationFrame } from "@signalbox/core/conversation/ConversationFeed.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { type ConversationEvent, conversationEvents } from "@signalbox/core/conversation/events.ts"
import { safeText } from "./safe-text.ts"
import { by, patience, type Session } from "./state.ts"
import type { Gone } from "./wire.ts"

/** Bytes of one message of several lines. */
const longestMessage = 200_000

export const chat = Effect.fnUntraced(function* (session: Session) {
  const { wire } = session
  const at = session.conversationId === undefined ? "a new conversation" : session.conversationId
  yield* wire.say(`You talk to the model in ${at}. BACK returns, STOP interrupts a reply.\n`)
  for (;;) {
    yield* wire.say("IA> ")
    const text = yield* message(session)
    if (text === undefined) continue
    if (text.trim().toUpperCase() === "BACK") return
    yield* exchange(session, text).pipe(
      Effect.catch((error) => (error._tag === "Gone" ? Effect.fail(error) : wire.say(`${safeText(error.message)}\n`)))
    )
  }
})

/** One line, or what stands between two lines of `"""`. Undefined: there is nothing to send. */
const message = Effect.fnUntraced(function* (session: Session) {
  const { wire } = session
  const wait = yield* patience(session)
  const first = yield* wire.next(wait)
  if (first._tag === "Bad") return yield* Effect.as(wire.say(`${first.reason}\n`), undefined)
  if (first.text.trim() !== `"""`) return first.text.trim() === "" ? undefined : first.text
  const lines: Array<string> = []
  let size = 0
  let problem: string | undefined
  for (;;) {
    const line = yield* wire.next(wait)
    if (line._tag === "Bad") problem ??= line.reason
    else if (line.text.trim() === `"""`) break
    else if (size <= longestMessage) {
      size += line.text.length + 1
      lines.push(line.text)
    }
  }
  if (size > longestMessage) problem = `A message has at most ${longestMessage} characters. Nothing was sent.`
  if (problem !== undefined) return yield* Effect.as(wire.say(`${problem}\n`), undefined)
  const whole = lines.join("\n")
  return whole.trim() === "" ? undefined : whole
})

const exchange = Effect.fnUntraced(function* (session: Session, text: string) {
  const conversations = yield* Conversations
  const said =
    session.conversationId === undefined
      ? yield* conversations.start(
          { first: { text }, ...(session.model === undefined ? {} : { model: session.model }) },
          by(session)
        )
      : yield* conversations.send(session.conversationId, { text }, by(session))
  const { conversationId, replyId, version } = said
  session.conversationId = conversationId
  if (replyId === null) return
  const feed = yield* ConversationFeed
  const shown = show(session, replyId)
  yield* feed.follow(conversationId, version + 1).pipe(
    Stream.mapEffect(shown.frame),
    Stream.takeUntil((ended) => ended),
    Stream.runDrain,
    Effect.raceFirst(listen(session, conversationId, shown.asked))
  )
})

/** STOP, and YES or NO where a tool call asks, are heeded at once; all else waits for its turn. Ends only by losing the client. */
const listen = Effect.fnUntraced(function* (session: Session, conversationId: string, asked: () => string | undefined) {
  const conversations = yield* Conversations
  const { wire } = session
  for (;;) {
    const word = yield* wire.pick(() => (asked() === undefined ? ["STOP"] : ["STOP", "YES", "NO"]))
    const callId = asked()
    const act =
      word === "STOP"
        ? conversations.interrupt(conversationId, by(session))
        : conversations.decideCall(conversationId, { callId: callId ?? "", approve: word === "YES" }, by(session))
    yield* Effect.catch(Effect.asVoid(act), (error) => wire.say(`\n(${safeText(error.message)})\n`))
  }
})

/** Writes frames; true when the reply has ended. `asked`: the call that waits for a yes or no. */
const show = (session: Session, replyId: string) => {
  const { wire } = session
  const mayDecide = session.peer.account !== undefined || session.peer.loopback
  /** Of the text of all steps. */
  let seen = 0
  let before = 0
  let waiting: ReadonlyArray<string> = []
  const rest = (text: string): Effect.Effect<void, Gone> => {
    const missing = text.slice(Math.max(0, seen - before))
    seen = before + text.length
    return missing === "" ? Effect.void : wire.say(safeText(missing))
  }
  const onEvent = Effect.fnUntraced(function* (event: ConversationEvent) {
    if (!("replyId" in event) || event.replyId !== replyId) return false
    switch (event._tag) {
      case "ReplyStepped": {
        yield* rest(event.text)
        before += event.text.length
        waiting = mayDecide ? event.calls.filter((call) => call.needsApproval).map((call) => call.callId) : []
        for (const call of event.calls) {
          const what = `${call.name} ${JSON.stringify(call.args)}`
          yield* wire.say(
            safeText(
              call.needsApproval
                ? `\nThe model wants to run ${what}\n${mayDecide ? "YES or NO? " : ""}`
                : `\n(${what})\n`
            )
          )
        }
        return false
      }
      case "ToolApproved":
      case "ToolRefused":
        waiting = waiting.filter((callId) => callId !== event.callId)
        return false
      case "ToolAnswered":
        yield* wire.say(event.isError ? `(it failed: ${safeText(event.text).slice(0, 300)})\n` : "")
        return false
      case "ReplyCompleted":
        yield* rest(event.text)
        yield* wire.say(
          event.stop === "length"
            ? "\n(The model stopped at its limit of length.)\n"
            : event.stop === "safety"
              ? "\n(The provider stopped the reply for safety reasons.)\n"
              : "\n"
        )
        return true
      case "ReplyFailed":
        yield* rest(event.text)
        yield* wire.say(`\n${safeText(event.message)}\n`)
        return true
      case "ReplyInterrupted":
        yield* rest(event.text)
        yield* wire.say("\n(interrupted)\n")
        return true
      default:
        return false
    }
  })
  const frame = (frame: ConversationFrame): Effect.Effect<boolean, Gone> => {
    if (frame._tag === "Event") {
      const decoded = conversationEvents.decode(frame.event)
      return Result.isSuccess(decoded) && decoded.success !== undefined
        ? onEvent(decoded.success)
        : Effect.succeed(false)
    }
    if (frame._tag === "Thinking" || frame.replyId !== replyId) return Effect.succeed(false)
    const fresh = frame.text.slice(Math.max(0, seen - frame.from))
    if (frame.from > seen || fresh === "") return Effect.succeed(false)
    seen += fresh.length
    return Effect.as(wire.say(safeText(fresh)), false)
  }
  return { frame, asked: (): string | undefined => waiting[0] }
}
