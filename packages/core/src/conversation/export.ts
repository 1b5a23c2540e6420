/**
 * A conversation as a file: Markdown for people, JSON without loss, JSON Lines for programs.
 *
 * Owns: the three formats as folds over the events. Does not own: reading the events, HTTP, the way back (`import.ts`).
 * Invariants: pure; what is held is at most one turn; the JSON document holds every event as it was recorded; nothing that was
 * said can end a fence of the Markdown or swallow what follows it, and no control character is in it.
 *
 * JSON: {"format": "signalbox.conversation", "version": 1, "exportedAt", "conversation": the view, "events": [as recorded]}
 */
import { Result, Schema } from "effect"
import type { RecordedEvent } from "../log/Event.ts"
import { type ConversationEvent, conversationEvents, type Imported } from "./events.ts"
import { messageLine } from "./export-line.ts"
import { entryInMarkdown, headInMarkdown } from "./export-markdown.ts"
import { evolveTranscript, lived, type TranscriptEntry } from "./transcript.ts"
import { ConversationView } from "./view.ts"

export const ExportFormat = Schema.Literals(["md", "json", "jsonl"])
export type ExportFormat = typeof ExportFormat.Type

export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  md: "text/markdown; charset=utf-8",
  json: "application/json",
  jsonl: "application/x-ndjson"
}

/** What is known and not yet written: the entries since the last message of a person, which later events may still change. */
export interface Exporting {
  readonly view: ConversationView
  readonly held: ReadonlyArray<TranscriptEntry>
  readonly events: number
  readonly imported?: Imported
}
export interface Exported {
  readonly state: Exporting
  readonly text: string
}

export const beginExport = (format: ExportFormat, view: ConversationView, exportedAt: string): Exported => ({
  state: { view, held: [], events: 0 },
  text:
    format === "json"
      ? `{"format":"${exportName}","version":${exportVersion},"exportedAt":${JSON.stringify(exportedAt)},"conversation":${JSON.stringify(encodeView(view))},"events":[`
      : format === "md"
        ? headInMarkdown(view, exportedAt)
        : ""
})

/** The next event; those beyond the view's version are left out. */
export const exportEvent = (format: ExportFormat, state: Exporting, recorded: RecordedEvent): Exported => {
  if (recorded.version > state.view.version) return { state, text: "" }
  if (format === "json")
    return {
      state: { ...state, events: state.events + 1 },
      text: `${state.events === 0 ? "" : ","}\n${JSON.stringify(recorded)}`
    }
  const decoded = conversationEvents.decode(recorded)
  // of a newer program, or damaged: readable formats go on without it, the lossless one has it
  if (Result.isFailure(decoded) || decoded.success === undefined) return { state, text: "" }
  const event = decoded.success
  const imported = event._tag === "ConversationStarted" ? event.imported : state.imported
  const meta = lived(imported, recorded)
  const settled = settles(event)
  const before = settled ? render(format, state, state.held) : ""
  const held = evolveTranscript(settled ? [] : state.held, event, meta)
  return { state: { ...state, held, ...(imported === undefined ? {} : { imported }) }, text: before }
}

export const endExport = (format: ExportFormat, state: Exporting): string =>
  format === "json" ? "\n]}\n" : render(format, state, state.held)

export const exportName = "signalbox.conversation"
export const exportVersion = 1

const encodeView = Schema.encodeSync(Schema.toCodecJson(ConversationView))

/** After these nothing changes what was before: a reply can be replaced only until the next message. */
const settles = (event: ConversationEvent): boolean => event._tag === "MessageSent" || event._tag === "MessagesCopied"

const render = (format: ExportFormat, { view }: Exporting, entries: ReadonlyArray<TranscriptEntry>): string =>
  entries.map((entry) => (format === "md" ? entryInMarkdown(entry) : messageLine(view.conversationId, entry))).join("")
