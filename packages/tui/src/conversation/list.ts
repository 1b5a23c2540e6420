/**
 * The list of conversations: one line each, what waits for a person on top.
 *
 * Owns: the columns at every width, the line of counts. Does not own: order and filter (`model.ts`).
 * Invariant: glyph and title are always seen; columns give way from the right as it gets narrow.
 */
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { age, count, many } from "../format.ts"
import { view as windowOf } from "../list.ts"
import type { Model } from "../model.ts"
import { type Row, exactly, named, say, said, saidRight } from "../row.ts"
import { empty, list } from "../screen/list.ts"
import type { Rect } from "../screen/panes.ts"
import { wrap } from "../text.ts"
import { mark } from "../theme.ts"
import type { Ui } from "../ui.ts"
import { chatState } from "./model.ts"
import { selectedChat } from "./state.ts"
import { fitting, modelName, noModelSentence, spent } from "./words.ts"

const chatRow = (view: ConversationView, model: Model, columns: number, draft: boolean): Row => {
  const { glyph, color } = mark(chatState(view))
  const hit = model.chat.hits.get(view.conversationId)
  const title = view.title === "" ? "untitled" : view.title
  const row: Array<Row[number]> = [say(draft ? "*" : " ", { bold: true }), say(`${glyph} `, { color })]
  // Where words were found, they matter more than the model.
  const models = hit !== undefined && columns < 90 ? 0 : columns >= 56 ? 18 : columns >= 44 ? 12 : 0
  const rest = columns - 3 - 5 - (models === 0 ? 0 : models + 1)
  const titles =
    columns >= 90 ? Math.min(44, Math.floor(rest * 0.45)) : hit === undefined ? rest : Math.floor(rest * 0.4)
  row.push(said(title, Math.max(1, titles - 1), view.title === "" ? { dim: true } : {}), say(" "))
  const more = rest - titles
  const words = hit === undefined ? view.snippet : around(hit.excerpt, Math.floor(more / 3))
  if (more > 4) row.push(said(words, more - 1, { dim: true }), say(" "))
  if (models > 0) row.push(named(modelName(view.model), models, { dim: true }), say(" "))
  row.push(saidRight(age(view.updatedAt, model.now), 4, { dim: true }))
  return exactly(row, columns)
}

/** What was found stands no further than `before` from the beginning. */
const around = (excerpt: string, before: number): string => {
  const at = excerpt.indexOf("«")
  return at > before ? `…${excerpt.slice(at - before)}` : excerpt
}

export const chatList = (ui: Ui, model: Model, rect: Rect): ReadonlyArray<Row> => {
  const size = { columns: rect.columns, rows: rect.rows - 1 }
  const { rows, ids } = model.chat.list
  const drawn =
    rows.length === 0
      ? nothing(ui, model, size.columns).flatMap((text, i) =>
          i === 0 ? [...empty(text, size)] : [[say(`  ${text}`, { dim: true })]]
        )
      : list(ids, ui.anchors.chats, size, ui.focus === "list" && ui.overlay === undefined, (i, columns) => {
          const view = rows[i]!
          return chatRow(view, model, columns, ui.chat.drafts[view.conversationId] !== undefined)
        })
  const body = Array.from({ length: size.rows }, (_, y): Row => drawn[y] ?? [])
  return [...body, summary(ui, model, size.rows, size.columns)]
}

const nothing = (ui: Ui, model: Model, columns: number): ReadonlyArray<string> => {
  const sentence = (): string => {
    if (!model.loaded)
      return model.connection.state === "connecting" ? "Reading the log…" : "The hub does not answer; trying again."
    if (ui.filters.chats.trim() !== "")
      return model.chat.searching ? "Searching…" : "No conversation has these words. esc clears the filter."
    if (ui.chat.archived) return "No conversation is archived. A shows the others."
    const { models } = model.chat
    if (models.state === "ready" && models.current === null) return noModelSentence
    return "No conversations yet. Press c and write the first message."
  }
  return wrap(sentence(), Math.max(10, columns - 4))
}

const summary = (ui: Ui, model: Model, height: number, columns: number): Row => {
  const { list: listed, waiting, replying, searching } = model.chat
  const filter = ui.filters.chats.trim()
  const above = windowOf(listed.ids, height, ui.anchors.chats).start
  const chosen = selectedChat(ui, model)
  const cost = chosen === undefined ? undefined : spent(chosen)
  const parts = [
    filter === ""
      ? ui.chat.archived
        ? `${count(listed.total)} archived`
        : many(listed.total, "conversation")
      : `${count(listed.rows.length)} with "${filter}"${searching ? ", searching" : ""}`,
    ...(waiting.length > 0 ? [`waiting ${count(waiting.length)}`] : []),
    ...(replying > 0 ? [`replying ${count(replying)}`] : []),
    ...(above > 0 ? [`↑ ${count(above)} above`] : []),
    ...(cost === undefined ? [] : [cost])
  ]
  return [say(" "), said(fitting(parts, columns - 2), Math.max(1, columns - 1), { dim: true })]
}
