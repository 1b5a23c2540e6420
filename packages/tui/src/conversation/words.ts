/**
 * Tokens, money and models in the words of screens.
 *
 * Owns: the line of costs. Does not own: counting (core's view).
 * Invariant: a price that is not known is said to be unknown, never shown as nothing.
 */
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { uncountedOf } from "@signalbox/core/conversation/counted.ts"
import type { CallFacts, ReplyEntry } from "@signalbox/core/conversation/transcript.ts"
import { modelOf } from "@signalbox/core/model/ref.ts"
import { duration, many, short } from "../format.ts"
import { clean, width } from "../text.ts"

/** `$0.031 $4.87 <$0.001`, and `no cost` where a price is known to be nothing. */
export const money = (usd: number): string =>
  usd === 0 ? "no cost" : usd < 0.001 ? "<$0.001" : `$${usd.toFixed(usd < 1 ? 3 : 2)}`

/** `gemini-2.5-flash`, without the provider. */
export const modelName = (ref: string): string => clean(modelOf(ref))

/** `41.2k in · 3.1k out · $0.031` of a whole conversation; undefined before anything was asked. */
export const spent = (view: ConversationView): string | undefined => {
  if (view.inputTokens + view.outputTokens === 0) return view.uncounted === 0 ? undefined : "tokens and price unknown"
  const unknown = view.unpriced + view.uncounted
  const price =
    unknown === 0
      ? money(view.costUsd)
      : view.costUsd === 0
        ? "price unknown"
        : `${money(view.costUsd)} and ${many(unknown, "call")} of unknown price`
  return `${short(view.inputTokens)} in · ${short(view.outputTokens)} out · ${price}`
}

/** `1.2s · 412 in · 96 out · $0.002` of one reply, all of its calls together. */
export const replySpent = (reply: Pick<ReplyEntry, "calls" | "failure">): ReadonlyArray<string> => {
  const { calls } = reply
  const uncounted = uncountedOf(reply)
  const ms = calls.reduce((sum, call) => sum + call.latencyMs, 0)
  const counted = calls.flatMap((call) => (call.usage === null ? [] : [call.usage]))
  const unpriced = calls.some((call) => call.usage !== null && call.cost === null)
  const usd = calls.reduce((sum, call) => sum + (call.cost?.usd ?? 0), 0)
  const tokens = (of: "inputTokens" | "outputTokens") => short(counted.reduce((sum, usage) => sum + usage[of], 0))
  return [
    ...(ms === 0 ? [] : [duration(ms)]),
    ...(counted.length === 0
      ? uncounted === 0
        ? []
        : ["tokens unknown", "price unknown"]
      : [
          `${tokens("inputTokens")} in`,
          `${tokens("outputTokens")} out`,
          unpriced ? "price unknown" : money(usd),
          ...(uncounted === 0 ? [] : [`${many(uncounted, "call")} unknown`])
        ])
  ]
}

export const firstToken = (calls: ReadonlyArray<CallFacts>): string | undefined => {
  const ms = calls.find((call) => call.firstTokenMs !== null)?.firstTokenMs ?? undefined
  if (ms === undefined) return undefined
  return `${ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`} to first token`
}

/** What must be set so that there is a model. */
export const noModelSentence =
  "No model is configured. Set GEMINI_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST for the worker, then start it again."

/** As many facts as fit whole, the first ones first. */
export const fitting = (facts: ReadonlyArray<string | undefined>, columns: number): string => {
  let out = ""
  for (const fact of facts) {
    if (fact === undefined || fact === "") continue
    const next = out === "" ? fact : `${out} · ${fact}`
    if (out !== "" && width(next) > columns) continue
    out = next
  }
  return out
}
