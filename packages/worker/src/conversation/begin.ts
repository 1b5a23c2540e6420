/**
 * The first step of a reply, begun before its job has come: when its request is heard of, or announced.
 *
 * Owns: what can be done at the same time — turn and claim on their way to the disk, the request on its way into the log, the question
 * being made ready. Does not own: when (`eager.ts`), the reply from there on (`reply.ts`).
 * Invariants: nothing is sent before both the claim and the request are on the disk; a claim for a request that does not come is given
 * back by the one who made it, who sends nothing.
 */
import { Deferred, Effect, Fiber, Option, Result, Schedule } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { makeReady } from "./ready.ts"
import { goOnAll, hearInterruptions, untouched } from "./reply.ts"
import { Talks } from "./Talks.ts"
import { Turns } from "./Turns.ts"

/**
 * Begins with a reply that was asked for a moment ago, with as few questions to the database as can be.
 * @param begun called when its first words were shown
 */
export const beginReply = (conversationId: string, replyId: string, begun: () => void) =>
  Effect.gen(function* () {
    const talks = yield* Talks
    const known = talks.recent(conversationId)
    if (known !== undefined && known.view.open?.replyId !== replyId) return // history that was imported, or over already
    const interrupted = yield* hearInterruptions(conversationId)
    const ready = known === undefined ? undefined : yield* makeReady(conversationId, known, begun)
    yield* (yield* Turns).begin(conversationId, replyId, (claimed) =>
      Effect.gen(function* () {
        yield* goOnAll(yield* newest(conversationId, replyId), {
          ...untouched,
          conversationId,
          interrupted,
          begun,
          ready: claimed ? ready : undefined,
          claimed: claimed ? `${replyId}/1` : undefined
        })
      })
    )
  }).pipe(Effect.scoped)

/** For so long a request that was announced is waited for. Of one that comes later its job takes care. */
const announced = "2 seconds"

/**
 * The same for a reply of which word came before its request: turn and claim are on their way to the disk beside it. Nothing is asked
 * before the request is in the log.
 */
export const beginReplySoon = (conversationId: string, replyId: string, begun: () => void) =>
  Effect.gen(function* () {
    const talks = yield* Talks
    const live = yield* LiveText
    const known = talks.recent(conversationId)
    if (known === undefined || known.view.open !== null) return
    const interrupted = yield* hearInterruptions(conversationId)
    const asked = yield* hearRequest(conversationId, replyId)
    const preparing = yield* Effect.forkScoped(
      Effect.gen(function* () {
        yield* Deferred.await(asked)
        const talk = talks.recent(conversationId)
        return talk?.view.open?.replyId === replyId ? yield* makeReady(conversationId, talk, begun) : undefined
      }),
      { startImmediately: true }
    )
    yield* (yield* Turns).begin(conversationId, replyId, (claimed) =>
      Effect.gen(function* () {
        if (!claimed) return // somebody has it, or had it
        const came = yield* Fiber.join(preparing).pipe(
          Effect.timeoutOption(announced),
          Effect.onInterrupt(() => Effect.ignore(live.giveBack(replyId, 1)))
        )
        if (Option.isNone(came))
          return yield* Effect.retry(live.giveBack(replyId, 1), { times: 30, schedule: Schedule.spaced("1 second") })
        yield* goOnAll(yield* newest(conversationId, replyId), {
          ...untouched,
          conversationId,
          interrupted,
          begun,
          ready: came.value,
          claimed: `${replyId}/1`
        })
      })
    )
  }).pipe(Effect.scoped)

const newest = Effect.fnUntraced(function* (conversationId: string, replyId: string) {
  const talks = yield* Talks
  const recent = talks.recent(conversationId)
  return recent?.view.open?.replyId === replyId ? recent : yield* talks.load(conversationId)
})

/** Hears, from now on, that a reply was asked for. When everybody here has heard it: what it is an answer to is known by then. */
const hearRequest = Effect.fnUntraced(function* (conversationId: string, replyId: string) {
  const asked = yield* Deferred.make<void>()
  yield* (yield* ConversationTail).watch(conversationId, (event) => {
    if (event.type !== "ReplyRequested") return
    const decoded = Result.getOrUndefined(conversationEvents.decode(event))
    if (decoded?._tag === "ReplyRequested" && decoded.replyId === replyId)
      queueMicrotask(() => Deferred.doneUnsafe(asked, Effect.void))
  })
  return asked
})
