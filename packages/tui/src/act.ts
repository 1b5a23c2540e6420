/**
 * What a key or an action makes of what a person is doing. Pure.
 *
 * Owns: the way from a press to the next state, and the actions that need nothing but the state.
 * Does not own: moving (`cursor.ts`), asking (`ask.ts`), writing (`writing.ts`), the keys (`keymap.ts`).
 * Invariants: an action changes only this state and may ask for one request; what cannot be done now says why.
 */
import { acting } from "./ask.ts"
import { chatEdited, chatPasted, chatting, chatTyped, pickerEdited, pickerTyped } from "./conversation/act.ts"
import { moving } from "./cursor.ts"
import { many } from "./format.ts"
import { type ActionId, type EditId, type Need, needs, resolve } from "./keymap.ts"
import type { Press } from "./keys.ts"
import { planning } from "./plan/act.ts"
import { line } from "./line.ts"
import { isWriting } from "./conversation/state.ts"
import { meets, place } from "./situation.ts"
import { close, errorRead, note, type Scene, show, type Step, type Ui } from "./ui.ts"
import { edited, typed, writing } from "./writing.ts"

/** A key or typed character. */
export const press = (ui: Ui, scene: Scene, one: Press): Step => {
  const binding = resolve(place(ui, scene.model), one.key)
  if (binding !== undefined) return act(ui, scene, binding.id, one.key, binding.need)
  return one.text === undefined ? { ui } : intoText(ui, scene, one.text, chatTyped)
}

/** Pasted text goes into what is written in, and nowhere else. */
export const pasted = (ui: Ui, scene: Scene, text: string): Step => intoText(ui, scene, text, chatPasted)

const intoText = (ui: Ui, scene: Scene, text: string, intoMessage: typeof chatTyped): Step => {
  if (ui.overlay?.kind === "picker") return { ui: pickerTyped(ui, text) }
  if (ui.overlay === undefined && isWriting(ui, scene.model)) return intoMessage(ui, scene, text)
  return typed(ui, text)
}

export const act = (ui: Ui, scene: Scene, id: ActionId, key: string, need: Need | undefined): Step => {
  if (need !== undefined && !meets(ui, scene.model, need)) return { ui: note(ui, needs[need], scene.model.now) }
  if (isEdit(id)) {
    if (ui.overlay === undefined) return chatEdited(ui, scene, id)
    return { ui: ui.overlay.kind === "picker" ? pickerEdited(ui, id) : edited(ui, id) }
  }
  return (
    simple(ui, id) ??
    chatting(ui, scene, id) ??
    planning(ui, scene, id) ??
    moving(ui, scene, id) ??
    acting(ui, scene, id) ??
    writing(ui, scene, id, key, act) ?? { ui }
  )
}

const isEdit = (id: ActionId): id is EditId => id.startsWith("edit.")

/** Actions that need nothing but the state. */
const simple = (ui: Ui, id: ActionId): Step | undefined => {
  switch (id) {
    case "interrupt":
      return { ui, request: { kind: "quit" } }
    case "quit": {
      const drafts = Object.keys(ui.chat.drafts).length
      if (drafts === 0) return { ui, request: { kind: "quit" } }
      const question = `Leave? ${many(drafts, "message")} that ${drafts === 1 ? "was" : "were"} not sent will be lost.`
      return { ui: { ...ui, overlay: { kind: "confirm", question, request: { kind: "quit" } } } }
    }
    case "suspend":
      return { ui, request: { kind: "suspend" } }
    case "redraw":
      return { ui, request: { kind: "redraw" } }
    case "view.tasks":
      return { ui: show(ui, "tasks") }
    case "view.chats":
      return { ui: show(ui, "chats") }
    case "view.hosts":
      return { ui: show(ui, "hosts") }
    case "view.plans":
      return { ui: show(ui, "plans") }
    case "view.timeline":
      return { ui: show(ui, "timeline") }
    case "dismiss":
      return { ui: dismissed(ui) }
    case "mouse":
      return { ui: { ...ui, mouse: !ui.mouse } }
    case "help":
      return { ui: { ...ui, overlay: { kind: "help", scroll: 0 } } }
    case "palette":
    case "composer.palette":
      return { ui: { ...ui, overlay: { kind: "palette", line: line(), selected: 0 } } }
    case "command":
      return { ui: { ...ui, overlay: { kind: "prompt", purpose: "command", line: line(), before: "" } } }
    case "filter": {
      const before = ui.filters[ui.view]
      return {
        ui: { ...ui, focus: "list", overlay: { kind: "prompt", purpose: "filter", line: line(before), before } }
      }
    }
    case "focus":
      return { ui: { ...ui, focus: ui.focus === "list" ? "detail" : "list" } }
    case "zoom":
      return { ui: { ...ui, zoom: !ui.zoom, logOnly: false } }
    case "help.close":
    case "palette.close":
    case "confirm.no":
      return { ui: close(ui) }
    case "form.cancel": // a message that covers the form is read first: one key must not cost what was written
      return { ui: ui.toasts.some((t) => t.kind === "error") ? dismissed(ui) : close(ui) }
    case "confirm.yes":
      return ui.overlay?.kind === "confirm" ? { ui: close(ui), request: ui.overlay.request } : { ui }
    default:
      return undefined
  }
}

/** Escape undoes one thing at a time: a message, the zoom, the detail, the marks, the filter. */
const dismissed = (ui: Ui): Ui => {
  const read = errorRead(ui)
  if (read !== undefined) return read
  if (ui.view === "chats" && ui.chat.fresh)
    return { ...ui, zoom: false, focus: "list", chat: { ...ui.chat, fresh: false, writing: undefined } }
  if (ui.zoom) return { ...ui, zoom: false, logOnly: false, focus: "list" }
  if (ui.focus === "detail") return { ...ui, focus: "list" }
  if (ui.marked.size > 0) return { ...ui, marked: new Set() }
  return { ...ui, filters: { ...ui.filters, [ui.view]: "" } }
}
