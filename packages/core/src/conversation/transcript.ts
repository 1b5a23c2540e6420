/**
 * What was said, in order: the fold that screens, exports and the model's context share.
 *
 * Owns: entries and their fold over any part of the stream. Does not own: which part is read, how it looks, what a model is sent.
 * Invariants: pure; folding a stream in pieces gives what folding it whole gives, as long as the pieces are in order and begin
 * with the first one; an entry is named by the version of the event that made it.
 */
import type { Cost, FailureKind, Native, StopReason, Usage } from "../model/message.ts"
import type { Attachment, CarriedSummary, ConversationEvent, Imported } from "./events.ts"

export interface TranscriptCall {
  readonly callId: string
  readonly name: string
  readonly args: unknown
  readonly state: "asked" | "ready" | "refused" | "answered"
  readonly answer: { readonly text: string; readonly isError: boolean } | null
}
/** What a model said before it called tools. */
export interface TranscriptStep {
  readonly text: string
  readonly calls: ReadonlyArray<TranscriptCall>
  readonly native?: Native
}
export interface CallFacts {
  readonly model: string
  readonly usage: Usage | null
  readonly cost: Cost
  readonly firstTokenMs: number | null
  readonly latencyMs: number
}

export type TranscriptEntry =
  | {
      readonly kind: "message"
      readonly version: number
      readonly at: string
      readonly actor: string
      readonly text: string
      readonly attachments: ReadonlyArray<Attachment>
    }
  | {
      readonly kind: "reply"
      readonly version: number
      readonly at: string
      readonly replyId: string
      readonly model: string
      readonly status: "open" | "completed" | "failed" | "interrupted"
      readonly interrupting: boolean
      readonly steps: ReadonlyArray<TranscriptStep>
      /** Of the last step; of a failed or interrupted reply what had arrived. */
      readonly text: string
      readonly native?: Native
      readonly stop: StopReason | null
      readonly failure: { readonly kind: FailureKind; readonly message: string } | null
      /** Every call to a model that it took, in order. */
      readonly calls: ReadonlyArray<CallFacts>
      readonly endedAt: string | null
      readonly endedVersion: number | null
      /** Another reply was asked for in its place. */
      readonly superseded: boolean
    }
  | {
      readonly kind: "copied"
      readonly version: number
      /** Place within its event. */
      readonly nth: number
      readonly at: string
      readonly role: "user" | "assistant"
      readonly text: string
      readonly model: string | null
      readonly attachments: ReadonlyArray<Attachment>
    }
  | {
      readonly kind: "summary"
      readonly version: number
      readonly at: string
      readonly fromVersion: number
      readonly throughVersion: number
      readonly text: string
      readonly reason: "window" | "size" | "person"
      readonly call: CallFacts
    }
  | {
      readonly kind: "note"
      readonly version: number
      readonly at: string
      readonly note:
        | {
            readonly _tag: "started"
            readonly model: string
            readonly system: string | null
            readonly carried: ReadonlyArray<CarriedSummary>
            /** Where its first events come from, and when they happened there. */
            readonly imported?: Imported
          }
        | { readonly _tag: "model"; readonly model: string }
        | { readonly _tag: "renamed"; readonly title: string }
        | { readonly _tag: "summary-failed"; readonly message: string }
    }

export type ReplyEntry = Extract<TranscriptEntry, { readonly kind: "reply" }>

export interface TranscriptMeta {
  readonly version: number
  readonly at: string
  readonly actor: string
}

/** What was imported happened when and by whom it happened first. */
export const lived = (imported: Imported | undefined, meta: TranscriptMeta): TranscriptMeta => {
  const was = imported?.was[meta.version - 1]
  return was === undefined ? meta : { version: meta.version, ...was }
}

const importedOf = (entries: ReadonlyArray<TranscriptEntry>): Imported | undefined => {
  const [first] = entries
  return first?.kind === "note" && first.note._tag === "started" ? first.note.imported : undefined
}

