/**
 * The talk with a model, until BACK.
 *
 * Owns: what a client says and sees meanwhile. Does not own: conversations (core), the order of text and events (ConversationFeed).
 * Invariants: what is seen of a reply is its text, whole and in order, however the pieces came; a client that leaves in the
 * middle takes nothing with it: the reply is finished for whoever looks next.
 */
import { Effect, Result, Stream } from "effect"
import { may, refusalOf } from "@signalbox/core/account/permissions.ts"
import { Forbidden } from "@signalbox/core/api/problems.ts"
import { ConversationFeed, type ConversationFrame } from "@signalbox/core/conversation/ConversationFeed.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { type ConversationEvent, conversationEvents } from "@signalbox/core/conversation/events.ts"
import { safeText } from "./safe-text.ts"
import { by, patience, recognize, type Session } from "./state.ts"
import { Gone } from "./wire.ts"

/** One of ours, said here by mistake. */
const token = /sbx_[\w-]{43}/u

/** Bytes of one message of several lines. */
const longestMessage = 200_000

export const chat = Effect.fnUntraced(function* (session: Session) {
  const { wire } = session
  const at = session.conversationId === undefined ? "a new conversation" : session.conversationId
  yield* wire.say(`You talk to the model in ${at}. BACK returns, STOP interrupts a reply.\n`)
  yield* openReply(session)
  for (;;) {
    yield* wire.say("IA> ")
    const text = yield* message(session)
    if (text === undefined) continue
    if (token.test(text)) {
      yield* wire.say(
        "This holds a token and was not sent to the model. AUTH is a command: first BACK, then AUTH token.\n"
      )
      continue
    }
    const word = text.trim().toUpperCase()
    if (word === "BACK") return
    yield* Effect.andThen(recognize(session), word === "STOP" ? stop(session) : exchange(session, text)).pipe(
      Effect.catch((error) =>
        error._tag === "Gone" || error._tag === "SignedOut"
          ? Effect.fail(error)
          : wire.say(`${safeText(error.message)}\n`)
      )
    )
  }
})

