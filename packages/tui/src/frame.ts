/**
 * The whole screen as rows: a pure function of what a person does, what the world is, and the size.
 *
 * Owns: where everything stands. Does not own: the parts, Ink, the clock.
 * Invariants: exactly `rows` rows of exactly `columns`; below 20×6 one sentence instead; the same for live, tests and replay.
 */
import { footer } from "./screen/footer.ts"
import { drawForm } from "./screen/form.ts"
import { header } from "./screen/header.ts"
import { help } from "./screen/help.ts"
import { input } from "./screen/input.ts"
import { palette } from "./screen/palette.ts"
import { type Layout, layout, panes, type Rect, type Size } from "./screen/panes.ts"
import { toastRows } from "./screen/toast.ts"
import { commandNames } from "./command.ts"
import { hostDetail, hostList } from "./host/list.ts"
import { chatDetail, talkHeight } from "./conversation/detail.ts"
import { chatList } from "./conversation/list.ts"
import { modelPicker } from "./conversation/picker.ts"
import { selectedChat } from "./conversation/state.ts"
import { composeBox } from "./plan/compose.ts"
import { planDetail, planRoom } from "./plan/detail.ts"
import { planList } from "./plan/list.ts"
import { selectedPlan } from "./plan/state.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { eventDetail, timeline } from "./log/timeline.ts"
import type { Model } from "./model.ts"
import { over, type Row, rowWidth, rule, say, tall } from "./row.ts"
import { meets, place, selectedEvent, selectedHost, selectedTask, standing } from "./situation.ts"
import { logHeight, taskDetail } from "./task/detail.ts"
import { taskList } from "./task/list.ts"
import type { ViewId } from "./keymap.ts"
import type { Overlay, Scene, Ui } from "./ui.ts"
import { found } from "./find.ts"

export interface Frame {
  readonly rows: ReadonlyArray<Row>
  readonly cursor: { readonly x: number; readonly y: number } | undefined
}

const top = 2

/** An event's line is long, so the timeline keeps the whole width for longer; a conversation is more than its line in the list. */
const layoutOf = (ui: Ui, body: Size): Layout =>
  layout(body, ui.focus, ui.zoom, ui.view === "timeline" ? 150 : 100, share[ui.view])
const share: Readonly<Record<ViewId, number>> = { tasks: 0.62, chats: 0.38, hosts: 0.62, plans: 0.45, timeline: 0.62 }

/** The body: between header with its rule and messages with the footer. */
const bodyOf = (ui: Ui, size: Size): { readonly body: Size; readonly toasts: ReadonlyArray<Row> } => {
  const toasts = toastRows(ui.toasts, size.columns)
  return { toasts, body: { columns: size.columns, rows: Math.max(0, size.rows - top - 1 - toasts.length) } }
}

/** What actions may look at: the sizes of what is drawn now. */
export const sceneOf = (
  ui: Ui,
  model: Model,
  size: Size
): Scene & { readonly list: Rect | undefined; readonly detail: Rect | undefined } => {
  const { body } = bodyOf(ui, size)
  const at = layoutOf(ui, body)
  const shift = (rect: Rect | undefined): Rect | undefined =>
    rect === undefined ? undefined : { ...rect, y: rect.y + top }
  const detail = at.detail ?? { x: 0, y: 0, ...body }
  return {
    model,
    list: shift(at.list),
    detail: shift(at.detail),
    listRows: Math.max(1, (at.list?.rows ?? body.rows) - 1),
    detailRows:
      ui.view === "tasks"
        ? logHeight(ui, model, selectedTask(ui, model), detail)
        : ui.view === "chats"
          ? talkHeight(ui, model, detail)
          : ui.view === "plans"
            ? planRoom(detail.rows)
            : detail.rows,
    detailColumns: detail.columns,
    paneRows: detail.rows
  }
}

export const frame = (ui: Ui, model: Model, size: Size): Frame => {
  if (size.columns < 20 || size.rows < 6)
    return { rows: tall([[say("too small: 20×6 at least")]], size.rows, size.columns), cursor: undefined }
  const { body, toasts } = bodyOf(ui, size)
  const head = header({ ...model, view: ui.view, waiting: model.waiting.length }, size.columns)
  const middle = bodyRows(ui, model, body)
  const bottom = bottomRow(ui, model, size.columns)
  const rows = [head, rule(size.columns), ...tall(middle.rows, body.rows, size.columns), ...toasts, bottom.row]
  const cursor =
    bottom.x !== undefined
      ? { x: bottom.x, y: size.rows - 1 }
      : middle.cursor === undefined
        ? undefined
        : { x: middle.cursor.x, y: middle.cursor.y + top }
  return { rows: tall(rows, size.rows, size.columns), cursor }
}