export const evolveTranscript = (
  entries: ReadonlyArray<TranscriptEntry>,
  event: ConversationEvent,
  meta: TranscriptMeta
): ReadonlyArray<TranscriptEntry> => {
  const imported = event._tag === "ConversationStarted" ? event.imported : importedOf(entries)
  const { version, at, actor } = lived(imported, meta)
  const note = (made: Extract<TranscriptEntry, { readonly kind: "note" }>["note"]) => [
    ...entries,
    { kind: "note", version, at, note: made } as const
  ]
  switch (event._tag) {
    case "ConversationStarted":
      return note({
        _tag: "started",
        model: event.model,
        system: event.system ?? null,
        carried: event.carried ?? [],
        ...(event.imported === undefined ? {} : { imported: event.imported })
      })
    case "MessagesCopied":
      return [
        ...entries,
        ...event.messages.map((one, nth) => ({
          kind: "copied" as const,
          version,
          nth,
          at: one.at,
          role: one.role,
          text: one.text,
          model: one.model ?? null,
          attachments: one.attachments ?? []
        }))
      ]
    case "MessageSent":
      return [
        ...entries,
        { kind: "message", version, at, actor, text: event.text, attachments: event.attachments ?? [] }
      ]
    case "ReplyRequested": {
      const before = event.regenerates
      const kept =
        before === undefined ? entries : withReply(entries, before, (reply) => ({ ...reply, superseded: true }))
      return [...kept, opened(event, version, at)]
    }
    case "ReplyStepped":
      return withReply(entries, event.replyId, (reply) => ({
        ...reply,
        steps: [
          ...reply.steps,
          {
            text: event.text,
            calls: event.calls.map(({ needsApproval, ...call }) => ({
              ...call,
              state: needsApproval ? ("asked" as const) : ("ready" as const),
              answer: null
            })),
            ...(event.native === undefined ? {} : { native: event.native })
          }
        ],
        calls: [...reply.calls, factsOf(event)]
      }))
    case "ToolApproved":
      return withCall(entries, event, (call) => (call.state === "asked" ? { ...call, state: "ready" } : call))
    case "ToolRefused":
      return withCall(entries, event, (call) => (call.state === "asked" ? { ...call, state: "refused" } : call))
    case "ToolAnswered":
      return withCall(entries, event, (call) => ({
        ...call,
        state: "answered",
        answer: { text: event.text, isError: event.isError }
      }))
    case "ReplyInterruptRequested":
      return withReply(entries, event.replyId, (reply) => ({ ...reply, interrupting: true }))
    case "ReplyCompleted":
      return withReply(entries, event.replyId, (reply) => ({
        ...ended(reply, "completed", event, version, at),
        stop: event.stop,
        ...(event.native === undefined ? {} : { native: event.native })
      }))
    case "ReplyFailed":
      return withReply(entries, event.replyId, (reply) => ({
        ...ended(reply, "failed", event, version, at),
        failure: { kind: event.kind, message: event.message }
      }))
    case "ReplyInterrupted":
      return withReply(entries, event.replyId, (reply) => ended(reply, "interrupted", event, version, at))
    case "ConversationSummarized":
      return [
        ...entries,
        {
          kind: "summary",
          version,
          at,
          fromVersion: event.fromVersion,
          throughVersion: event.throughVersion,
          text: event.text,
          reason: event.reason,
          call: factsOf(event)
        }
      ]
    case "ModelChanged":
      return note({ _tag: "model", model: event.model })
    case "ConversationRenamed":
      return note({ _tag: "renamed", title: event.title })
    case "SummaryFailed":
      return note({ _tag: "summary-failed", message: event.message })
    case "SummaryRequested":
    case "ConversationArchived":
    case "ConversationUnarchived":
      return entries
  }
}

const factsOf = ({ model, usage, cost, firstTokenMs, latencyMs }: CallFacts): CallFacts => ({
  model,
  usage,
  cost,
  firstTokenMs,
  latencyMs
})

const opened = (
  event: Extract<ConversationEvent, { readonly _tag: "ReplyRequested" }>,
  version: number,
  at: string
): ReplyEntry => ({
  kind: "reply",
  version,
  at,
  replyId: event.replyId,
  model: event.model,
  status: "open",
  interrupting: false,
  steps: [],
  text: "",
  stop: null,
  failure: null,
  calls: [],
  endedAt: null,
  endedVersion: null,
  superseded: false
})

const ended = (
  reply: ReplyEntry,
  status: "completed" | "failed" | "interrupted",
  event: CallFacts & { readonly text: string },
  version: number,
  at: string
): ReplyEntry => ({
  ...reply,
  status,
  text: event.text,
  calls: [...reply.calls, factsOf(event)],
  endedAt: at,
  endedVersion: version
})

/** Replies that change are near the end. */
const withReply = (
  entries: ReadonlyArray<TranscriptEntry>,
  replyId: string,
  change: (reply: ReplyEntry) => ReplyEntry
): ReadonlyArray<TranscriptEntry> => {
  const at = entries.findLastIndex((one) => one.kind === "reply" && one.replyId === replyId)
  const found = entries[at]
  return found?.kind === "reply" ? entries.with(at, change(found)) : entries
}

const withCall = (
  entries: ReadonlyArray<TranscriptEntry>,
  { replyId, callId }: { readonly replyId: string; readonly callId: string },
  change: (call: TranscriptCall) => TranscriptCall
): ReadonlyArray<TranscriptEntry> =>
  withReply(entries, replyId, (reply) => ({
    ...reply,
    steps: reply.steps.map((step) => ({
      ...step,
      calls: step.calls.map((call) => (call.callId === callId ? change(call) : call))
    }))
  }))
