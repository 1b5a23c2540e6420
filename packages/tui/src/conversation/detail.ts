/**
 * One conversation: what it is and costs, what was said, and the message that is being written.
 *
 * Owns: the division of the pane, head, state line, composer or question. Does not own: the entries, the draft.
 * Invariants: the pane is filled exactly; the question about a tool call stands where the composer stands, so that it is seen
 * wherever one has scrolled to; the token line never shows an unknown price as nothing.
 */
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { count } from "../format.ts"
import type { Model } from "../model.ts"
import { type Row, exactly, rowWidth, say, said, spread, tall } from "../row.ts"
import type { Drawn } from "../screen/input.ts"
import type { Rect } from "../screen/panes.ts"
import { oneLine, wrap } from "../text.ts"
import { mark } from "../theme.ts"
import type { Ui } from "../ui.ts"
import { callRoom, callRows, visible } from "./call.ts"
import { composer, composerHeight } from "./composer.ts"
import { blocksOf } from "./entries.ts"
import { chatState } from "./model.ts"
import { type Blocks, isHeld, rowsSince, visibleRows } from "./place.ts"
import { askedCall, draftKey, draftOf, isWriting, selectedChat, talkOf } from "./state.ts"
import { askedCalls, type Talk } from "./talk.ts"
import { firstToken, fitting, modelName, noModelSentence, spent } from "./words.ts"

type Size = Pick<Rect, "columns" | "rows">

/** Rows of everything but the transcript. */
const around = (ui: Ui, model: Model, size: Size): { readonly head: number; readonly foot: number } => {
  const head = size.rows < 8 ? 1 : 3
  return { head, foot: Math.min(Math.max(1, size.rows - head - 2), 1 + lower(ui, model, size).rows.length) }
}

/** Rows that the transcript has: what scrolling counts in. */
export const talkHeight = (ui: Ui, model: Model, size: Size): number => {
  const { head, foot } = around(ui, model, size)
  return Math.max(1, size.rows - head - foot)
}

export const shownBlocks = (ui: Ui, model: Model, columns: number): Blocks => {
  const talk = talkOf(ui, model)
  return talk === undefined ? { count: 0, keyAt: () => "", rowsAt: () => [] } : blocksOf(talk, columns, model.now)
}

export const chatDetail = (
  ui: Ui,
  model: Model,
  rect: Rect
): { readonly rows: ReadonlyArray<Row>; readonly cursor: Drawn["cursor"] | undefined } => {
  const view = selectedChat(ui, model)
  if (view === undefined && !ui.chat.fresh)
    return {
      rows: [[], [say("  Nothing is selected. Press c for a new conversation.", { dim: true })]],
      cursor: undefined
    }
  const { columns } = rect
  const { head, foot } = around(ui, model, rect)
  const height = Math.max(1, rect.rows - head - foot)
  const talk = talkOf(ui, model)
  const blocks = shownBlocks(ui, model, columns)
  const lines = visibleRows(blocks, ui.chat.place, height)
  const body = lines.length > 0 ? lines : blank(view, talk, model, columns)
  const bottom = lower(ui, model, rect)
  const rows = [
    ...headRows(ui, view, talk, model, columns).slice(0, head),
    ...tall(body, height, columns),
    state(ui, talk, blocks, columns, height),
    ...bottom.rows.slice(0, foot - 1)
  ]
  const y = head + height + 1 + (bottom.cursor?.y ?? 0)
  return {
    rows,
    cursor: bottom.cursor === undefined || y >= rect.rows ? undefined : { x: bottom.cursor.x, y }
  }
}

const headRows = (
  ui: Ui,
  view: ConversationView | undefined,
  talk: Talk | undefined,
  model: Model,
  columns: number
): ReadonlyArray<Row> => {
  if (view === undefined) {
    const using = ui.chat.model ?? model.chat.models.current
    return [
      [say("New conversation", { bold: true })],
      [said(using === null ? "no model" : using, columns, { dim: true })],
      [say("─".repeat(columns), { dim: true })]
    ]
  }
  const { glyph, word, color } = mark(chatState(view))
  const status = `${glyph} ${word}`
  const title = said(view.title === "" ? "untitled" : view.title, Math.max(1, columns - status.length - 1), {
    bold: true
  })
  const last = talk?.entries.findLast((entry) => entry.kind === "reply" && entry.calls.length > 0)
  const facts = [
    modelName(view.model),
    spent(view),
    last?.kind === "reply" ? firstToken(last.calls) : undefined,
    ui.zoom ? view.conversationId : undefined,
    ui.zoom && view.forkOf !== null ? `fork of ${view.forkOf.conversationId}` : undefined
  ]
  return [
    spread([title], [say(status, { color, bold: true })], columns),
    [said(fitting(facts, columns), columns, { dim: true })],
    [say("─".repeat(columns), { dim: true })]
  ]
}

