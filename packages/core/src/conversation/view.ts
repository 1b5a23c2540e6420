/**
 * A conversation as lists and decisions see it: the fold of its events without the messages' text.
 *
 * Owns: `ConversationView` and `evolve`. Does not own: the messages (`transcript.ts`), decisions, SQL, pixels.
 * Invariants: pure and bounded, however long the talk; an event that does not fit the state changes nothing.
 */
import { Schema } from "effect"
import type { Usage } from "../model/message.ts"
import { isUncounted } from "./counted.ts"
import type { ConversationEvent } from "./events.ts"

/** What a tool call waits for. */
export const CallState = Schema.Struct({
  callId: Schema.String,
  name: Schema.String,
  args: Schema.Json,
  /** `asked`: a person must decide. `ready`: it may run. */
  state: Schema.Literals(["asked", "ready", "refused", "answered"]),
  /** Who said yes; absent: nobody was asked. */
  approvedBy: Schema.optionalKey(Schema.String)
})
export type CallState = typeof CallState.Type

export const OpenReply = Schema.Struct({
  replyId: Schema.String,
  /** Version of its ReplyRequested. */
  version: Schema.Int,
  model: Schema.String,
  at: Schema.String,
  interrupting: Schema.Boolean,
  /** Steps that have ended; the next one is `steps + 1`. */
  steps: Schema.Int,
  /** Of the last step. */
  calls: Schema.Array(CallState)
})
export type OpenReply = typeof OpenReply.Type

export const ConversationStatus = Schema.Literals(["idle", "replying", "waiting"])
export type ConversationStatus = typeof ConversationStatus.Type

export const ConversationView = Schema.Struct({
  conversationId: Schema.String,
  /** Given, or the beginning of the first message. */
  title: Schema.String,
  titled: Schema.Boolean,
  model: Schema.String,
  client: Schema.String,
  actor: Schema.String,
  tools: Schema.Boolean,
  system: Schema.NullOr(Schema.String),
  /** `waiting`: for a person's yes or no to a tool call. */
  status: ConversationStatus,
  archived: Schema.Boolean,
  forkOf: Schema.NullOr(Schema.Struct({ conversationId: Schema.String, version: Schema.Int })),
  /** Its events up to `through` come from an export; until all of them are there, nothing else may happen. */
  imported: Schema.optionalKey(Schema.Struct({ conversationId: Schema.String, through: Schema.Int })),
  open: Schema.NullOr(OpenReply),
  /** The last reply that has ended. */
  last: Schema.NullOr(
    Schema.Struct({
      replyId: Schema.String,
      version: Schema.Int,
      outcome: Schema.Literals(["completed", "failed", "interrupted"]),
      /** Whether a message was sent since: then it is not the one to regenerate. */
      stale: Schema.Boolean
    })
  ),
  /** The summary that stands for the past. */
  summary: Schema.NullOr(Schema.Struct({ version: Schema.Int, throughVersion: Schema.Int })),
  summarizing: Schema.Boolean,
  /** Of people and of models. */
  messages: Schema.Int,
  /** Beginning of what was said last. */
  snippet: Schema.String,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  costUsd: Schema.Number,
  /** Calls whose price is not known: `costUsd` is without them. */
  unpriced: Schema.Int,
  /** Calls that may have been billed and of which nobody told the tokens: the sums are without them. */
  uncounted: Schema.Int,
  createdAt: Schema.String,
  updatedAt: Schema.String,
  version: Schema.Int
}).annotate({ identifier: "Conversation" })
export type ConversationView = typeof ConversationView.Type

export interface EventMeta {
  readonly at: string
  readonly actor: string
  readonly version: number
}

export const evolveConversation = (
  view: ConversationView | undefined,
  event: ConversationEvent,
  meta: EventMeta
): ConversationView | undefined => {
  if (event._tag === "ConversationStarted") return view ?? started(event, meta)
  if (view === undefined) return undefined
  const next = { ...view, ...spent(view, event), version: meta.version, updatedAt: meta.at }
  return { ...next, ...changed(next, event, meta) }
}

