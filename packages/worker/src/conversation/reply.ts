/**
 * The job `conversation.reply`: goes on with the open reply of a conversation until it has an outcome or waits for a person.
 *
 * Owns: the order of claim, question, live text, outcome; tools between the steps; interruption. Does not own: the rules
 * (`decider.ts`), what a model is sent (`prepare.ts`), one call (`ask.ts`), what tools do (`tools.ts`).
 * Invariants: a step is claimed before its model is asked, so no step is ever asked for twice; what is found claimed by nobody who
 * lives ends as `worker-died` with the text that was stored; the outcome is an event before the text is dropped.
 */
import { Deferred, Effect, Fiber, Result } from "effect"
import { contextOf } from "@signalbox/core/conversation/context.ts"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import type { ConversationEvent } from "@signalbox/core/conversation/events.ts"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import { ConversationJob } from "@signalbox/core/conversation/jobs.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { openReply, type Talk } from "@signalbox/core/conversation/memory.ts"
import { storableText } from "@signalbox/core/conversation/pieces.ts"
import { needsApproval } from "@signalbox/core/conversation/tools.ts"
import type { FailureKind, ToolCall } from "@signalbox/core/model/message.ts"
import { jobHandler } from "@signalbox/core/queue/Queue.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { type Answer, ask, type CallFacts, factsOf, type Heard, makeHeard, noFacts } from "./ask.ts"
import { ConversationCommands } from "./ConversationCommands.ts"
import { prepare } from "./prepare.ts"
import { questionOf, type Ready, send } from "./ready.ts"
import { Talks } from "./Talks.ts"
import { carryOut } from "./tools.ts"
import { Turns } from "./Turns.ts"

const mostSteps = 25
/** What was shown in the last quarter of a second is not stored yet. */
const died = (kept: string): string =>
  kept === ""
    ? "The worker died before anything of the reply was stored. The model was not asked again; write the reply anew if you want it."
    : "The worker died while the model was speaking. What had arrived is kept, and the model was not asked again; write the reply anew if you want it."

export const replyHandler = jobHandler({
  queue: queues.reply.name,
  data: ConversationJob,
  run: ({ conversationId }) => writeReply(conversationId),
  onExhausted: ({ conversationId }, { reason }) =>
    Effect.gen(function* () {
      const talk = yield* (yield* Talks).load(conversationId)
      const open = talk === undefined ? undefined : openReply(talk)
      if (open === undefined) return
      const text = yield* storedText(open)
      yield* end(conversationId, {
        _tag: "ReplyFailed",
        replyId: open.replyId,
        kind: "outage",
        message: `The reply could not be written, however often it was tried: ${reason.slice(0, 500)}`.toWellFormed(),
        text,
        ...noFacts(open.model)
      })
    }).pipe(
      Effect.catch((error) =>
        Effect.logError(`${conversationId}: the failure of its reply was not recorded: ${error.message}`)
      )
    )
})

/** Goes on with what is open, when it is this worker's turn. */
export const writeReply = (conversationId: string) =>
  Effect.gen(function* () {
    const interrupted = yield* hearInterruptions(conversationId)
    const load = Effect.flatMap(Talks, (talks) => talks.load(conversationId))
    const over = Effect.map(load, (talk) => talk?.view.open === undefined || talk.view.open === null)
    yield* (yield* Turns).take(
      conversationId,
      over,
      Effect.flatMap(load, (talk) => goOnAll(talk, { ...untouched, conversationId, interrupted }))
    )
  }).pipe(Effect.scoped)

/** As long as there is something to do. */
export const goOnAll = (from: Talk | undefined, turn: Turn) =>
  Effect.gen(function* () {
    const talks = yield* Talks
    let talk = from
    while (talk !== undefined && (yield* goOn(turn, talk))) talk = yield* talks.load(turn.conversationId)
  })

/** A turn that has done nothing yet. */
export const untouched = {
  claimed: undefined,
  summarized: false,
  refused: undefined,
  ready: undefined,
  begun: () => {}
}

interface Turn {
  readonly conversationId: string
  readonly interrupted: (replyId: string) => Effect.Effect<void>
  readonly begun: () => void
  ready: Ready | undefined
  /** The step that this turn has claimed and not been billed for. */
  claimed: string | undefined
  summarized: boolean
  refused: number | undefined
}
type Open = NonNullable<ReturnType<typeof openReply>>

