/**
 * Which calls were counted by nobody, though they may have been billed. Pure.
 *
 * Owns: that question, for one event and for a whole reply. Does not own: sums (`view.ts`), words (screens).
 * Invariants: a call that was never made, or was turned away before its first word, costs nothing and is not among them; one whose
 * worker died always is.
 */
import type { FailureKind } from "../model/message.ts"
import type { CallFacts, ReplyEntry } from "./transcript.ts"

/** Refused before anything was written. */
const unbilled: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "no-key",
  "bad-key",
  "quota",
  "too-long",
  "model-gone",
  "refused",
  "outage",
  "unknown-provider"
])

export const isUncounted = (
  call: Pick<CallFacts, "usage" | "firstTokenMs" | "latencyMs">,
  failure: FailureKind | undefined
): boolean => {
  if (call.usage !== null) return false
  if (failure === "worker-died") return true
  if (failure !== undefined && call.firstTokenMs === null && unbilled.has(failure)) return false
  return call.latencyMs > 0 // a reply that was stopped between two calls has one that was never made
}

/** Of the calls that a reply took. */
export const uncountedOf = (reply: Pick<ReplyEntry, "calls" | "failure">): number =>
  reply.calls.filter((call, at) =>
    isUncounted(call, at === reply.calls.length - 1 ? (reply.failure?.kind ?? undefined) : undefined)
  ).length
