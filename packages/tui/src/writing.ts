/**
 * Writing: prompts, palette, forms. Pure.
 *
 * Owns: what typed text and editing keys do, and what happens when it is done or left. Does not own: lines and forms themselves.
 * Invariants: a filter works while it is written and comes back as it was when it is left; a form with a problem stays open with
 * its cursor there, a good one until the hub has answered.
 */
import { checked, editField, type Form, values, walk, write } from "./form.ts"
import { commandNamed, completed } from "./command.ts"
import { goTo } from "./cursor.ts"
import { found } from "./find.ts"
import type { ActionId, EditId, Need } from "./keymap.ts"
import { coded } from "./plan/act.ts"
import { edit, insert, type Line, line } from "./line.ts"
import { standing } from "./situation.ts"
import { close, complain, note, type Overlay, type Scene, type Step, type Ui } from "./ui.ts"

/** How a palette or prompt runs the action it found. */
export type Run = (ui: Ui, scene: Scene, id: ActionId, key: string, need: Need | undefined) => Step

/** Pasted text goes into what is written in, and nowhere else. */
export const typed = (ui: Ui, text: string): Step => {
  const { overlay } = ui
  if (overlay?.kind === "form") return { ui: { ...ui, overlay: { ...overlay, form: write(overlay.form, text) } } }
  if (overlay?.kind === "palette")
    return { ui: { ...ui, overlay: { ...overlay, line: insert(overlay.line, text), selected: 0 } } }
  if (overlay?.kind === "prompt") return { ui: written(ui, overlay, insert(overlay.line, text)) }
  if (overlay?.kind === "instruct") return { ui: instructed(ui, overlay, insert(overlay.line, text)) }
  return { ui }
}

const written = (ui: Ui, overlay: Extract<Overlay, { kind: "prompt" }>, next: Line): Ui => {
  const open = { ...ui, overlay: { ...overlay, line: next } }
  return overlay.purpose === "filter" ? { ...open, filters: { ...ui.filters, [ui.view]: next.text } } : open
}

/** What is on its way is not written on. */
const instructed = (ui: Ui, overlay: Extract<Overlay, { kind: "instruct" }>, next: Line): Ui =>
  overlay.sending ? ui : { ...ui, overlay: { ...overlay, line: next } }

export const edited = (ui: Ui, id: EditId): Ui => {
  const { overlay } = ui
  if (overlay?.kind === "form") return { ...ui, overlay: { ...overlay, form: editField(overlay.form, id) } }
  if (overlay?.kind === "palette") return { ...ui, overlay: { ...overlay, line: edit(overlay.line, id), selected: 0 } }
  if (overlay?.kind === "prompt") return written(ui, overlay, edit(overlay.line, id))
  if (overlay?.kind === "instruct") return instructed(ui, overlay, edit(overlay.line, id))
  return ui
}

export const writing = (ui: Ui, scene: Scene, id: ActionId, key: string, run: Run): Step | undefined => {
  const { overlay } = ui
  const { model } = scene
  if (overlay?.kind === "form") {
    if (overlay.sending) return { ui }
    if (id === "form.newline") return { ui: { ...ui, overlay: { ...overlay, form: write(overlay.form, "\n") } } }
    if (id === "form.send") return sent(ui, overlay.form)
    if (id !== "form.next" && id !== "form.before") return undefined
    const walked = walk(overlay.form, id === "form.next" ? 1 : -1, key === "up" || key === "down")
    return walked === undefined ? sent(ui, overlay.form) : { ui: { ...ui, overlay: { ...overlay, form: walked } } }
  }
  if (overlay?.kind === "palette" && id === "palette.run") {
    const entry = found(ui, model, overlay.line.text)[overlay.selected]
    if (entry === undefined) return { ui }
    if ("task" in entry.target) return { ui: goTo(ui, "tasks", entry.target.task) }
    if ("chat" in entry.target) return { ui: goTo(ui, "chats", entry.target.chat) }
    if ("plan" in entry.target) return { ui: goTo(ui, "plans", entry.target.plan) }
    if ("host" in entry.target) return { ui: goTo(ui, "hosts", entry.target.host) }
    if (entry.blocked !== undefined) return { ui: note(close(ui), entry.blocked, model.now) }
    return run(close(ui), scene, entry.target.action, "", undefined)
  }
  if (overlay?.kind !== "prompt") return undefined
  if (id === "prompt.cancel") {
    const filters = overlay.purpose === "filter" ? { ...ui.filters, [ui.view]: overlay.before } : ui.filters
    return { ui: { ...close(ui), filters } }
  }
  if (id === "prompt.complete")
    return overlay.purpose === "command"
      ? { ui: written(ui, overlay, line(completed(standing(ui, model), overlay.line.text))) }
      : { ui }
  if (id !== "prompt.done") return undefined
  const text = overlay.line.text.trim()
  if (overlay.purpose === "filter" || text === "") return { ui: close(ui) }
  if (overlay.purpose === "code") return coded(ui, overlay, text, model.now)
  if (overlay.purpose === "say" || overlay.purpose === "message")
    return { ui: close(ui), request: { kind: overlay.purpose, taskId: overlay.taskId, text: overlay.line.text } }
  if (overlay.purpose === "rename") {
    const { conversationId } = overlay
    return { ui: close(ui), request: { kind: "chat.rename", conversationId, title: text.slice(0, 200) } }
  }
  const command = commandNamed(standing(ui, model), text)
  if ("problem" in command) return { ui: complain(close(ui), command.problem, model.now) }
  return run(close(ui), scene, command.id, "", command.need)
}

/** A form with a problem stays open with its cursor there; a good one is sent and stays until the hub has answered. */
const sent = (ui: Ui, form: Form): Step => {
  const result = checked(form)
  const good = Object.keys(result.problems).length === 0
  const next: Ui = { ...ui, overlay: { kind: "form", form: result, sending: good } }
  return good
    ? { ui: next, request: { kind: form.purpose === "task" ? "create" : "addHost", values: values(form) } }
    : { ui: next }
}
