/** A reply in words and as JSON: what `chat` says after it. Pure. */
import type { Schema } from "effect"
import { uncountedOf } from "@signalbox/core/conversation/counted.ts"
import type { ReplyEntry, TranscriptCall } from "@signalbox/core/conversation/transcript.ts"
import { count, duration } from "@signalbox/tui/format.ts"
import { oneLine } from "@signalbox/tui/text.ts"
import { spentOf, wholeText } from "./reply.ts"

/** "openai/gpt-5 · 1,234 in, 56 out · $0.0012 · first 0.3 s, all 2 s" */
export const spentLine = (reply: ReplyEntry): string => {
  const spent = spentOf(reply)
  const last = reply.calls.at(-1)
  const took = reply.calls.reduce((sum, call) => sum + call.latencyMs, 0)
  return [
    oneLine(reply.model, 100),
    spent === null
      ? uncountedOf(reply) === 0
        ? ""
        : "tokens and price unknown"
      : `${count(spent.inputTokens)} in${spent.cachedInputTokens > 0 ? ` (${count(spent.cachedInputTokens)} cached)` : ""}, ${count(spent.outputTokens)} out`,
    spent === null ? "" : spent.usd === null ? "price unknown" : `$${money(spent.usd)}`,
    last === undefined
      ? ""
      : `${last.firstTokenMs === null ? "" : `first word after ${duration(last.firstTokenMs)}, `}${duration(took)} in all`
  ]
    .filter((part) => part !== "")
    .join(" · ")
}

/** Enough digits to tell it from nothing. */
const money = (usd: number): string => (usd === 0 ? "0" : usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2))

export const callLine = (call: TranscriptCall): string => {
  const args = oneLine(JSON.stringify(call.args), 160)
  switch (call.state) {
    case "asked":
      return `The model asks to call ${oneLine(call.name, 60)} ${args}`
    case "ready":
      return `${oneLine(call.name, 60)} ${args}`
    case "refused":
      return `${oneLine(call.name, 60)} was refused`
    case "answered":
      return `${oneLine(call.name, 60)} ${call.answer?.isError === true ? "failed" : "answered"}: ${oneLine(call.answer?.text ?? "", 160)}`
  }
}

const askedMost = 4000

/** Whoever says yes has seen all of it; of what is too long for that, that it is. */
export const callQuestion = (call: TranscriptCall): string => {
  const args = JSON.stringify(call.args, undefined, 2)
  const shown = args
    .slice(0, askedMost)
    .split("\n")
    .map((line) => `  ${oneLine(line, askedMost)}`)
  return [
    `The model asks to call ${oneLine(call.name, 60)} with`,
    ...shown,
    ...(args.length > askedMost
      ? [`  … and ${count(args.length - askedMost)} characters more, which are not shown`]
      : [])
  ].join("\n")
}

/** Why it did not end well, for people; undefined: it did. */
export const troubleOf = (reply: ReplyEntry): string | undefined => {
  switch (reply.status) {
    case "completed":
      return reply.stop === "safety" ? "The provider stopped the reply for safety reasons." : undefined
    case "failed":
      return oneLine(reply.failure?.message ?? "The reply failed.", 1000)
    case "interrupted":
      return "The reply was interrupted."
    case "open":
      return "The reply waits for a decision."
  }
}

/** What a person must know of a reply that counts as whole. */
export const noteOf = (reply: ReplyEntry): string | undefined =>
  reply.status === "completed" && reply.stop === "length"
    ? "The reply was cut: the model stopped at its limit of length. Ask it to go on."
    : undefined

/** Where something had come before it failed, how to have it written anew. */
export const anewLine = (conversationId: string, reply: ReplyEntry): string | undefined =>
  (reply.status === "failed" || reply.status === "interrupted") && wholeText(reply) !== ""
    ? `What had come is kept. To have it written anew: signalbox conversation regenerate ${conversationId}`
    : undefined

export const replyJson = (conversationId: string, reply: ReplyEntry): Schema.Json => {
  const spent = spentOf(reply)
  return {
    conversationId,
    replyId: reply.replyId,
    status: reply.status === "open" ? "waiting" : reply.status,
    text: wholeText(reply),
    model: reply.model,
    stop: reply.stop,
    failure: reply.failure === null ? null : { ...reply.failure },
    usage:
      spent === null
        ? null
        : {
            inputTokens: spent.inputTokens,
            outputTokens: spent.outputTokens,
            cachedInputTokens: spent.cachedInputTokens
          },
    cost: spent === null || spent.usd === null ? null : { usd: spent.usd },
    firstTokenMs: reply.calls.at(-1)?.firstTokenMs ?? null,
    latencyMs: reply.calls.reduce((sum, call) => sum + call.latencyMs, 0),
    tools: reply.steps.flatMap((step) => step.calls.map(({ callId, name, state }) => ({ callId, name, state })))
  }
}
