/**
 * One reply, followed from its request to its end.
 *
 * Owns: the live stream's frames of one reply, each piece of text once, and the answers to tool calls.
 * Does not own: what is shown where (the caller's `Show`), asking for the reply.
 * Invariants: a break of the line is bridged without a lost or doubled character; the text is what the events say in the end; the
 * fold is the transcript's own.
 */
import { Effect, Result, Schema, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { follow } from "@signalbox/core/api/sse.ts"
import { conversationEvents } from "@signalbox/core/conversation/events.ts"
import {
  evolveTranscript,
  type ReplyEntry,
  type TranscriptCall,
  type TranscriptEntry
} from "@signalbox/core/conversation/transcript.ts"
import { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { HubConnection } from "../client/HubConnection.ts"
import { cannotTell, type CommandFailed } from "../output.ts"

export interface Show<R = never> {
  readonly text: (piece: string) => Effect.Effect<void>
  readonly thinking: Effect.Effect<void>
  /** A tool was called or has answered. */
  readonly tool: (call: TranscriptCall) => Effect.Effect<void>
  /** A call waits for a person's yes or no. False: nobody is there to decide; the reply is left as it is. */
  readonly decide: (call: TranscriptCall) => Effect.Effect<boolean, CommandFailed, R>
  /** The hub is away, or back. */
  readonly line: (reason: string | undefined) => Effect.Effect<void>
}

export interface Asked {
  readonly conversationId: string
  readonly replyId: string
  /** Of its ReplyRequested. */
  readonly version: number
}

const Delta = Schema.fromJsonString(Schema.Struct({ replyId: Schema.String, from: Schema.Int, text: Schema.String }))
const decodeDelta = Schema.decodeUnknownResult(Delta)
const decodeEvent = Schema.decodeUnknownResult(Schema.fromJsonString(RecordedEvent))

/** Ends with the reply, or when it waits for somebody else. */
export const followReply = Effect.fnUntraced(function* <R>(asked: Asked, show: Show<R>) {
  const { url, token } = yield* HubConnection
  let entries: ReadonlyArray<TranscriptEntry> = []
  let shown = 0
  /** Characters of the steps that have ended. */
  let before = 0
  let down = false
  let left = false
  const told = new Set<string>()
  const reply = () =>
    entries.findLast((entry): entry is ReplyEntry => entry.kind === "reply" && entry.replyId === asked.replyId)

  const text = Effect.fnUntraced(function* (from: number, piece: string) {
    if (from > shown || from + piece.length <= shown) return
    const fresh = piece.slice(shown - from)
    shown = from + piece.length
    yield* show.text(fresh)
  })
  const once = (key: string, self: Effect.Effect<void>) =>
    Effect.suspend(() => {
      if (told.has(key)) return Effect.void
      told.add(key)
      return self
    })

  const event = Effect.fnUntraced(function* (data: string) {
    const recorded = decodeEvent(data)
    if (Result.isFailure(recorded)) return
    const decoded = conversationEvents.decode(recorded.success)
    if (Result.isFailure(decoded) || decoded.success === undefined) return
    const one = decoded.success
    entries = evolveTranscript(entries, one, recorded.success)
    if (!("replyId" in one) || one.replyId !== asked.replyId) return
    if ("text" in one && one._tag !== "ToolAnswered") {
      yield* text(before, one.text)
      before += one.text.length
    }
    for (const call of reply()?.steps.at(-1)?.calls ?? []) {
      yield* once(`${call.callId} ${call.state}`, show.tool(call))
      if (call.state !== "asked" || told.has(call.callId)) continue
      told.add(call.callId)
      if (!(yield* show.decide(call))) left = true
    }
  })

  const address = `${url}${streams.conversation(encodeURIComponent(asked.conversationId))}?from=${asked.version}`
  yield* follow({ url: address, token }).pipe(
    Stream.mapEffect((line) =>
      Effect.gen(function* () {
        if (line._tag === "Down" && !down) yield* show.line(line.reason)
        if (line._tag === "Up" && down) yield* show.line(undefined)
        if (line._tag !== "Frame") {
          down = line._tag === "Down"
          return false
        }
        const { frame } = line
        if (frame.event === "event") yield* event(frame.data)
        if (frame.event === "thinking") yield* show.thinking
        if (frame.event === "delta") {
          const delta = decodeDelta(frame.data)
          if (Result.isSuccess(delta) && delta.success.replyId === asked.replyId)
            yield* text(delta.success.from, delta.success.text)
        }
        const status = reply()?.status
        return left || (status !== undefined && status !== "open")
      })
    ),
    Stream.takeUntil((ended) => ended),
    Stream.runDrain
  )
  const ended = reply()
  return ended ?? (yield* Effect.fail(cannotTell("The hub told nothing of the reply.")))
})

/** Everything that the model said, its steps one after the other. */
export const wholeText = (reply: ReplyEntry): string =>
  [...reply.steps.map((step) => step.text), reply.text].filter((part) => part !== "").join("\n\n")

export interface Spent {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cachedInputTokens: number
  /** Null: a price is not known, which is not zero. */
  readonly usd: number | null
}

/** Null: the provider told nothing. */
export const spentOf = (reply: ReplyEntry): Spent | null => {
  const counted = reply.calls.filter((call) => call.usage !== null)
  if (counted.length === 0) return null
  const sum = (pick: (call: (typeof counted)[number]) => number) => counted.reduce((all, call) => all + pick(call), 0)
  return {
    inputTokens: sum((call) => call.usage?.inputTokens ?? 0),
    outputTokens: sum((call) => call.usage?.outputTokens ?? 0),
    cachedInputTokens: sum((call) => call.usage?.cachedInputTokens ?? 0),
    usd: counted.some((call) => call.cost === null) ? null : sum((call) => call.cost?.usd ?? 0)
  }
}
