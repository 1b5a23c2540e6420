/**
 * A reply's first question, made ready while turn and claim are being committed: everything but the sending.
 *
 * Owns: that, and the words of a question. Does not own: whether it may be asked (`reply.ts`, by its claim), the call (`ask.ts`).
 * Invariants: nothing is sent, and so nothing is billed, before `send`; small talk only, for the rest may need a summary, which is
 * billed itself; what is not sent ends with the scope.
 */
import { Clock, Effect, Fiber } from "effect"
import type { ModelContext } from "@signalbox/core/conversation/context.ts"
import { openReply, type Talk } from "@signalbox/core/conversation/memory.ts"
import { chatTools } from "@signalbox/core/conversation/tools.ts"
import type { ModelRequest } from "../model/Models.ts"
import { type Answer, ask, type Heard, makeHeard } from "./ask.ts"
import { smallTalk } from "./prepare.ts"

interface Forming {
  /** As it was then: of a talk that has changed it is the wrong question. */
  talk: Talk
  readonly heard: Heard
  /** Lets it be sent. */
  readonly go: () => void
  /** False: not yet, or it is no small talk. */
  made: boolean
}
export interface Ready extends Forming {
  readonly answer: Fiber.Fiber<Answer>
}

/**
 * @param begun called when its first words were shown
 * @param claimLeaves the claim is sent in this very moment, and goes first
 */
export const makeReady = (conversationId: string, talk: Talk, begun: () => void, claimLeaves: boolean) =>
  Effect.gen(function* () {
    const open = openReply(talk)
    if (open === undefined || open.steps.length > 0 || talk.view.open?.interrupting === true) return undefined
    const { promise, resolve: go } = Promise.withResolvers<void>()
    const heard = makeHeard()
    const shown = { conversationId, replyId: open.replyId, from: open.said, begun }
    const prepared = Effect.gen(function* () {
      if (claimLeaves) yield* letClaimLeave
      const context = yield* smallTalk(talk, open.model)
      if (context === undefined) return yield* Effect.never
      ready.made = true
      return yield* ask(questionOf(talk, open.model, context), heard, shown, promise)
    })
    const ready: Forming = { talk, heard, go, made: false }
    return Object.assign(ready, { answer: yield* Effect.forkScoped(prepared, { startImmediately: !claimLeaves }) })
  })

/** The driver writes in the next turn of the event loop: what is begun now waits for two. */
export const letClaimLeave = Effect.andThen(Effect.yieldNow, Effect.yieldNow)

export const questionOf = ({ memory }: Talk, ref: string, { system, messages }: ModelContext): ModelRequest => ({
  ref,
  messages,
  ...(system === "" ? {} : { system }),
  ...(memory.tools ? { tools: chatTools } : {})
})

/** It is claimed. Whoever is interrupted while waiting for the answer gives the question up. */
export const send = ({ heard, go, answer }: Ready): Effect.Effect<Answer> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    heard.startedAt = now
    go()
    return Effect.onInterrupt(Fiber.join(answer), () => Fiber.interrupt(answer))
  })