/** @returns whether to look again */
const goOn = (turn: Turn, talk: Talk) =>
  Effect.gen(function* () {
    const { conversationId } = turn
    const live = yield* LiveText
    const { view } = talk
    const open = openReply(talk)
    if (view.open === null || open === undefined) {
      // whoever recorded the outcome may have died before the text was dropped
      if (view.last !== null && (yield* live.read(view.last.replyId)) !== "") yield* live.drop(view.last.replyId)
      return false
    }
    if (view.open.interrupting) {
      const text = yield* storedText(open)
      yield* end(conversationId, { _tag: "ReplyInterrupted", replyId: open.replyId, text, ...noFacts(open.model) })
      return false
    }
    const waiting = view.open.calls.filter((call) => call.state === "asked" || call.state === "ready")
    if (waiting.length > 0) return yield* callTools(turn, talk, open.replyId)
    if (view.open.steps >= mostSteps) {
      const text = `I stop here: this reply took ${mostSteps} rounds of tools, which is the most there may be. Tell me to go on if I should.`
      yield* end(conversationId, {
        _tag: "ReplyCompleted",
        replyId: open.replyId,
        text,
        stop: "other",
        ...noFacts(open.model)
      })
      return false
    }
    return yield* speak(turn, talk, open, view.open.steps + 1)
  })

const callTools = (turn: Turn, talk: Talk, replyId: string) =>
  Effect.gen(function* () {
    const commands = yield* ConversationCommands
    const calls = talk.view.open?.calls ?? []
    const ready = calls.filter((call) => call.state === "ready")
    for (const { callId, name, args, approvedBy } of ready) {
      const { conversationId } = turn
      const answer = yield* carryOut(
        { callId, name, args },
        { replyId, conversationId, person: talk.person, approvedBy }
      )
      yield* commands.record(
        turn.conversationId,
        { _tag: "RecordAnswer", event: { _tag: "ToolAnswered", replyId, callId, ...answer } },
        ["answer", replyId, callId]
      )
    }
    // the rest waits for a person, whose word makes a job of its own; it may have come meanwhile
    return ready.length > 0
  })

const speak = (turn: Turn, talk: Talk, open: Open, step: number) =>
  Effect.gen(function* () {
    const { conversationId } = turn
    const { replyId, model: ref } = open
    const live = yield* LiveText
    const commands = yield* ConversationCommands
    const failed = (kind: FailureKind, message: string, text: string, facts: CallFacts) =>
      end(conversationId, { _tag: "ReplyFailed", replyId, kind, message: sentence(message), text, ...facts })

    const question = yield* questionFor(turn, talk, open, step)
    if (question._tag === "Again") return true
    if (question._tag === "TooLong") {
      yield* failed("too-long", question.message, "", noFacts(ref))
      return false
    }
    if (question._tag === "Died") {
      const kept = yield* storedText(open)
      yield* failed("worker-died", died(kept), kept, noFacts(ref))
      return false
    }
    const { heard } = question
    const answer = yield* Effect.raceFirst(
      question.answer,
      Effect.as(turn.interrupted(replyId), { _tag: "Interrupted" as const })
    ).pipe(
      // this worker stops, or lost its turn: nobody else has what was heard here
      Effect.onInterrupt(() =>
        Effect.ignore(
          Effect.flatMap(factsOf(ref, heard), (facts) => failed("worker-died", died(heard.text), heard.text, facts))
        )
      )
    )
    const facts = yield* factsOf(ref, heard)
    if (answer._tag === "Interrupted") {
      yield* end(conversationId, { _tag: "ReplyInterrupted", replyId, text: heard.text, ...facts })
      return false
    }
    if (answer._tag === "Failed") {
      if (answer.kind === "too-long" && heard.text === "" && heard.usage === null && turn.refused === undefined) {
        // it was refused, not answered: once more with less
        turn.refused = question.tokens()
        return true
      }
      yield* failed(answer.kind, answer.message, heard.text, facts)
      return false
    }
    turn.claimed = undefined
    if (heard.calls.length === 0) {
      yield* end(conversationId, { _tag: "ReplyCompleted", replyId, text: heard.text, ...outcome(answer), ...facts })
      return false
    }
    yield* live.flush(replyId)
    const calls = unique(heard.calls, open).map((call) => ({ ...call, needsApproval: needsApproval(call) }))
    const { stop: _stop, ...native } = outcome(answer)
    const event = { _tag: "ReplyStepped", replyId, step, text: heard.text, calls, ...native, ...facts } as const
    yield* commands.record(conversationId, { _tag: "RecordStep", event }, ["step", replyId, step])
    return true
  })

