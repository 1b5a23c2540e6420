/**
 * Histories of conversations out of a number: every one could have happened, for each step was decided by the rules.
 *
 * Owns: the generator. Invariant: the same seed gives the same history.
 */
import { Result } from "effect"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { type ConversationCommand, decideConversation } from "@signalbox/core/conversation/decider.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { type ConversationView, evolveConversation } from "@signalbox/core/conversation/view.ts"

export const random = (seed: number) => {
  let state = (seed ^ 0x9e3779b9) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    below,
    chance: (p: number) => next() < p,
    pick: <A>(list: readonly [A, ...Array<A>]): A => list[below(list.length)] ?? list[0]
  }
}
export type Random = ReturnType<typeof random>

const words = [
  "the", "connection", "pool", "is", "exhausted", "```", "~~~sh", "# heading", "---", "naïve", "Straße", "日本語", "ภาษาไทย",
  "🚂👨‍👩‍👧", "\u001b[31mred\u001b[0m", "<!--", "<script>", "\"quoted\"", "a\nb", "\r\n", "=HYPERLINK(1)", "\u200bzero", "|", "<details>", "\\"
] as const // prettier-ignore

const text = (r: Random): string => Array.from({ length: 1 + r.below(12) }, () => r.pick([...words])).join(" ")
const uuid = (r: Random): string => {
  const hex = Array.from({ length: 32 }, () => r.below(16).toString(16)).join("")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}
const models = ["openai/gpt-5", "anthropic/claude-sonnet-4-5", "ollama/qwen3:4b"] as const

const facts = (r: Random, model: string) => {
  const usage = r.chance(0.85)
    ? {
        inputTokens: r.below(10_000),
        outputTokens: r.below(2000),
        ...(r.chance(0.3) ? { cachedInputTokens: r.below(1000) } : {}),
        ...(r.chance(0.2) ? { cacheWriteTokens: r.below(1000) } : {}),
        ...(r.chance(0.3) ? { reasoningTokens: r.below(500) } : {})
      }
    : null
  return {
    model,
    usage,
    cost: usage !== null && r.chance(0.7) ? { usd: r.below(1_000_000) / 1e8, pricesOf: "2026-11-01" } : null,
    firstTokenMs: r.chance(0.9) ? r.below(2000) : null,
    latencyMs: r.below(9000)
  }
}

/** What a person or worker might do next; most of it makes sense now. */
const command = (r: Random, view: ConversationView): ConversationCommand => {
  const model = r.pick([...models])
  if (view.open !== null) {
    const { replyId, calls, steps } = view.open
    const asked = calls.find((call) => call.state === "asked")
    const unanswered = calls.find((call) => call.state === "ready" || call.state === "refused")
    if (asked !== undefined && r.chance(0.8))
      return { _tag: "DecideCall", callId: asked.callId, approve: r.chance(0.6) }
    if (unanswered !== undefined && r.chance(0.9))
      return {
        _tag: "RecordAnswer",
        event: { _tag: "ToolAnswered", replyId, callId: unanswered.callId, text: text(r), isError: r.chance(0.2) }
      }
    if (r.chance(0.3))
      return {
        _tag: "RecordStep",
        event: {
          _tag: "ReplyStepped",
          replyId,
          step: steps + 1,
          text: r.chance(0.7) ? text(r) : "",
          calls: Array.from({ length: 1 + r.below(3) }, (_, at) => ({
            callId: `call-${steps}-${at}`,
            name: "task_create",
            args: { command: text(r), deep: [1, { two: null }] },
            needsApproval: r.chance(0.5)
          })),
          ...(r.chance(0.3) ? { native: { provider: "anthropic", data: { signature: "x" } } } : {}),
          ...facts(r, view.open.model)
        }
      }
    if (r.chance(0.1)) return { _tag: "Interrupt" }
    const shared = { replyId, text: r.chance(0.9) ? text(r) : "", ...facts(r, view.open.model) }
    if (r.chance(0.75)) return { _tag: "RecordOutcome", event: { _tag: "ReplyCompleted", stop: "end", ...shared } }
    return r.chance(0.5)
      ? {
          _tag: "RecordOutcome",
          event: { _tag: "ReplyFailed", kind: "outage", message: "It is down. Try again.", ...shared }
        }
      : { _tag: "RecordOutcome", event: { _tag: "ReplyInterrupted", ...shared } }
  }
  switch (r.below(12)) {
    case 0:
      return { _tag: "Regenerate", replyId: uuid(r), ...(r.chance(0.3) ? { model } : {}) }
    case 1:
      return { _tag: "ChangeModel", model }
    case 2:
      return { _tag: "Rename", title: text(r) }
    case 3:
      return { _tag: r.chance(0.5) ? "Archive" : "Unarchive" }
    case 4:
      return { _tag: "Summarize" }
    case 5:
      return {
        _tag: "RecordSummary",
        event: r.chance(0.8)
          ? {
              _tag: "ConversationSummarized",
              fromVersion: 1,
              throughVersion: view.version,
              text: text(r),
              reason: "person",
              ...facts(r, model)
            }
          : { _tag: "SummaryFailed", kind: "quota", message: "Nothing left. Pay.", ...facts(r, model) }
      }
    default:
      return {
        _tag: "Send",
        text: text(r),
        replyId: uuid(r),
        ...(r.chance(0.3) ? { attachments: [{ name: "stdin`", text: `${text(r)}\n\`\`\`\`\n${text(r)}` }] } : {}),
        ...(r.chance(0.2) ? { model } : {})
      }
  }
}

export const makeHistory = (seed: number, conversationId: string, steps = 40): ReadonlyArray<ConversationEvent> => {
  const r = random(seed)
  const events: Array<ConversationEvent> = []
  let view: ConversationView | undefined
  const apply = (one: ConversationCommand): void => {
    const decided = decideConversation(view, one)
    if (Result.isFailure(decided)) return
    for (const event of decided.success) {
      events.push(event)
      view = evolveConversation(view, event, metaOf(events.length))
    }
  }
  apply({
    _tag: "Start",
    started: {
      conversationId,
      model: r.pick([...models]),
      client: r.pick(["ana", "bo"]),
      tools: r.chance(0.5),
      ...(r.chance(0.3) ? { title: text(r) } : {}),
      ...(r.chance(0.3) ? { system: text(r) } : {})
    },
    ...(r.chance(0.3)
      ? {
          copied: [
            [
              { role: "user", text: text(r), at: metaOf(0).at },
              { role: "assistant", text: text(r), at: metaOf(0).at, model: "openai/gpt-5" }
            ]
          ]
        }
      : {})
  })
  for (let i = 0; i < steps; i++) if (view !== undefined) apply(command(r, view))
  return events
}

const metaOf = (version: number) => ({
  version,
  at: `2026-11-${String(1 + (version % 28)).padStart(2, "0")}T10:00:00.${String(version).padStart(6, "0")}Z`,
  actor: "ana"
})

/** As the log would give them back. */
export const recorded = (
  conversationId: string,
  events: ReadonlyArray<ConversationEvent>
): ReadonlyArray<RecordedEvent> =>
  events.map((event, index) => ({
    position: index + 1,
    stream: conversationStream(conversationId),
    ...metaOf(index + 1),
    ...conversationEvents.encode(event),
    commandId: "00000000-0000-4000-8000-000000000000",
    correlationId: "00000000-0000-4000-8000-000000000000",
    causationId: null,
    hash: "0".repeat(64)
  }))
