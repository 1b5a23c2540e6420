/**
 * Has a conversation's model summarize its past.
 *
 * Owns: asking part by part, and the event that tells of it. Does not own: when and what (core's `summary.ts`), the jobs.
 * Invariants: a summary is claimed before a model is asked, so that one whose worker died is told as failed and never billed again
 * in silence; what it cost is in exactly one event, also when it failed or was stopped.
 */
import { Effect, Exit } from "effect"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import type { Talk } from "@signalbox/core/conversation/memory.ts"
import { storableText } from "@signalbox/core/conversation/pieces.ts"
import { summaryParts, summaryRequest, summarySystem } from "@signalbox/core/conversation/summary.ts"
import type { FailureKind, Usage } from "@signalbox/core/model/message.ts"
import { uuidV5 } from "@signalbox/core/projection/Reactor.ts"
import { ask, type CallFacts, factsOf, makeHeard, noFacts } from "./ask.ts"
import { ConversationCommands } from "./ConversationCommands.ts"

export interface Summarizing {
  readonly conversationId: string
  readonly talk: Talk
  readonly ref: string
  readonly window: number
  readonly throughVersion: number
  readonly reason: "window" | "size" | "person"
  /** Of what this summary is part: a reply, or a person's request. */
  readonly key: string
}

/** @returns whether the past is summarized now */
export const summarize = (one: Summarizing) =>
  Effect.gen(function* () {
    const live = yield* LiveText
    const id = uuidV5(JSON.stringify(["summary", one.conversationId, one.key, one.throughVersion]))
    let facts = noFacts(one.ref)
    const failed = (kind: FailureKind, message: string) => record(one, id, { kind, message }, facts)
    const { before, parts } = summaryParts(one.talk.memory, one.throughVersion, one.window)
    if (!(yield* live.claim(id, 1, one.conversationId))) {
      yield* failed(
        "worker-died",
        "The worker died while the model summarized. It was not asked again; ask for a summary anew."
      )
      return false
    }
    const speak = Effect.gen(function* () {
      let text = before
      for (const part of parts) {
        const heard = makeHeard()
        const answer = yield* ask(
          { ref: one.ref, system: summarySystem, messages: [{ role: "user", text: summaryRequest(text, part) }] },
          heard,
          undefined
        ).pipe(Effect.onExit(() => Effect.map(factsOf(one.ref, heard), (more) => (facts = together(facts, more)))))
        if (answer._tag === "Failed") return yield* Effect.as(failed(answer.kind, sentence(answer.message)), false)
        text = heard.text
        if (text.trim() === "")
          return yield* Effect.as(
            failed("refused", "The model gave an empty summary. Ask for a summary again, or change the model."),
            false
          )
      }
      if (text === undefined) return yield* Effect.as(failed("refused", "There is nothing to summarize yet."), false)
      yield* record(one, id, { text }, facts)
      return true
    })
    return yield* speak.pipe(
      Effect.onExit((exit) =>
        Exit.hasInterrupts(exit)
          ? Effect.ignore(
              failed("truncated", "The summary was stopped before it was finished. Ask for it again if you want it.")
            )
          : Effect.void
      ),
      Effect.ensuring(Effect.ignore(live.drop(id)))
    )
  })

const record = (
  { conversationId, throughVersion, reason }: Summarizing,
  id: string,
  outcome: { readonly text: string } | { readonly kind: FailureKind; readonly message: string },
  facts: CallFacts
) =>
  Effect.flatMap(ConversationCommands, (commands) =>
    commands.record(
      conversationId,
      {
        _tag: "RecordSummary",
        event:
          "text" in outcome
            ? { _tag: "ConversationSummarized", fromVersion: 1, throughVersion, text: outcome.text, reason, ...facts }
            : { _tag: "SummaryFailed", ...outcome, ...facts }
      },
      ["summary", id]
    )
  )

const sentence = (message: string): string => storableText(message).slice(0, 2_000).toWellFormed()

/** Several calls as one. */
const together = (a: CallFacts, b: CallFacts): CallFacts => ({
  model: b.model,
  usage: a.usage === null ? b.usage : b.usage === null ? a.usage : added(a.usage, b.usage),
  cost:
    a.usage === null
      ? b.cost
      : b.usage === null
        ? a.cost
        : a.cost === null || b.cost === null
          ? null
          : { usd: a.cost.usd + b.cost.usd, pricesOf: b.cost.pricesOf },
  firstTokenMs: a.firstTokenMs ?? b.firstTokenMs,
  latencyMs: a.latencyMs + b.latencyMs
})

const added = (a: Usage, b: Usage): Usage => {
  const sum = (x: number | undefined, y: number | undefined) =>
    x === undefined && y === undefined ? undefined : (x ?? 0) + (y ?? 0)
  const cached = sum(a.cachedInputTokens, b.cachedInputTokens)
  const written = sum(a.cacheWriteTokens, b.cacheWriteTokens)
  const thought = sum(a.reasoningTokens, b.reasoningTokens)
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    ...(written === undefined ? {} : { cacheWriteTokens: written }),
    ...(thought === undefined ? {} : { reasoningTokens: thought })
  }
}
