/**
 * What a model is sent for the next step of a reply; the past is summarized first when it has grown too large.
 *
 * Owns: that decision. Does not own: thresholds (core's `summary.ts`), the summary itself (`summarize.ts`).
 * Invariants: a summary that failed does not lose the reply as long as its last exchange fits; small talk asks nobody for anything.
 */
import { Context, Effect, Layer } from "effect"
import { type SettingInvalid, Settings } from "@signalbox/core/config/Settings.ts"
import { contextOf, type ModelContext } from "@signalbox/core/conversation/context.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import type { Talk } from "@signalbox/core/conversation/memory.ts"
import {
  fillsWindow,
  fitting,
  summaryCut,
  summaryDue,
  type SummaryRules,
  usualWindow
} from "@signalbox/core/conversation/summary.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { summarize } from "./summarize.ts"

/** No chat model has a smaller window: below it nobody needs to look the window up. */
const smallestWindow = 4_000

/** Beyond which share of the window, or size of text, the past is summarized. */
export class Rules extends Context.Service<Rules, SummaryRules>()("@signalbox/worker/conversation/Rules") {
  static readonly layer: Layer.Layer<Rules, SettingInvalid> = Layer.effect(
    Rules,
    Effect.map(Settings, ({ summaryShare, summaryBytes }) => Rules.of({ share: summaryShare, bytes: summaryBytes }))
  ).pipe(Layer.provide(Settings.layer))
}

export type Prepared =
  | { readonly _tag: "Ready"; readonly context: ModelContext }
  /** The past is another one now: look again. */
  | { readonly _tag: "Summarized" }
  | { readonly _tag: "TooLong"; readonly message: string }

export interface Preparing {
  readonly conversationId: string
  readonly replyId: string
  readonly talk: Talk
  readonly ref: string
  /** Whether a summary may be tried: at most one per turn. */
  readonly maySummarize: boolean
  /** Tokens that the model was found not to take, whatever its window is said to be. */
  readonly refused: number | undefined
}

export const prepare = (one: Preparing) =>
  Effect.gen(function* () {
    const { talk, ref, refused } = one
    const rules = yield* Rules
    const context = contextOf(talk.memory, ref)
    if (isSmall(context, rules) && refused === undefined) return { _tag: "Ready", context } satisfies Prepared
    const window = refused === undefined ? yield* windowOf(ref) : Math.min(yield* windowOf(ref), refused * 0.8)
    const due = summaryDue(context, window, rules)
    if (due !== undefined && one.maySummarize) {
      const room = { tokens: window * rules.share, bytes: rules.bytes }
      const throughVersion = summaryCut(talk.memory, room)
      if (throughVersion !== undefined) {
        const live = yield* LiveText
        yield* live.write(one.conversationId, { _tag: "Thinking", replyId: one.replyId })
        const { conversationId, replyId: key } = one
        const done = yield* summarize({ conversationId, talk, ref, window, throughVersion, reason: due, key })
        if (done) return { _tag: "Summarized" } satisfies Prepared
      }
    }
    if (context.tokens <= window * fillsWindow) return { _tag: "Ready", context } satisfies Prepared
    const less = fitting(talk.memory, ref, window * fillsWindow)
    if (less !== undefined) return { _tag: "Ready", context: less } satisfies Prepared
    return {
      _tag: "TooLong",
      message: `${
        refused === undefined
          ? `The last message with what belongs to it is about ${context.tokens} tokens, and ${ref} takes ${Math.round(window)}.`
          : `${ref} refused the last message with what belongs to it as too long for it (about ${context.tokens} tokens).`
      } Send less at once, or change to a model with a larger window.`
    } satisfies Prepared
  })

/** Of small talk, which is sent as it is: what `prepare` would say, at once. */
export const smallTalk = (talk: Talk, ref: string) =>
  Effect.map(Rules, (rules) => {
    const context = contextOf(talk.memory, ref)
    return isSmall(context, rules) ? context : undefined
  })

const isSmall = (context: ModelContext, rules: SummaryRules): boolean =>
  context.tokens < smallestWindow * rules.share && context.bytes <= rules.bytes

export const windowOf = (ref: string) =>
  Effect.gen(function* () {
    const known = yield* Effect.orElseSucceed((yield* Catalog).windowOf(ref), () => undefined)
    return known ?? usualWindow
  })