const blank = (
  view: ConversationView | undefined,
  talk: Talk | undefined,
  model: Model,
  columns: number
): ReadonlyArray<Row> => {
  const { models } = model.chat
  const say1 = (text: string, style: Row[number] = say("", { dim: true })): ReadonlyArray<Row> =>
    wrap(text, Math.max(10, columns - 4)).map((line): Row => [{ ...style, text: `  ${line}` }])
  if (view !== undefined) {
    if (talk?.state === "failed")
      return [[], ...say1(talk.problem ?? "The conversation cannot be read.", say("", { color: "red" }))]
    if (talk === undefined || talk.state !== "live") return [[], ...say1(talk?.problem ?? "Reading the conversation…")]
    return [[], ...say1("Nothing was said yet. enter, then write.")]
  }
  if (models.state !== "ready") return [[], ...say1(models.problem ?? "Asking which models there are…")]
  if (models.current !== null)
    return [[], ...say1("Write the first message. enter sends it, alt-m chooses another model.")]
  return [
    [],
    ...say1(noModelSentence, say("", { color: "yellow" })),
    [],
    ...models.providers.flatMap((one) =>
      one.problem === null ? [] : say1(`${one.title}: ${oneLine(one.problem, 400)}`)
    )
  ]
}

/** The line between what was said and what is written. */
const state = (ui: Ui, talk: Talk | undefined, blocks: Blocks, columns: number, height: number): Row => {
  const since = rowsSince(blocks, ui.chat.place)
  const parts: ReadonlyArray<Row[number]> = [
    ...(talk?.state === "reconnecting"
      ? [say(` ◌ reconnecting: ${oneLine(talk.problem ?? "", 60)} `, { color: "yellow" })]
      : []),
    ...(!isHeld(blocks, ui.chat.place, height)
      ? []
      : [
          since > 0 ? say(` ↓ ${count(since)} new `, { color: "cyan", bold: true }) : say(" held "),
          say("· G follows ", { dim: true })
        ]),
    ...(ui.chat.sending !== undefined ? [say(" sending… ", { color: "cyan" })] : [])
  ]
  const used = rowWidth(parts)
  return exactly(
    [say("──", { dim: true }), ...parts, say("─".repeat(Math.max(0, columns - used - 2)), { dim: true })],
    columns
  )
}

/** The composer, or the question that waits. */
const lower = (
  ui: Ui,
  model: Model,
  size: Size
): { readonly rows: ReadonlyArray<Row>; readonly cursor?: Drawn["cursor"] } => {
  const call = askedCall(ui, model)
  const writing = isWriting(ui, model)
  if (call !== undefined && !writing) {
    const talk = talkOf(ui, model)
    const asked = talk === undefined ? 1 : askedCalls(talk).length
    const most = callRoom(size.rows)
    const all = callRows(call, size.columns)
    const more =
      all.length > most
        ? [[say(`  … ${count(all.length - most + 1)} more rows; all of it is above`, { color: "yellow" as const })]]
        : []
    return {
      rows: [
        [
          say("? ", { color: "yellow", bold: true }),
          said(
            `May it run ${oneLine(visible(call.name), 80)}?${asked > 1 ? ` (1 of ${asked})` : ""}`,
            Math.max(1, size.columns - 2),
            {
              color: "yellow",
              bold: true
            }
          )
        ],
        ...(more.length > 0 ? all.slice(0, most - 1) : all),
        ...more,
        [say("  y", { bold: true }), say(" yes   "), say("n", { bold: true }), say(" no")]
      ]
    }
  }
  const key = draftKey(ui, model)
  const draft = draftOf(ui, key)
  const hint =
    call !== undefined
      ? "a tool call waits: esc, then y or n"
      : writing
        ? "write; enter sends, alt-enter for a new line"
        : "enter to write"
  const drawn = composer(draft, size.columns, composerHeight(draft, size.columns, size.rows), hint, writing)
  return writing && ui.overlay === undefined ? drawn : { rows: drawn.rows }
}
