/**
 * The first step of a reply, begun before its job has come: when its request is heard of, or announced.
 *
 * Owns: what can be done at the same time — turn and claim on their way to the disk, the request on its way into the log, the question
 * being made ready. Does not own: when (`eager.ts`), the reply from there on (`reply.ts`).
 * Invariants: nothing is sent before both the claim and the request are on the disk; a claim for a request that does not come is given
 * back by the one who made it, who sends nothing.
 */
import { Clock, Deferred, Effect, Fiber, Option, Result, Schedule, type Schema } from "effect"
import { ConversationTail } from "@signalbox/core/conversation/ConversationTail.ts"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import { evolveTalk, type Talk } from "@signalbox/core/conversation/memory.ts"
import type { SoonReply, SoonRequest } from "@signalbox/core/conversation/soon.ts"
import { canonical } from "@signalbox/core/log/Commands.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { letClaimLeave, makeReady } from "./ready.ts"
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
    const ready = known === undefined ? undefined : yield* makeReady(conversationId, known, begun, true)
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
 * The same for a reply of which word came before its request: turn and claim are on their way to the disk beside it, and the question
 * is made ready as it was announced. Nothing is asked before the request is in the log, and nothing else than what stands there.
 */
export const beginReplySoon = ({ conversationId, replyId, request }: SoonReply, begun: () => void) =>
  Effect.gen(function* () {
    const talks = yield* Talks
    const live = yield* LiveText
    const known = talks.recent(conversationId)
    if (known === undefined || known.view.open !== null) return
    const interrupted = yield* hearInterruptions(conversationId)
    const asked = yield* hearRequest(conversationId, replyId, request)
    const preparing = yield* Effect.forkScoped(
      Effect.gen(function* () {
        yield* letClaimLeave
        const foreseen = request === undefined ? undefined : foresee(known, request, yield* Clock.currentTimeMillis)
        const early = foreseen === undefined ? undefined : yield* makeReady(conversationId, foreseen, begun, false)
        const asAnnounced = yield* Deferred.await(asked)
        const talk = talks.recent(conversationId)
        if (talk?.view.open?.replyId !== replyId) return undefined
        if (early !== undefined && asAnnounced && talk.version === early.talk.version) {
          early.talk = talk
          return early
        }
        return yield* makeReady(conversationId, talk, begun, false)
      })
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

/** The talk as it will be when that is written. Undefined: it would be written behind something that is not known here. */
const foresee = (known: Talk, request: SoonRequest, now: number): Talk | undefined => {
  if (known.version !== request.after) return undefined
  const at = new Date(now).toISOString()
  let talk: Talk | undefined = known
  for (const { type, data } of request.events) {
    const event = Result.getOrUndefined(conversationEvents.decode({ position: 0, type, data }))
    const version: number = (talk?.version ?? 0) + 1
    talk = event === undefined ? undefined : evolveTalk(talk, event, { at, actor: request.actor, version })
    if (talk === undefined) return undefined
  }
  return talk
}

/**
 * Hears, from now on, that a reply was asked for, when everybody here has heard it: what it is an answer to is known by then.
 * @returns whether that was done in the very words, and right behind the very past, that were announced
 */
const hearRequest = Effect.fnUntraced(function* (conversationId: string, replyId: string, request?: SoonRequest) {
  const asked = yield* Deferred.make<boolean>()
  const said = new Map<number, { readonly type: string; readonly data: Schema.Json }>()
  yield* (yield* ConversationTail).watch(conversationId, (event) => {
    if (request !== undefined && event.version > request.after && said.size < request.events.length)
      said.set(event.version, { type: event.type, data: event.data })
    if (event.type !== "ReplyRequested") return
    const decoded = Result.getOrUndefined(conversationEvents.decode(event))
    if (decoded?._tag !== "ReplyRequested" || decoded.replyId !== replyId) return
    const asAnnounced =
      request !== undefined &&
      event.version === request.after + request.events.length &&
      canonical([...said.values()]) === canonical(request.events)
    queueMicrotask(() => Deferred.doneUnsafe(asked, Effect.succeed(asAnnounced)))
  })
  return asked
})
