import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { makeHistory, recorded } from "../../../../test/support/talk.ts"
import type { RecordedEvent } from "../log/Event.ts"
import { type ConversationEvent, conversationEvents } from "./events.ts"
import { beginExport, endExport, exportEvent, type ExportFormat } from "./export.ts"
import { ExportDocument, toImport } from "./import.ts"
import { evolveTranscript, type TranscriptEntry } from "./transcript.ts"
import { type ConversationView, evolveConversation } from "./view.ts"

const id = "chat-20261120-143022-abc123"
const other = "chat-20261121-000000-zzz999"

const viewOf = (events: ReadonlyArray<RecordedEvent>): ConversationView => {
  let view: ConversationView | undefined
  for (const one of events) {
    const event = Result.getOrThrow(conversationEvents.decode(one))
    if (event !== undefined) view = evolveConversation(view, event, one)
  }
  if (view === undefined) throw new Error("nothing began")
  return view
}
const whole = (format: ExportFormat, events: ReadonlyArray<RecordedEvent>): string => {
  const begun = beginExport(format, viewOf(events), "2026-11-21T00:00:00.000Z")
  let { state, text } = begun
  for (const one of events) {
    const next = exportEvent(format, state, one)
    state = next.state
    text += next.text
  }
  return text + endExport(format, state)
}
const transcriptOf = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<TranscriptEntry> =>
  events.reduce<ReadonlyArray<TranscriptEntry>>(
    (entries, one) =>
      evolveTranscript(entries, Result.getOrThrow(conversationEvents.decode(one)) as ConversationEvent, one),
    []
  )
const documentOf = (text: string) => Schema.decodeUnknownSync(ExportDocument)(JSON.parse(text))
/** Imported, with an envelope of another time, actor and place. */
const imported = (text: string): ReadonlyArray<RecordedEvent> => {
  const parts = Result.getOrThrow(toImport(documentOf(text), other))
  return recorded(
    other,
    parts.flatMap((part) => part.events)
  ).map((one) => ({ ...one, at: "2027-01-01T00:00:00.000000Z", actor: "bo" }))
}
/** Without what an import says of itself, and without what it closed. */
const words = (entries: ReadonlyArray<TranscriptEntry>): ReadonlyArray<TranscriptEntry> =>
  entries.filter((entry) => !(entry.kind === "note" && entry.note._tag === "started"))

describe("an export as JSON", () => {
  it.effect.prop("comes back as the same conversation", [Schema.Int], ([seed]) =>
    Effect.sync(() => {
      const events = recorded(id, makeHistory(seed, id))
      const text = whole("json", events)
      assert.deepStrictEqual(documentOf(text).events, events, "as recorded")
      const again = imported(text)
      const closed = again.length - events.length
      assert.isAtMost(closed, 2)
      assert.deepStrictEqual(
        again.slice(1, events.length).map((one) => one.data),
        events.slice(1).map((one) => one.data)
      )
      const [before, after] = [transcriptOf(events), transcriptOf(again)]
      if (closed === 0) assert.deepStrictEqual(words(after), words(before))
      assert.isNull(viewOf(again).open)
      assert.isFalse(viewOf(again).summarizing)
      // and an import of its export is the same once more, with the first times
      const thrice = imported(whole("json", again))
      assert.deepStrictEqual(words(transcriptOf(thrice)), words(after))
    })
  )

  it.effect("is cut into appends that leave nothing open", () =>
    Effect.sync(() => {
      const events = recorded(id, makeHistory(7, id, 3000))
      assert.isAbove(events.length, 1500)
      const parts = Result.getOrThrow(toImport(documentOf(whole("json", events)), other))
      assert.isAbove(parts.length, 2)
      let view: ConversationView | undefined
      let version = 0
      for (const part of parts) {
        assert.strictEqual(part.from, version + 1)
        assert.isAtMost(part.events.length, 1000)
        for (const event of part.events)
          view = evolveConversation(view, event, { at: "", actor: "", version: ++version })
        assert.isNull(view?.open ?? null)
      }
      assert.strictEqual(view?.imported?.through, version)
    })
  )

  it.effect("that is damaged, too new or of something else is refused in one sentence", () =>
    Effect.sync(() => {
      const text = whole("json", recorded(id, makeHistory(3, id)))
      const reasons = (change: (document: ExportDocument) => unknown): string => {
        const changed = Schema.decodeUnknownResult(ExportDocument)(change(documentOf(text)))
        if (Result.isFailure(changed)) return "no export"
        const parts = toImport(changed.success, other)
        return Result.isFailure(parts) ? parts.failure.message : "taken"
      }
      assert.match(
        reasons((d) => ({ ...d, version: 2 })),
        /Update this program/
      )
      assert.match(
        reasons((d) => ({ ...d, format: "x" })),
        /no export/
      )
      assert.match(
        reasons((d) => ({ ...d, events: d.events.slice(1) })),
        /missing/
      )
      assert.match(
        reasons((d) => ({ ...d, events: d.events.toSpliced(2, 1) })),
        /missing/
      )
      assert.match(
        reasons((d) => ({ ...d, events: [] })),
        /begin/
      )
      assert.match(
        reasons((d) => ({ ...d, events: d.events.map((e) => ({ ...e, type: "Unheard" })) })),
        /does not know/
      )
      assert.match(
        reasons((d) => ({ ...d, events: d.events.map((e) => ({ ...e, data: { text: 7 } })) })),
        /damaged/
      )
    })
  )
})

