/**
 * One call to a model: what it says goes to the live text as it comes, and is handed back when it ends, however it ends.
 *
 * Owns: the fold of a model's parts, times, the limit of an event. Does not own: when a model is asked, what becomes of the
 * answer (`reply.ts`, `summarize.ts`), wire formats (model room).
 * Invariants: never fails; what was shown is what is handed back, unit for unit; an interruption leaves what had come in `heard`.
 */
import { Clock, Data, Effect, Stream } from "effect"
import { payloadFault } from "@signalbox/core/log/storable.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { ready, splitByBytes, storableJson, storableText } from "@signalbox/core/conversation/pieces.ts"
import { costOf } from "@signalbox/core/model/prices.ts"
import type { Cost, FailureKind, Native, StopReason, ToolCall, Usage } from "@signalbox/core/model/message.ts"
import { type ModelPart, type ModelRequest, Models } from "../model/Models.ts"

/** Bytes of JSON: an event holds 1 MiB, and needs some for the rest. */
export const replyBytesLimit = 900_000

export interface CallFacts {
  readonly model: string
  readonly usage: Usage | null
  readonly cost: Cost
  readonly firstTokenMs: number | null
  readonly latencyMs: number
}

/** Where the text is shown while it comes. */
export interface Shown {
  readonly conversationId: string
  readonly replyId: string
  /** Offset of the step's text within the reply's. */
  readonly from: number
  /** Called when something was shown: once is enough. */
  readonly begun?: () => void
}

/** Filled while the model speaks. */
export interface Heard {
  text: string
  /** Half of a surrogate pair at the end of a piece. */
  later: string
  bytes: number
  readonly calls: Array<ToolCall>
  usage: Usage | null
  startedAt: number
  firstAt: number | null
  finished: Extract<ModelPart, { readonly _tag: "Finished" }> | undefined
}

export const makeHeard = (): Heard => ({
  text: "",
  later: "",
  bytes: 0,
  calls: [],
  usage: null,
  startedAt: 0,
  firstAt: null,
  finished: undefined
})

export type Answer =
  | {
      readonly _tag: "Answered"
      readonly stop: StopReason
      readonly native?: Native
    }
  | { readonly _tag: "Failed"; readonly kind: FailureKind; readonly message: string }

/** @param go the model is not asked before it has resolved; what can be made ready is */
export const ask = (
  request: ModelRequest,
  heard: Heard,
  shown: Shown | undefined,
  go?: Promise<void>
): Effect.Effect<Answer, never, Models | LiveText> =>
  Effect.gen(function* () {
    const models = yield* Models
    heard.startedAt = yield* Clock.currentTimeMillis
    const parts = models.stream(request, (usage) => (heard.usage = usage), go)
    return yield* parts.pipe(
      Stream.runForEach((part) => hear(part, heard, shown)),
      Effect.map(() => answerOf(heard)),
      Effect.catchTag("ModelFailed", (failed) =>
        Effect.succeed<Answer>({ _tag: "Failed", kind: failed.kind, message: failed.sentence })
      ),
      Effect.catchTag("Overflow", () => Effect.succeed(overflowed(heard)))
    )
  })

/** More than an event holds: the rest is not waited for. */
class Overflow extends Data.TaggedError("Overflow") {}

const hear = (part: ModelPart, heard: Heard, shown: Shown | undefined) =>
  Effect.gen(function* () {
    const live = yield* LiveText
    if (part._tag !== "Finished" && part._tag !== "Thinking") heard.firstAt ??= yield* Clock.currentTimeMillis
    switch (part._tag) {
      case "Text": {
        const { now, later } = ready(heard.later + part.text)
        heard.later = later
        const whole = storableText(now)
        const size = Buffer.byteLength(JSON.stringify(whole))
        const room = replyBytesLimit - heard.bytes
        const text = size <= room ? whole : (splitByBytes(whole, Math.max(room, 16))[0] ?? "")
        const from = (shown?.from ?? 0) + heard.text.length
        heard.text += text
        heard.bytes += size
        if (shown !== undefined) {
          yield* live.write(shown.conversationId, { _tag: "Text", replyId: shown.replyId, from, text })
          shown.begun?.()
        }
        return size <= room ? undefined : yield* new Overflow()
      }
      case "Thinking":
        if (shown !== undefined) yield* live.write(shown.conversationId, { _tag: "Thinking", replyId: shown.replyId })
        return
      case "ToolCall": {
        const call = {
          callId: storableText(part.callId),
          name: storableText(part.name),
          args: storableJson(part.args)
        }
        heard.calls.push(call)
        heard.bytes += Buffer.byteLength(JSON.stringify(call))
        return heard.bytes <= replyBytesLimit ? undefined : yield* new Overflow()
      }
      case "Finished":
        heard.finished = part
        heard.usage = part.usage ?? heard.usage
        return
    }
  })

const answerOf = (heard: Heard): Answer => {
  const { finished } = heard
  if (finished === undefined)
    return {
      _tag: "Failed",
      kind: "truncated",
      message: "The model's answer ended in the middle. What had arrived is kept; write it anew or ask to go on."
    }
  return {
    _tag: "Answered",
    stop: finished.stop,
    ...(finished.native === undefined || !fits(finished.native, heard) ? {} : { native: finished.native })
  }
}

const overflowed = ({ text }: Heard): Answer => ({
  _tag: "Failed",
  kind: "truncated",
  message: `The reply was cut after ${text.length} characters, because one reply holds at most ${replyBytesLimit} bytes. What is there is kept; ask the model to go on.`
})

/** Private data of a provider helps, and is not worth losing the reply for. */
const fits = (native: Native, heard: Heard): boolean =>
  payloadFault(native, "native") === undefined &&
  heard.bytes + Buffer.byteLength(JSON.stringify(native)) <= replyBytesLimit + 100_000

/** The facts of a call that has ended, or was stopped, now. */
export const factsOf = (ref: string, heard: Heard): Effect.Effect<CallFacts> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    return {
      model: ref,
      usage: heard.usage,
      cost: heard.usage === null ? null : costOf(ref, heard.usage, new Date(now).toISOString().slice(0, 10)),
      firstTokenMs: heard.firstAt === null ? null : heard.firstAt - heard.startedAt,
      latencyMs: heard.startedAt === 0 ? 0 : now - heard.startedAt
    }
  })

/** Of a call that was never made, or of which nothing is known. */
export const noFacts = (model: string): CallFacts => ({
  model,
  usage: null,
  cost: null,
  firstTokenMs: null,
  latencyMs: 0
})