const bodyRows = (ui: Ui, model: Model, body: Size): Frame => {
  const { overlay } = ui
  if (overlay?.kind === "form") return drawForm(overlay.form, body)
  const shown = viewRows(ui, model, body)
  const view = shown.rows
  if (overlay?.kind === "picker") {
    const current =
      overlay.conversationId === undefined
        ? (ui.chat.model ?? model.chat.models.current)
        : (selectedChat(ui, model)?.model ?? null)
    const drawn = modelPicker(overlay.line, overlay.selected, model.chat.models, current, body)
    return { rows: over(view, drawn.rows, body.columns), cursor: drawn.cursor }
  }
  if (overlay?.kind === "instruct") {
    const drawn = composeBox(overlay, model, body)
    return { rows: over(view, drawn.rows, body.columns), cursor: drawn.cursor }
  }
  if (overlay?.kind === "help")
    return { rows: over(view, help(standing(ui, model), overlay.scroll, body).rows, body.columns), cursor: undefined }
  if (overlay?.kind === "palette") {
    const drawn = palette(overlay.line, found(ui, model, overlay.line.text), overlay.selected, body)
    return { rows: over(view, drawn.rows, body.columns), cursor: drawn.cursor }
  }
  return shown
}

const viewRows = (ui: Ui, model: Model, body: Size): Frame => {
  const at = layoutOf(ui, body)
  const drawn = (
    list: (rect: Rect) => ReadonlyArray<Row>,
    detail: (rect: Rect) => ReadonlyArray<Row>
  ): ReadonlyArray<Row> => panes(body, at, ui.focus, list, detail)
  switch (ui.view) {
    case "tasks":
      return {
        rows: drawn(
          (r) => taskList(ui, model, r),
          (r) => taskDetail(ui, model, selectedTask(ui, model), r)
        ),
        cursor: undefined
      }
    case "chats": {
      let cursor: Frame["cursor"]
      const rows = drawn(
        (r) => chatList(ui, model, r),
        (r) => {
          const detail = chatDetail(ui, model, r)
          if (detail.cursor !== undefined) cursor = { x: r.x + detail.cursor.x, y: r.y + detail.cursor.y }
          return detail.rows
        }
      )
      return { rows, cursor }
    }
    case "hosts":
      return {
        rows: drawn(
          (r) => hostList(ui, model, r),
          (r) => hostDetail(ui, model, selectedHost(ui, model), r)
        ),
        cursor: undefined
      }
    case "plans":
      return {
        rows: drawn(
          (r) => planList(ui, model, r),
          (r) => planDetail(ui, model, selectedPlan(ui, model), r)
        ),
        cursor: undefined
      }
    case "timeline":
      return {
        rows: drawn(
          (r) => timeline(ui, model, r),
          (r) => eventDetail(ui, selectedEvent(ui, model), r)
        ),
        cursor: undefined
      }
  }
}

const promptText = (overlay: Extract<Overlay, { readonly kind: "prompt" }>, columns: number): string => {
  switch (overlay.purpose) {
    case "filter":
      return " / "
    case "command":
      return " : "
    case "say":
      return " type: "
    case "message":
      return " message: "
    case "rename":
      return " title: "
    case "code":
      return columns < 64
        ? ` type ${shortCode(overlay.hash)}: `
        : ` This is critical. Type ${shortCode(overlay.hash)} to approve it: `
  }
}

const bottomRow = (ui: Ui, model: Model, columns: number): { readonly row: Row; readonly x?: number } => {
  const { overlay } = ui
  if (overlay?.kind === "prompt") {
    const prompt = promptText(overlay, columns)
    const tail: Row =
      overlay.purpose === "command"
        ? [
            say(
              ` ${commandNames(standing(ui, model), overlay.line.text).join(" ")}`.slice(0, Math.floor(columns / 2)),
              {
                dim: true
              }
            )
          ]
        : []
    const room = Math.max(4, columns - prompt.length - rowWidth(tail))
    const drawn = input(overlay.line, room)
    return {
      row: [say(prompt, { bold: true }), ...(drawn.rows[0] ?? []), ...tail],
      x: Math.min(columns - 1, prompt.length + drawn.cursor.x)
    }
  }
  if (overlay?.kind === "confirm") {
    const question = say(` ? ${overlay.question}  `, { color: "yellow", bold: true })
    return { row: [question, ...footer("confirm", () => true, 24)] }
  }
  if (overlay?.kind === "form" && overlay.sending) return { row: [say(" sending…", { color: "cyan" })] }
  return { row: footer(place(ui, model), (need) => meets(ui, model, need), columns) }
}
