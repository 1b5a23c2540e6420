/**
 * Begins with a reply in the moment in which it is asked for, before its job has come through the queue; and a little earlier, when
 * word comes that it will be.
 *
 * Owns: hearing requests and word of them, and letting what was begun finish when the worker stops. Does not own: the reply (`reply.ts`).
 * Invariants: only a head start — the job comes all the same, finds the reply in work or written, and makes up for every start that
 * failed; turn and claim keep two workers from one reply, however many hear of it; a worker that stops begins nothing.
 */
import { type Duration, Effect, Exit, FiberSet, Result, Scope, Stream } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents, conversationIdOf, conversationStream } from "@signalbox/core/conversation/events.ts"
import { hearSoon, type SoonReply } from "@signalbox/core/conversation/soon.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { Precedence } from "@signalbox/core/projection/Precedence.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { beginReply, beginReplySoon } from "./begin.ts"
import { writeReply } from "./reply.ts"

const begins = new Set(["ReplyRequested", "ToolApproved", "ToolRefused"])
/** As the queue gives its jobs. */
const grace: Duration.Input = "10 seconds"

export const beginEagerly = Effect.acquireUseRelease(
  Effect.gen(function* () {
    const [hearing, writing] = [yield* Scope.make(), yield* Scope.make()]
    const fibers = yield* Scope.provide(FiberSet.make<void, never>(), writing)
    const run =
      yield* FiberSet.runtime(fibers)<Effect.Services<ReturnType<typeof start> | ReturnType<typeof beginReplySoon>>>()
    const { done } = yield* Scope.provide(
      (yield* Precedence).answers(conversationStream(""), ({ type }) => begins.has(type)),
      hearing
    )
    const tail = yield* ConversationTail
    let hears = true
    yield* Scope.addFinalizer(
      hearing,
      Effect.sync(() => (hears = false))
    )
    /** Begun on word of them, by reply. */
    const announced = new Map<string, Announced>()
    const beginSoon = (soon: SoonReply) => {
      const { conversationId, replyId } = soon
      if (!hears || announced.has(replyId) || begun(fibers) >= queues.reply.concurrency) return
      const one: Announced = { position: undefined, over: false }
      const over = () => {
        one.over = true
        if (one.position !== undefined) done(one.position)
      }
      announced.set(replyId, one)
      const ended = Effect.sync(() => {
        over()
        announced.delete(replyId)
      })
      run(Effect.ensuring(leftToJob(conversationId, beginReplySoon(soon, over)), ended))
    }
    const begin = (event: RecordedEvent): void => {
      if (!hears) return
      const one = announced.get(requested(event) ?? "")
      if (one !== undefined) {
        one.position = event.position
        if (one.over) done(event.position)
        return
      }
      const over = () => done(event.position)
      if (begun(fibers) < queues.reply.concurrency) run(Effect.ensuring(start(event, over), Effect.sync(over)))
      else over()
    }
    const listen = tail.watchAll((event) => {
      // when everybody here has heard it: what it is an answer to is known by then
      if (begins.has(event.type)) queueMicrotask(() => begin(event))
    })
    yield* Effect.forkIn(Effect.interruptible(Scope.provide(listen, hearing)), hearing)
    const word = Stream.runForEach(hearSoon, (soon) => Effect.sync(() => beginSoon(soon)))
    yield* Effect.forkIn(Effect.interruptible(word), hearing)
    return { hearing, writing, fibers }
  }),
  () => Effect.never,
  ({ hearing, writing, fibers }) =>
    Scope.close(hearing, Exit.void).pipe(
      Effect.andThen(Effect.timeoutOption(FiberSet.awaitEmpty(fibers), grace)),
      Effect.andThen(Scope.close(writing, Exit.void))
    )
)

const begun = (fibers: FiberSet.FiberSet<void, never>): number => [...fibers].length

interface Announced {
  /** Of its request, once that is heard of. */
  position: number | undefined
  /** Its first words were shown, or it is not begun here. */
  over: boolean
}

const requested = (recorded: RecordedEvent) => {
  const event = Result.getOrUndefined(conversationEvents.decode(recorded))
  return event?._tag === "ReplyRequested" ? event.replyId : undefined
}

const start = (recorded: RecordedEvent, shown: () => void) => {
  const conversationId = conversationIdOf(recorded.stream)
  const replyId = requested(recorded)
  return replyId === undefined
    ? leftToJob(conversationId, writeReply(conversationId))
    : leftToJob(conversationId, beginReply(conversationId, replyId, shown))
}

const leftToJob = <E, R>(conversationId: string, reply: Effect.Effect<void, E, R>): Effect.Effect<void, never, R> =>
  Effect.catchCause(reply, (cause) => Effect.logDebug(`the reply of ${conversationId} is left to its job`, cause))
