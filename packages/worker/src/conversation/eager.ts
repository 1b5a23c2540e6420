/**
 * Begins with a reply in the moment in which it is asked for, before its job has come through the queue.
 *
 * Owns: hearing requests, and letting what was begun finish when the worker stops. Does not own: the reply (`reply.ts`).
 * Invariants: only a head start — the job comes all the same, finds the reply in work or written, and makes up for every start that
 * failed; turn and claim keep two workers from one reply, however many hear of it; a worker that stops begins nothing.
 */
import { type Duration, Effect, Exit, FiberSet, Result, Scope } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents, conversationIdOf, conversationStream } from "@signalbox/core/conversation/events.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { Precedence } from "@signalbox/core/projection/Precedence.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { beginReply, writeReply } from "./reply.ts"

const begins = new Set(["ReplyRequested", "ToolApproved", "ToolRefused"])
/** As the queue gives its jobs. */
const grace: Duration.Input = "10 seconds"

export const beginEagerly = Effect.acquireUseRelease(
  Effect.gen(function* () {
    const [hearing, writing] = [yield* Scope.make(), yield* Scope.make()]
    const fibers = yield* Scope.provide(FiberSet.make<void, never>(), writing)
    const run = yield* FiberSet.runtime(fibers)<Effect.Services<ReturnType<typeof start>>>()
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
    const begin = (event: RecordedEvent): void => {
      if (!hears) return
      const over = () => done(event.position)
      if (begun(fibers) < queues.reply.concurrency) run(Effect.ensuring(start(event, over), Effect.sync(over)))
      else over()
    }
    const listen = tail.watchAll((event) => {
      // when everybody here has heard it: what it is an answer to is known by then
      if (begins.has(event.type)) queueMicrotask(() => begin(event))
    })
    yield* Effect.forkIn(Effect.interruptible(Scope.provide(listen, hearing)), hearing)
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

const start = (recorded: RecordedEvent, shown: () => void) => {
  const conversationId = conversationIdOf(recorded.stream)
  const event = Result.getOrUndefined(conversationEvents.decode(recorded))
  const reply =
    event?._tag === "ReplyRequested" ? beginReply(conversationId, event.replyId, shown) : writeReply(conversationId)
  return Effect.catchCause(reply, (cause) =>
    Effect.logDebug(`the reply of ${conversationId} is left to its job`, cause)
  )
}
