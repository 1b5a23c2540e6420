/**
 * What may happen to a conversation: commands in, events or a rejection out. Pure.
 *
 * Owns: the rules of one talk. Does not own: whether the model exists or has a key (found out by the call, told by ReplyFailed),
 * what a tool may do (`tools.ts`), when a summary is due (worker).
 * Invariants: one open reply at a time; what a worker records about a reply that is not open any more is accepted without an
 * event, because the world may repeat itself; people's commands that make no sense are rejected.
 */
import { Result, Schema } from "effect"
import type { ConversationEvent } from "./events.ts"
import type { ConversationView } from "./view.ts"

export class ConversationRejection extends Schema.TaggedError<ConversationRejection>()("ConversationRejection", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

type Of<Tag extends ConversationEvent["_tag"]> = Extract<ConversationEvent, { readonly _tag: Tag }>
type Fields<Tag extends ConversationEvent["_tag"]> = Omit<Of<Tag>, "_tag">

export type ConversationCommand =
  | {
      readonly _tag: "Start"
      readonly started: Fields<"ConversationStarted">
      readonly copied?: ReadonlyArray<Of<"MessagesCopied">["messages"]>
      /** The first message and the id of its reply. */
      readonly first?: Omit<Extract<ConversationCommand, { readonly _tag: "Send" }>, "_tag">
    }
  /** Events of an export, in parts; `from` is the version of the first one. */
  | { readonly _tag: "Import"; readonly from: number; readonly events: ReadonlyArray<ConversationEvent> }
  | {
      readonly _tag: "Send"
      readonly text: string
      readonly attachments?: Of<"MessageSent">["attachments"]
      readonly replyId: string
      /** For this reply and from now on. */
      readonly model?: string
    }
  | { readonly _tag: "Regenerate"; readonly replyId: string; readonly model?: string }
  | { readonly _tag: "Interrupt" }
  | { readonly _tag: "DecideCall"; readonly callId: string; readonly approve: boolean }
  | { readonly _tag: "ChangeModel"; readonly model: string }
  | { readonly _tag: "Summarize" }
  | { readonly _tag: "Rename"; readonly title: string }
  | { readonly _tag: "Archive" }
  | { readonly _tag: "Unarchive" }
  // what workers record
  | { readonly _tag: "RecordStep"; readonly event: Of<"ReplyStepped"> }
  | { readonly _tag: "RecordAnswer"; readonly event: Of<"ToolAnswered"> }
  | { readonly _tag: "RecordOutcome"; readonly event: Of<"ReplyCompleted" | "ReplyFailed" | "ReplyInterrupted"> }
  | { readonly _tag: "RecordSummary"; readonly event: Of<"ConversationSummarized" | "SummaryFailed"> }

type Decision = Result.Result<ReadonlyArray<ConversationEvent>, ConversationRejection>
const events = (...list: ReadonlyArray<ConversationEvent>): Decision => Result.succeed(list)
const reject = (reason: string): Decision => Result.fail(new ConversationRejection({ reason }))

export const decideConversation = (view: ConversationView | undefined, command: ConversationCommand): Decision => {
  if (command._tag === "Start") return start(view, command)
  if (command._tag === "Import") return imports(view, command)
  if (view !== undefined && (view.imported?.through ?? 0) > view.version)
    return reject("This conversation is being imported; if that was cut off, import the file again.")
  if (view === undefined) return reject("There is no such conversation. See conversation list.")
  switch (command._tag) {
    case "Send":
      return send(view, command)
    case "Regenerate":
      return regenerate(view, command)
    case "Interrupt":
      if (view.open === null) return reject("No reply is being written, so there is nothing to interrupt.")
      return view.open.interrupting ? events() : events({ _tag: "ReplyInterruptRequested", replyId: view.open.replyId })
    case "DecideCall":
      return decideCall(view, command)
    case "ChangeModel":
      return command.model === view.model ? events() : events({ _tag: "ModelChanged", model: command.model })
    case "Summarize":
      if (view.open !== null) return reject(busy(view))
      return view.summarizing ? events() : events({ _tag: "SummaryRequested" })
    case "Rename":
      return command.title === view.title && view.titled
        ? events()
        : events({ _tag: "ConversationRenamed", title: command.title })
    case "Archive":
      return view.archived ? events() : events({ _tag: "ConversationArchived" })
    case "Unarchive":
      return view.archived ? events({ _tag: "ConversationUnarchived" }) : events()
    case "RecordStep":
      return view.open?.replyId === command.event.replyId && command.event.step === view.open.steps + 1
        ? events(command.event)
        : events()
    case "RecordAnswer": {
      const { replyId, callId } = command.event
      const call = view.open?.replyId === replyId ? view.open.calls.find((one) => one.callId === callId) : undefined
      return call === undefined || call.state === "answered" ? events() : events(command.event)
    }
    case "RecordOutcome":
      return view.open?.replyId === command.event.replyId ? events(command.event) : events()
    case "RecordSummary":
      return recordSummary(view, command.event)
  }
}

const start = (
  view: ConversationView | undefined,
  { started, copied, first }: Extract<ConversationCommand, { readonly _tag: "Start" }>
): Decision => {
  if (view !== undefined) return reject(`There is a conversation ${started.conversationId} already.`)
  return events(
    { _tag: "ConversationStarted", ...started },
    ...(copied ?? []).map((messages): ConversationEvent => ({ _tag: "MessagesCopied", messages })),
    ...(first === undefined ? [] : said({ ...first, model: first.model ?? started.model }))
  )
}

const imports = (
  view: ConversationView | undefined,
  { from, events: list }: Extract<ConversationCommand, { readonly _tag: "Import" }>
): Decision => {
  const version = view?.version ?? 0
  const through = view === undefined ? started(list[0]) : view.imported?.through
  if (through === undefined || from > version + 1 || from + list.length - 1 > through)
    return reject("These events do not continue an import.")
  return from === version + 1 ? Result.succeed(list) : events()
}

const started = (event: ConversationEvent | undefined): number | undefined =>
  event?._tag === "ConversationStarted" ? event.imported?.through : undefined

const send = (view: ConversationView, command: Extract<ConversationCommand, { readonly _tag: "Send" }>): Decision => {
  if (view.open !== null) return reject(busy(view))
  const model = command.model ?? view.model
  return events(
    ...(view.archived ? [{ _tag: "ConversationUnarchived" } as const] : []),
    ...(model === view.model ? [] : [{ _tag: "ModelChanged", model } as const]),
    ...said({ ...command, model })
  )
}

const said = (message: {
  readonly text: string
  readonly attachments?: Of<"MessageSent">["attachments"]
  readonly replyId: string
  readonly model: string
}): ReadonlyArray<ConversationEvent> => [
  {
    _tag: "MessageSent",
    text: message.text,
    ...(message.attachments === undefined || message.attachments.length === 0
      ? {}
      : { attachments: message.attachments })
  },
  { _tag: "ReplyRequested", replyId: message.replyId, model: message.model }
]

const regenerate = (
  view: ConversationView,
  command: Extract<ConversationCommand, { readonly _tag: "Regenerate" }>
): Decision => {
  if (view.open !== null) return reject(busy(view))
  if (view.last === null || view.last.stale) return reject("There is no reply yet that could be written anew.")
  const model = command.model ?? view.model
  return events(...(model === view.model ? [] : [{ _tag: "ModelChanged", model } as const]), {
    _tag: "ReplyRequested",
    replyId: command.replyId,
    model,
    regenerates: view.last.replyId
  })
}

const decideCall = (
  view: ConversationView,
  { callId, approve }: Extract<ConversationCommand, { readonly _tag: "DecideCall" }>
): Decision => {
  const call = view.open?.calls.find((one) => one.callId === callId)
  if (view.open === null || call === undefined) return reject(`No tool call ${callId} waits for a decision here.`)
  const decided = call.state === "refused" ? "refused" : call.state === "asked" ? undefined : "approved"
  if (decided !== undefined)
    return decided === (approve ? "approved" : "refused")
      ? events()
      : reject(`The tool call ${callId} was ${decided} already.`)
  return events({ _tag: approve ? "ToolApproved" : "ToolRefused", replyId: view.open.replyId, callId })
}

const recordSummary = (view: ConversationView, event: Of<"ConversationSummarized" | "SummaryFailed">): Decision => {
  if (event._tag === "SummaryFailed") return events(event)
  // two workers that summarized the same: the first one stands
  return event.throughVersion > (view.summary?.throughVersion ?? 0) ? events(event) : events()
}

const busy = (view: ConversationView): string =>
  view.status === "waiting"
    ? "A tool call waits for your yes or no; decide it, or interrupt the reply, then go on."
    : "A reply is being written; wait for it or interrupt it, then go on."
