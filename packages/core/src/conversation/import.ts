/**
 * From an export's JSON document back to a conversation.
 *
 * Owns: checking the document, the events of the new conversation, how they are cut into appends. Does not own: appending them.
 * Invariants: the new conversation has the same events at the same versions, but for its id and where it says that it was imported;
 * a reply or summary that was open in the document is closed, so that an import never asks a model; every part ends with nothing
 * open, for the same reason.
 */
import { Result, Schema } from "effect"
import { RecordedEvent } from "../log/Event.ts"
import { type ConversationEvent, conversationEvents, ConversationId } from "./events.ts"
import { exportName, exportVersion } from "./export.ts"
import { type ConversationView, evolveConversation } from "./view.ts"

export const ExportDocument = Schema.Struct({
  format: Schema.Literal(exportName),
  version: Schema.Int,
  exportedAt: Schema.String,
  conversation: Schema.Struct({ conversationId: ConversationId }),
  events: Schema.Array(RecordedEvent)
})
export type ExportDocument = typeof ExportDocument.Type

export class ImportInvalid extends Schema.TaggedError<ImportInvalid>()("ImportInvalid", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

const mostEvents = 8_000
/** Of one part; the log takes 1,000 events and 16 MiB at once. */
const partEvents = 400
const partBytes = 6 * 1_048_576
const hardEvents = 1_000
const hardBytes = 15 * 1_048_576

export interface ImportPart {
  /** Version of its first event. */
  readonly from: number
  readonly events: ReadonlyArray<ConversationEvent>
}

export const toImport = (
  document: ExportDocument,
  conversationId: string
): Result.Result<ReadonlyArray<ImportPart>, ImportInvalid> => {
  const refuse = (reason: string) => Result.fail(new ImportInvalid({ reason }))
  if (document.version > exportVersion)
    return refuse(
      `The file has version ${document.version} of the format; this program knows ${exportVersion}. Update this program.`
    )
  if (document.events.length > mostEvents)
    return refuse(`The file has ${document.events.length} events; at most ${mostEvents} are imported.`)
  const events: Array<ConversationEvent> = []
  for (const [at, recorded] of document.events.entries()) {
    if (recorded.version !== at + 1)
      return refuse(`Event ${at + 1} of the file has version ${recorded.version}: events are missing.`)
    const decoded = conversationEvents.decode(recorded)
    if (Result.isFailure(decoded)) return refuse(`The file is damaged: ${decoded.failure.message}.`)
    if (decoded.success === undefined)
      return refuse(
        `The file has an event ${recorded.type.slice(0, 60)}, which this program does not know. Update this program.`
      )
    events.push(decoded.success)
  }
  const [first] = events
  if (first?._tag !== "ConversationStarted") return refuse("The file does not begin with the conversation's start.")
  const last = fold(events, conversationId)
  const closing = last === undefined ? [] : closed(last)
  const all: ReadonlyArray<ConversationEvent> = [...events.slice(1), ...closing]
  const started: ConversationEvent = {
    ...first,
    conversationId,
    imported: {
      conversationId: document.conversation.conversationId,
      exportedAt: document.exportedAt,
      through: all.length + 1,
      was: [
        ...document.events.map(({ at, actor }, index) => first.imported?.was[index] ?? { at, actor }),
        ...closing.map(() => ({ at: document.exportedAt, actor: "import" }))
      ]
    }
  }
  return inParts([started, ...all])
}

const fold = (events: ReadonlyArray<ConversationEvent>, actor: string): ConversationView | undefined => {
  let view: ConversationView | undefined
  for (const [at, event] of events.entries()) view = evolveConversation(view, event, { at: "", actor, version: at + 1 })
  return view
}

/** What was open when it was exported goes on where it was exported from, not here. */
const closed = (view: ConversationView): ReadonlyArray<ConversationEvent> => {
  const nothing = { usage: null, cost: null, firstTokenMs: null, latencyMs: 0 }
  const { open } = view
  return [
    ...(open === null
      ? []
      : [{ _tag: "ReplyInterrupted" as const, replyId: open.replyId, text: "", model: open.model, ...nothing }]),
    ...(view.summarizing
      ? [
          {
            _tag: "SummaryFailed" as const,
            kind: "outage" as const,
            message: "The conversation was exported before its summary was written.",
            model: view.model,
            ...nothing
          }
        ]
      : [])
  ]
}

const inParts = (events: ReadonlyArray<ConversationEvent>): Result.Result<ReadonlyArray<ImportPart>, ImportInvalid> => {
  const parts: Array<ImportPart> = []
  let view: ConversationView | undefined
  let part: Array<ConversationEvent> = []
  let bytes = 0
  for (const [at, event] of events.entries()) {
    part.push(event)
    bytes += Buffer.byteLength(JSON.stringify(event)) + 256
    view = evolveConversation(view, event, { at: "", actor: "", version: at + 1 })
    if (part.length > hardEvents || bytes > hardBytes)
      return Result.fail(
        new ImportInvalid({ reason: "One reply of the file is larger than what is recorded at once (15 MiB)." })
      )
    const settled = view?.open === null && !view.summarizing
    if (settled && (part.length >= partEvents || bytes >= partBytes || at === events.length - 1)) {
      parts.push({ from: at + 2 - part.length, events: part })
      part = []
      bytes = 0
    }
  }
  return Result.succeed(parts)
}