describe("an export as Markdown", () => {
  const control = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u // oxlint-disable-line no-control-regex
  it.effect.prop("has a heading per message, whatever was said, and no control characters", [Schema.Int], ([seed]) =>
    Effect.sync(() => {
      const events = recorded(id, makeHistory(seed, id))
      const text = whole("md", events)
      assert.notMatch(text, control)
      const expected = transcriptOf(events).filter((entry) => entry.kind !== "note").length
      assert.strictEqual(topHeadings(text), expected + 0, text)
    })
  )

  it.effect("closes what a message leaves open, and fences attachments that hold fences", () =>
    Effect.sync(() => {
      const events = recorded(id, [
        { _tag: "ConversationStarted", conversationId: id, model: "openai/gpt-5", client: "ana", tools: true },
        {
          _tag: "MessageSent",
          text: "look:\n```js\nnever closed",
          attachments: [{ name: "a`b", text: "```\n````\n## not a heading\n" }]
        },
        { _tag: "MessageSent", text: "<!-- hidden? ## no" }
      ])
      const text = whole("md", events)
      assert.include(text, "never closed\n```\n")
      assert.include(text, "`````\n```\n````\n## not a heading\n`````")
      assert.include(text, "&lt;!-- hidden?")
      assert.strictEqual(topHeadings(text), 2)
    })
  )

  /** Level-two headings as CommonMark sees them: outside of fences. */
  const topHeadings = (text: string): number => {
    let open = ""
    let found = 0
    for (const line of text.split("\n")) {
      const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/u.exec(line)
      if (open !== "") {
        if (fence?.[1]?.startsWith(open) === true && fence[2]?.trim() === "") open = ""
      } else if (fence !== null && !(fence[1]?.startsWith("`") === true && fence[2]?.includes("`") === true))
        open = fence[1] ?? ""
      else if (/^ {0,3}##\s/u.test(line)) found++
    }
    assert.strictEqual(open, "", "a fence is left open")
    return found
  }
})

describe("an export as JSON Lines", () => {
  it.effect.prop("is one message per line", [Schema.Int], ([seed]) =>
    Effect.sync(() => {
      const events = recorded(id, makeHistory(seed, id))
      const lines = whole("jsonl", events).split("\n").slice(0, -1)
      const entries = transcriptOf(events).filter((entry) => entry.kind !== "note")
      assert.deepStrictEqual(
        lines.map((line): unknown => (JSON.parse(line) as { version: number }).version),
        entries.map((entry) => entry.version)
      )
    })
  )
})