/** The step's question: claimed by this turn and not asked yet, or why it is not to be asked. */
const questionFor = (turn: Turn, talk: Talk, open: Open, step: number) =>
  Effect.gen(function* () {
    const { conversationId, begun, ready } = turn
    const { replyId, model: ref } = open
    const claim = `${replyId}/${step}`
    turn.ready = undefined
    if (ready?.talk === talk && ready.made && turn.claimed === claim)
      return {
        _tag: "Question",
        heard: ready.heard,
        tokens: () => contextOf(talk.memory, ref).tokens,
        answer: send(ready)
      } as const
    if (ready !== undefined) yield* Fiber.interrupt(ready.answer)

    const prepared = yield* Effect.raceFirst(
      prepare({ conversationId, replyId, talk, ref, maySummarize: !turn.summarized, refused: turn.refused }),
      Effect.as(turn.interrupted(replyId), { _tag: "Interrupted" as const })
    )
    if (prepared._tag === "Interrupted") return { _tag: "Again" } as const
    if (prepared._tag === "Summarized") {
      turn.summarized = true
      return { _tag: "Again" } as const
    }
    if (prepared._tag === "TooLong") return prepared
    if (turn.claimed !== claim && !(yield* (yield* LiveText).claim(replyId, step, conversationId))) {
      const now = yield* (yield* Talks).load(conversationId)
      return now !== undefined && now.version !== talk.version
        ? ({ _tag: "Again" } as const)
        : ({ _tag: "Died" } as const)
    }
    turn.claimed = claim
    const { context } = prepared
    const heard = makeHeard()
    const answer = ask(questionOf(talk, ref, context), heard, { conversationId, replyId, from: open.said, begun })
    return { _tag: "Question", heard, tokens: () => context.tokens, answer } as const
  })

const outcome = ({ _tag, ...answer }: Extract<Answer, { readonly _tag: "Answered" }>) => answer

/** Some providers number the calls of every answer anew; within a reply a call is known by its id. */
const unique = (calls: Heard["calls"], open: Open): ReadonlyArray<ToolCall> => {
  const taken = new Set(open.steps.flatMap((step) => step.calls.map((call) => call.callId)))
  return calls.map((call) => {
    let callId = call.callId === "" ? "call" : call.callId
    for (let n = 2; taken.has(callId); n++) callId = `${call.callId}-${n}`
    taken.add(callId)
    return callId === call.callId ? call : { ...call, callId }
  })
}

const storedText = (open: Open) =>
  Effect.map(
    Effect.flatMap(LiveText, (live) => live.read(open.replyId)),
    (text) => text.slice(open.said)
  )

type Outcome = Extract<ConversationEvent, { readonly _tag: "ReplyCompleted" | "ReplyFailed" | "ReplyInterrupted" }>

/** The outcome first, then the live text goes. */
const end = (conversationId: string, event: Outcome) =>
  Effect.gen(function* () {
    const commands = yield* ConversationCommands
    const live = yield* LiveText
    yield* commands.record(conversationId, { _tag: "RecordOutcome", event }, ["outcome", event.replyId])
    yield* live.drop(event.replyId)
  })

const sentence = (message: string): string => storableText(message).slice(0, 4_000).toWellFormed()

/** Hears, from now on, that a person interrupts a reply. */
export const hearInterruptions = Effect.fnUntraced(function* (conversationId: string) {
  const heard = new Map<string, Deferred.Deferred<void>>()
  const of = (replyId: string): Deferred.Deferred<void> => {
    const known = heard.get(replyId) ?? Deferred.makeUnsafe<void>()
    heard.set(replyId, known)
    return known
  }
  yield* (yield* ConversationTail).watch(conversationId, (event) => {
    if (event.type !== "ReplyInterruptRequested") return
    const decoded = conversationEvents.decode(event)
    if (Result.isSuccess(decoded) && decoded.success?._tag === "ReplyInterruptRequested")
      Deferred.doneUnsafe(of(decoded.success.replyId), Effect.void)
  })
  return (replyId: string): Effect.Effect<void> => Deferred.await(of(replyId))
})
