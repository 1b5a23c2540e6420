/**
 * Begins with a reply in the moment in which it is asked for, before its job has come through the queue.
 *
 * Owns: hearing requests, and letting what was begun finish when the worker stops. Does not own: the reply (`reply.ts`).
 * Invariants: only a head start — the job comes all the same, finds the reply in work or written, and makes up for every start that
 * failed; turn and claim keep two workers from one reply, however many hear of it; a worker that stops begins nothing.
 */
import { type Duration, Effect, Exit, FiberSet, Queue, Result, Scope } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents, conversationIdOf } from "@signalbox/core/conversation/events.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { queues } from "@signalbox/core/queue/queues.ts"
import { beginReply, writeReply } from "./reply.ts"

const begins = new Set(["ReplyRequested", "ToolApproved", "ToolRefused"])
/** As the queue gives its jobs. */
const grace: Duration.Input = "10 seconds"

export const beginEagerly = Effect.acquireUseRelease(
  Effect.gen(function* () {
    const [hearing, writing] = [yield* Scope.make(), yield* Scope.make()]
    const fibers = yield* Scope.provide(FiberSet.make<void, never>(), writing)
    const asked = yield* Queue.sliding<RecordedEvent>(queues.reply.concurrency)
    const tail = yield* ConversationTail
    const listen = tail.watchAll((event) => {
      if (begins.has(event.type)) Queue.offerUnsafe(asked, event)
    })
    yield* Effect.forkIn(Effect.interruptible(Scope.provide(listen, hearing)), hearing)
    const begin = Effect.gen(function* () {
      for (;;) {
        const event = yield* Queue.take(asked)
        if ((yield* FiberSet.size(fibers)) < queues.reply.concurrency)
          yield* FiberSet.run(fibers, Effect.interruptible(start(event)))
      }
    })
    yield* Effect.forkIn(Effect.interruptible(begin), hearing)
    return { hearing, writing, fibers }
  }),
  () => Effect.never,
  ({ hearing, writing, fibers }) =>
    Scope.close(hearing, Exit.void).pipe(
      Effect.andThen(Effect.timeoutOption(FiberSet.awaitEmpty(fibers), grace)),
      Effect.andThen(Scope.close(writing, Exit.void))
    )
)

const start = (recorded: RecordedEvent) => {
  const conversationId = conversationIdOf(recorded.stream)
  const event = Result.getOrUndefined(conversationEvents.decode(recorded))
  const reply =
    event?._tag === "ReplyRequested" ? beginReply(conversationId, event.replyId) : writeReply(conversationId)
  return Effect.catchCause(reply, (cause) =>
    Effect.logDebug(`the reply of ${conversationId} is left to its job`, cause)
  )
}
