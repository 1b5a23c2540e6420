import { assert, describe, it } from "@effect/vitest"
import type { FailureKind } from "../model/message.ts"
import { isUncounted, uncountedOf } from "./counted.ts"
import type { ConversationEvent } from "./events.ts"
import type { CallFacts } from "./transcript.ts"
import { type ConversationView, evolveConversation } from "./view.ts"

const usage = { inputTokens: 10, outputTokens: 2 }
const call = { model: "openai/gpt-5", usage: null, cost: null, firstTokenMs: null, latencyMs: 40 }
const replyId = "11111111-1111-4111-8111-111111111111"

describe("a call that nobody counted", () => {
  it.each([
    ["was counted", { ...call, usage }, undefined, false],
    ["was interrupted", call, undefined, true],
    ["was never made: the reply was stopped between two calls", { ...call, latencyMs: 0 }, undefined, false],
    ["was turned away", call, "quota", false],
    ["had no key", { ...call, latencyMs: 0 }, "no-key", false],
    ["broke off after its first word", { ...call, firstTokenMs: 20 }, "outage", true],
    ["broke off", call, "truncated", true],
    ["was taken and not answered", call, "stalled", true],
    ["had a worker that died", { ...call, latencyMs: 0 }, "worker-died", true]
  ] as const satisfies ReadonlyArray<readonly [string, CallFacts, FailureKind | undefined, boolean]>)(
    "%s",
    (_, made, failure, unknown) => {
      assert.strictEqual(isUncounted(made, failure), unknown)
    }
  )

  it("is told beside the sums of its conversation and of its reply, and is in none of them", () => {
    const priced = { ...call, usage, cost: { usd: 0.5, pricesOf: "2026-11-01" } }
    const events: ReadonlyArray<ConversationEvent> = [
      {
        _tag: "ConversationStarted",
        conversationId: "chat-20261120-143022-abc123",
        model: call.model,
        client: "ana",
        tools: true
      },
      { _tag: "ReplyRequested", replyId, model: call.model },
      { _tag: "ReplyStepped", replyId, step: 1, text: "", calls: [], ...priced },
      { _tag: "ReplyFailed", replyId, kind: "worker-died", message: "It died.", text: "", ...call, latencyMs: 0 }
    ]
    let view: ConversationView | undefined
    for (const [n, event] of events.entries())
      view = evolveConversation(view, event, { at: "2026-11-20T14:30:22.000000Z", actor: "ana", version: n + 1 })
    assert.deepInclude(view, { inputTokens: 10, outputTokens: 2, costUsd: 0.5, unpriced: 0, uncounted: 1 })
    const failure = { kind: "worker-died" as const, message: "It died." }
    assert.strictEqual(uncountedOf({ calls: [priced, { ...call, latencyMs: 0 }], failure }), 1)
  })
})