const changed = (
  view: ConversationView,
  event: Exclude<ConversationEvent, { readonly _tag: "ConversationStarted" }>,
  meta: EventMeta
): Partial<ConversationView> => {
  switch (event._tag) {
    case "MessagesCopied": {
      const last = event.messages.at(-1)
      const first = event.messages.find((one) => one.role === "user")
      return {
        messages: view.messages + event.messages.length,
        ...(last === undefined ? {} : { snippet: cut(last.text, snippetLength) }),
        ...(view.titled || view.messages > 0 || first === undefined ? {} : { title: titleFrom(first.text) })
      }
    }
    case "MessageSent":
      return {
        messages: view.messages + 1,
        snippet: cut(event.text, snippetLength),
        last: view.last === null ? null : { ...view.last, stale: true },
        ...(view.titled || view.messages > 0 ? {} : { title: titleFrom(event.text) })
      }
    case "ReplyRequested":
      return {
        status: "replying",
        open: {
          replyId: event.replyId,
          version: meta.version,
          model: event.model,
          at: meta.at,
          interrupting: false,
          steps: 0,
          calls: []
        }
      }
    case "ReplyStepped": {
      const calls = event.calls.map(({ needsApproval, ...call }): CallState => ({
        ...call,
        state: needsApproval ? "asked" : "ready"
      }))
      return withOpen(view, event.replyId, (open) => ({ ...open, steps: event.step, calls }))
    }
    case "ToolApproved":
      return withCall(view, event, "asked", "ready", { approvedBy: meta.actor })
    case "ToolRefused":
      return withCall(view, event, "asked", "refused")
    case "ToolAnswered":
      return withCall(view, event, undefined, "answered")
    case "ReplyInterruptRequested":
      return withOpen(view, event.replyId, (open) => ({ ...open, interrupting: true }))
    case "ReplyCompleted":
      return ended(view, event.replyId, "completed", event.text, meta)
    case "ReplyFailed":
      return ended(view, event.replyId, "failed", event.text === "" ? event.message : event.text, meta)
    case "ReplyInterrupted":
      return ended(view, event.replyId, "interrupted", event.text, meta)
    case "ModelChanged":
      return { model: event.model }
    case "SummaryRequested":
      return { summarizing: true }
    case "ConversationSummarized":
      return { summarizing: false, summary: { version: meta.version, throughVersion: event.throughVersion } }
    case "SummaryFailed":
      return { summarizing: false }
    case "ConversationRenamed":
      return { title: event.title, titled: true }
    case "ConversationArchived":
      return { archived: true }
    case "ConversationUnarchived":
      return { archived: false }
  }
}

const snippetLength = 160
const titleLength = 60

/** One line, cut at a word where one is near. */
const titleFrom = (text: string): string => {
  const line = text.trim().replaceAll(/\s+/gu, " ")
  if (line.length <= titleLength) return line
  const short = line.slice(0, titleLength - 1)
  const space = short.lastIndexOf(" ")
  return `${(space > titleLength / 2 ? short.slice(0, space) : short).toWellFormed()}…`
}

const cut = (text: string, length: number): string =>
  text
    .slice(0, length * 2)
    .trim()
    .replaceAll(/\s+/gu, " ")
    .slice(0, length)
    .toWellFormed()

const withOpen = (
  view: ConversationView,
  replyId: string,
  change: (open: OpenReply) => OpenReply
): Partial<ConversationView> => {
  if (view.open?.replyId !== replyId) return {}
  const open = change(view.open)
  return { open, status: open.calls.some((call) => call.state === "asked") ? "waiting" : "replying" }
}

const withCall = (
  view: ConversationView,
  { replyId, callId }: { readonly replyId: string; readonly callId: string },
  from: CallState["state"] | undefined,
  to: CallState["state"],
  more: Partial<CallState> = {}
): Partial<ConversationView> =>
  withOpen(view, replyId, (open) => ({
    ...open,
    calls: open.calls.map((call) =>
      call.callId === callId && (from === undefined || call.state === from) ? { ...call, ...more, state: to } : call
    )
  }))

const ended = (
  view: ConversationView,
  replyId: string,
  outcome: "completed" | "failed" | "interrupted",
  text: string,
  meta: EventMeta
): Partial<ConversationView> =>
  view.open?.replyId === replyId
    ? {
        status: "idle",
        open: null,
        last: { replyId, version: meta.version, outcome, stale: false },
        messages: view.messages + 1,
        ...(text === "" ? {} : { snippet: cut(text, snippetLength) })
      }
    : {}

/** Tokens and money of the event, whatever became of the call. */
const spent = (view: ConversationView, event: ConversationEvent): Partial<ConversationView> => {
  if (!("usage" in event)) return {}
  if (event.usage === null)
    return isUncounted(event, "kind" in event ? event.kind : undefined) ? { uncounted: view.uncounted + 1 } : {}
  const usage: Usage = event.usage
  return {
    inputTokens: view.inputTokens + usage.inputTokens,
    outputTokens: view.outputTokens + usage.outputTokens,
    costUsd: view.costUsd + (event.cost?.usd ?? 0),
    unpriced: view.unpriced + (event.cost === null ? 1 : 0)
  }
}

const started = (
  event: Extract<ConversationEvent, { readonly _tag: "ConversationStarted" }>,
  meta: EventMeta
): ConversationView => ({
  conversationId: event.conversationId,
  title: event.title ?? "",
  titled: event.title !== undefined,
  model: event.model,
  client: event.client,
  actor: meta.actor,
  tools: event.tools,
  system: event.system ?? null,
  status: "idle",
  archived: false,
  forkOf: event.forkOf ?? null,
  ...(event.imported === undefined
    ? {}
    : { imported: { conversationId: event.imported.conversationId, through: event.imported.through } }),
  open: null,
  last: null,
  summary: null,
  summarizing: false,
  messages: 0,
  snippet: "",
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  unpriced: 0,
  uncounted: 0,
  createdAt: meta.at,
  updatedAt: meta.at,
  version: meta.version
})