/** What another screen has asked for and is still being written is shown here too, and decided here too. */
const openReply = Effect.fnUntraced(function* (session: Session) {
  const { conversationId } = session
  if (conversationId === undefined) return
  const { open } = yield* (yield* Conversations).load(conversationId)
  if (open !== null) yield* watch(session, { conversationId, replyId: open.replyId, from: open.version + 1 })
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
    const line = yield* size <= longestMessage ? wire.nextOfSame(wait) : wire.next(wait)
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

/** At the prompt: of a reply that another screen asked for, or that has just ended. */
const stop = Effect.fnUntraced(function* (session: Session) {
  if (session.conversationId === undefined) return yield* session.wire.say("No reply is being written.\n")
  yield* (yield* Conversations).interrupt(session.conversationId, by(session))
  yield* session.wire.say("(interrupted)\n")
})

const exchange = Effect.fnUntraced(function* (session: Session, text: string) {
  const conversations = yield* Conversations
  const said =
    session.conversationId === undefined
      ? yield* conversations.start(
          {
            first: { text },
            // what tools do is for those who have signed in, as TASKS and RUN are
            tools: session.peer.account !== undefined,
            ...(session.model === undefined ? {} : { model: session.model })
          },
          by(session)
        )
      : yield* conversations.send(session.conversationId, { text }, by(session))
  const { conversationId, replyId, version } = said
  session.conversationId = conversationId
  if (replyId !== null) yield* watch(session, { conversationId, replyId, from: version + 1 })
})

/** What is seen of a reply from that version on, until it has ended. */
const watch = Effect.fnUntraced(function* (
  session: Session,
  reply: { readonly conversationId: string; readonly replyId: string; readonly from: number }
) {
  const feed = yield* ConversationFeed
  const shown = show(session, reply.replyId)
  yield* feed.follow(reply.conversationId, reply.from).pipe(
    Stream.mapEffect(shown.frame),
    Stream.takeUntil((ended) => ended),
    Stream.runDrain,
    Effect.raceFirst(listen(session, reply.conversationId, shown.questions))
  )
})

/**
 * STOP, and YES or NO to a tool call that has asked, are heeded at once; all else waits for its turn. Ends only by losing the client,
 * or when it leaves a question unanswered for as long as it may be silent: the question stays open.
 */
const listen = Effect.fnUntraced(function* (session: Session, conversationId: string, questions: Questions) {
  const conversations = yield* Conversations
  const { wire } = session
  const wait = yield* patience(session)
  for (;;) {
    const picked = wire.pick({
      wants: (word, nth) =>
        word === "STOP" || ((word === "YES" || word === "NO") && nth > (questions.first()?.after ?? Infinity)),
      needed: () => questions.first() !== undefined,
      idleMs: () => (questions.first() === undefined ? undefined : wait)
    })
    const word = yield* Effect.mapError(picked, (gone) => (gone.why === "idle" ? new Gone({ why: "undecided" }) : gone))
    const question = word === "STOP" ? undefined : questions.first()
    const act =
      question === undefined
        ? conversations.interrupt(conversationId, by(session))
        : Effect.andThen(
            allowedToDecide(session),
            conversations.decideCall(conversationId, { callId: question.callId, approve: word === "YES" }, by(session))
          )
    if (question !== undefined) questions.answered(question.callId)
    yield* Effect.catch(Effect.asVoid(act), (error) => wire.say(`\n(${safeText(error.message)})\n`))
  }
})

/** What a tool does is done in the name of whoever says yes. */
const allowedToDecide = Effect.fnUntraced(function* (session: Session) {
  yield* recognize(session)
  const { account } = session.peer
  const refusal = account === undefined ? "That is decided by who has signed in." : refusalOf(account, "task")
  if (refusal !== undefined) return yield* new Forbidden({ detail: refusal })
})

/** Calls that wait for a yes or no. What was said before one was asked (`after`) does not answer it. */
interface Questions {
  readonly first: () => { readonly callId: string; readonly after: number } | undefined
  readonly answered: (callId: string) => void
}

/** Writes frames; true when the reply has ended. */
const show = (session: Session, replyId: string) => {
  const { wire } = session
  const { account } = session.peer
  const mayDecide = account !== undefined && may(account.role, "task")
  /** Of the text of all steps. */
  let seen = 0
  let before = 0
  let waiting: ReadonlyArray<{ readonly callId: string; readonly after: number }> = []
  const answered = (callId: string): void => {
    waiting = waiting.filter((one) => one.callId !== callId)
  }
  /** The first half of a character whose second half is in the next piece. */
  let half = ""
  const say = (text: string, whole: boolean): Effect.Effect<void, Gone> => {
    const all = half + text
    half = whole ? "" : (/[\ud800-\udbff]$/.exec(all)?.[0] ?? "")
    const said = safeText(all.slice(0, all.length - half.length))
    return said === "" ? Effect.void : wire.say(said)
  }
  const rest = (text: string): Effect.Effect<void, Gone> => {
    const missing = text.slice(Math.max(0, seen - before))
    seen = before + text.length
    return say(missing, true)
  }
  const onEvent = Effect.fnUntraced(function* (event: ConversationEvent) {
    if (!("replyId" in event) || event.replyId !== replyId) return false
    switch (event._tag) {
      case "ReplyStepped": {
        yield* rest(event.text)
        before += event.text.length
        for (const call of event.calls) {
          const what = `${call.name} ${JSON.stringify(call.args)}`
          yield* wire.say(
            safeText(
              call.needsApproval
                ? `\nThe model wants to run ${what}\n${mayDecide ? "YES or NO? " : "(That is decided by who has signed in.)\n"}`
                : `\n(${what})\n`
            )
          )
        }
        const after = wire.heard()
        const asking = event.calls.filter((call) => call.needsApproval)
        waiting = mayDecide ? asking.map(({ callId }) => ({ callId, after })) : []
        yield* wire.look
        return false
      }
      case "ToolApproved":
      case "ToolRefused":
        answered(event.callId)
        yield* wire.look
        return false
      case "ToolAnswered":
        yield* wire.say(event.isError ? `(it failed: ${safeText(event.text).slice(0, 300)})\n` : "")
        return false
      case "ReplyCompleted":
        yield* rest(event.text)
        yield* wire.say(
          event.stop === "length"
            ? "\n(The reply was cut: the model stopped at its limit of length. Ask it to go on.)\n"
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
    return Effect.as(say(fresh, false), false)
  }
  const questions: Questions = { first: () => waiting[0], answered }
  return { frame, questions }
}
