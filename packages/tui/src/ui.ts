/**
 * What a person is doing: which view, where the cursor is, what is open. And what each action makes of it. Pure.
 *
 * Owns: the state and `act`. Does not own: the world (`model.ts`), effects (`perform.ts` does the requests), keys (`keymap.ts`).
 * Invariants: an action changes only this state and may ask for one request; what cannot be done now says why; nothing is
 * killed or removed without a question that names it.
 */
import { type ActionId, type EditId, type Need, needs, type Place, resolve, type ViewId } from "./keymap.ts"
import type { Press } from "./keys.ts"
import { checked, editField, type Form, values, walk, write } from "./form.ts"
import { edit, insert, type Line, line } from "./line.ts"
import { type Anchor, atEnd, atTop, type Ids, move, to } from "./list.ts"
import { scrollBy, type Scroll, toStart } from "./log/scroll.ts"
import type { Model } from "./model.ts"
import { actionEntries, type Entry, matching } from "./screen/palette.ts"
import { post, type Toast } from "./screen/toast.ts"
import { hostForm } from "./host/form.ts"
import { taskForm } from "./task/form.ts"
import { meets, selectedHost, selectedTask, subjects } from "./situation.ts"
import { commandNamed, completed } from "./command.ts"

export type Request =
  | { readonly kind: "kill" | "retry"; readonly taskIds: ReadonlyArray<string> }
  | { readonly kind: "message"; readonly taskId: string; readonly text: string }
  | { readonly kind: "attach"; readonly taskId: string }
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "create" | "addHost"; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: "check"; readonly names: ReadonlyArray<string> }
  | { readonly kind: "removeHost"; readonly name: string }
  | { readonly kind: "older" | "quit" | "suspend" | "redraw" }

export type Overlay =
  | { readonly kind: "help"; readonly scroll: number }
  | { readonly kind: "palette"; readonly line: Line; readonly selected: number }
  | { readonly kind: "prompt"; readonly purpose: "filter" | "command"; readonly line: Line; readonly before: string }
  | { readonly kind: "prompt"; readonly purpose: "message"; readonly line: Line; readonly taskId: string }
  | { readonly kind: "confirm"; readonly question: string; readonly request: Request }
  | { readonly kind: "form"; readonly form: Form; readonly sending: boolean }

export interface Ui {
  readonly view: ViewId
  readonly focus: "list" | "detail"
  readonly zoom: boolean
  /** Only the log in the detail of a task. */
  readonly logOnly: boolean
  readonly anchors: Readonly<Record<ViewId, Anchor>>
  readonly filters: Readonly<Record<ViewId, string>>
  readonly marked: ReadonlySet<string>
  readonly log: Scroll
  /** First row of a detail that is not a log. */
  readonly detail: number
  readonly overlay: Overlay | undefined
  readonly toasts: ReadonlyArray<Toast>
  readonly mouse: boolean
}

export const start: Ui = {
  view: "tasks",
  focus: "list",
  zoom: false,
  logOnly: false,
  anchors: { tasks: atTop, hosts: atTop, timeline: atEnd },
  filters: { tasks: "", hosts: "", timeline: "" },
  marked: new Set(),
  log: { follow: true },
  detail: 0,
  overlay: undefined,
  toasts: [],
  mouse: true
}

/** What an action may look at besides the state: the world as it was drawn, and the size of what was drawn. */
export interface Scene {
  readonly model: Model
  readonly listRows: number
  readonly detailRows: number
  readonly detailColumns: number
}
export interface Step {
  readonly ui: Ui
  readonly request?: Request
}

export const place = (ui: Ui): Place => ui.overlay?.kind ?? ui.view

/** A key or typed character. */
export const press = (ui: Ui, scene: Scene, one: Press): Step => {
  const binding = resolve(place(ui), one.key)
  if (binding !== undefined) return act(ui, scene, binding.id, one.key, binding.need)
  return one.text === undefined ? { ui } : typed(ui, one.text)
}

/** Pasted text goes into what is written in, and nowhere else. */
export const typed = (ui: Ui, text: string): Step => {
  const { overlay } = ui
  if (overlay?.kind === "form") return { ui: { ...ui, overlay: { ...overlay, form: write(overlay.form, text) } } }
  if (overlay?.kind === "palette")
    return { ui: { ...ui, overlay: { ...overlay, line: insert(overlay.line, text), selected: 0 } } }
  if (overlay?.kind === "prompt") return { ui: written(ui, overlay, insert(overlay.line, text)) }
  return { ui }
}

const written = (ui: Ui, overlay: Extract<Overlay, { kind: "prompt" }>, next: Line): Ui => {
  const open = { ...ui, overlay: { ...overlay, line: next } }
  return overlay.purpose === "filter" ? { ...open, filters: { ...ui.filters, [ui.view]: next.text } } : open
}

export const note = (ui: Ui, text: string, now: number): Ui => ({ ...ui, toasts: post(ui.toasts, "note", text, now) })
export const complain = (ui: Ui, text: string, now: number): Ui => ({
  ...ui,
  toasts: post(ui.toasts, "error", text, now)
})

export const idsOfView = (ui: Ui, model: Model): Ids => (ui.view === "timeline" ? model.events : model[ui.view]).ids

export const act = (ui: Ui, scene: Scene, id: ActionId, key = "", need?: Need): Step => {
  if (need !== undefined && !meets(ui, scene.model, need)) return { ui: note(ui, needs[need], scene.model.now) }
  if (isEdit(id)) return { ui: edited(ui, id) }
  return simple(ui, id) ?? moving(ui, scene, id) ?? acting(ui, scene, id) ?? writing(ui, scene, id, key) ?? { ui }
}

const isEdit = (id: ActionId): id is EditId => id.startsWith("edit.")

const edited = (ui: Ui, id: EditId): Ui => {
  const { overlay } = ui
  if (overlay?.kind === "form") return { ...ui, overlay: { ...overlay, form: editField(overlay.form, id) } }
  if (overlay?.kind === "palette") return { ...ui, overlay: { ...overlay, line: edit(overlay.line, id), selected: 0 } }
  if (overlay?.kind === "prompt") return written(ui, overlay, edit(overlay.line, id))
  return ui
}

const close = (ui: Ui): Ui => ({ ...ui, overlay: undefined })
const show = (ui: Ui, view: ViewId): Ui => ({
  ...close(ui),
  view,
  focus: "list",
  zoom: false,
  logOnly: false,
  detail: 0
})

/** Actions that need nothing but the state. */
const simple = (ui: Ui, id: ActionId): Step | undefined => {
  switch (id) {
    case "interrupt":
    case "quit":
      return { ui, request: { kind: "quit" } }
    case "suspend":
      return { ui, request: { kind: "suspend" } }
    case "redraw":
      return { ui, request: { kind: "redraw" } }
    case "view.tasks":
      return { ui: show(ui, "tasks") }
    case "view.hosts":
      return { ui: show(ui, "hosts") }
    case "view.timeline":
      return { ui: show(ui, "timeline") }
    case "dismiss":
      return { ui: dismissed(ui) }
    case "mouse":
      return { ui: { ...ui, mouse: !ui.mouse } }
    case "help":
      return { ui: { ...ui, overlay: { kind: "help", scroll: 0 } } }
    case "palette":
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
    case "form.cancel":
    case "confirm.no":
      return { ui: close(ui) }
    case "confirm.yes":
      return ui.overlay?.kind === "confirm" ? { ui: close(ui), request: ui.overlay.request } : { ui }
    default:
      return undefined
  }
}

/** Escape undoes one thing at a time: a message, the zoom, the detail, the marks, the filter. */
const dismissed = (ui: Ui): Ui => {
  const error = ui.toasts.find((t) => t.kind === "error")
  if (error !== undefined) return { ...ui, toasts: ui.toasts.filter((t) => t !== error) }
  if (ui.zoom) return { ...ui, zoom: false, logOnly: false, focus: "list" }
  if (ui.focus === "detail") return { ...ui, focus: "list" }
  if (ui.marked.size > 0) return { ...ui, marked: new Set() }
  return { ...ui, filters: { ...ui.filters, [ui.view]: "" } }
}

const far = 1_000_000_000

const moving = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
  const page = Math.max(1, (ui.focus === "detail" ? scene.detailRows : scene.listRows) - 1)
  switch (id) {
    case "down":
      return moveBy(ui, scene, 1)
    case "up":
      return moveBy(ui, scene, -1)
    case "page.down":
      return moveBy(ui, scene, page)
    case "page.up":
      return moveBy(ui, scene, -page)
    case "top":
      return moveBy(ui, scene, -far)
    case "bottom":
    case "event.follow":
      return moveBy(id === "bottom" ? ui : { ...ui, focus: "list" }, scene, far)
    case "task.follow":
      return { ui: { ...ui, log: { follow: true } } }
    case "help.down":
    case "help.up":
      return ui.overlay?.kind === "help" ? { ui: { ...ui, overlay: helpBy(ui.overlay.scroll, id, scene) } } : { ui }
    case "palette.down":
    case "palette.up": {
      if (ui.overlay?.kind !== "palette") return { ui }
      const { length } = found(ui, scene.model, ui.overlay.line.text)
      const selected = Math.max(0, Math.min(length - 1, ui.overlay.selected + (id === "palette.down" ? 1 : -1)))
      return { ui: { ...ui, overlay: { ...ui.overlay, selected } } }
    }
    default:
      return undefined
  }
}

const helpBy = (scroll: number, id: "help.down" | "help.up", scene: Scene): Overlay => ({
  kind: "help",
  scroll: Math.max(0, scroll + (id === "help.down" ? 1 : -1) * Math.max(1, Math.floor(scene.listRows / 3)))
})

/** Moves what has the focus. Above the first event in memory older ones are asked for. */
export const moveBy = (ui: Ui, scene: Scene, by: number): Step => {
  const { model } = scene
  if (ui.focus === "detail") {
    if (ui.view !== "tasks") return { ui: { ...ui, detail: Math.max(0, Math.min(9999, ui.detail + by)) } }
    const lines = model.log?.lines ?? []
    if (by >= far) return { ui: { ...ui, log: { follow: true } } }
    if (by <= -far) return { ui: { ...ui, log: toStart(lines) } }
    return { ui: { ...ui, log: scrollBy(lines, ui.log, scene.detailColumns, scene.detailRows, by) } }
  }
  const ids = idsOfView(ui, model)
  const anchor = move(ids, scene.listRows, ui.anchors[ui.view], by, ui.view === "timeline")
  const next = select(ui, anchor)
  const atStart = ui.view === "timeline" && by < 0 && anchor.index === 0 && ids.count > 0
  return atStart ? { ui: next, request: { kind: "older" } } : { ui: next }
}

/** Another row: the detail starts anew. */
const select = (ui: Ui, anchor: Anchor): Ui =>
  anchor.selected === ui.anchors[ui.view].selected
    ? { ...ui, anchors: { ...ui.anchors, [ui.view]: anchor } }
    : { ...ui, anchors: { ...ui.anchors, [ui.view]: anchor }, log: { follow: true }, detail: 0 }

/** Selects by index: a click. */
export const selectAt = (ui: Ui, scene: Scene, index: number): Ui =>
  select(
    { ...ui, focus: "list" },
    to(idsOfView(ui, scene.model), scene.listRows, ui.anchors[ui.view], index, ui.view === "timeline")
  )

/** Goes to a row by id, whatever the filter hides. */
export const goTo = (ui: Ui, view: ViewId, id: string): Ui => {
  const base = ui.view === view ? close(ui) : show(ui, view)
  const filters = { ...base.filters, [view]: "" }
  return select({ ...base, filters, focus: "list" }, { selected: id, line: 2, index: 0, stick: false })
}

const acting = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
  const { model } = scene
  const task = selectedTask(ui, model)
  const host = selectedHost(ui, model)
  switch (id) {
    case "next.waiting": {
      const at = task === undefined ? -1 : model.waiting.indexOf(task.taskId)
      const next = model.waiting[(at + 1) % Math.max(1, model.waiting.length)]
      return { ui: next === undefined ? ui : goTo(ui, "tasks", next) }
    }
    case "task.new":
      return opened(ui, taskForm(model, task?.host))
    case "host.task":
      return opened(show(ui, "tasks"), taskForm(model, host?.name))
    case "host.add":
      return opened(ui, hostForm())
    case "task.open":
    case "host.open":
    case "event.open":
      return { ui: { ...ui, focus: "detail", zoom: true, logOnly: false } }
    case "task.log":
      return { ui: { ...ui, focus: "detail", zoom: true, logOnly: true } }
    case "task.attach":
      return task === undefined ? { ui } : { ui, request: { kind: "attach", taskId: task.taskId } }
    case "task.mark": {
      if (task === undefined) return { ui }
      const marked = new Set(ui.marked)
      if (!marked.delete(task.taskId)) marked.add(task.taskId)
      return moveBy({ ...ui, marked, focus: "list" }, scene, 1)
    }
    case "task.kill": {
      const taskIds = subjects(ui, model, "active").map((t) => t.taskId)
      const what = taskIds.length === 1 ? taskIds[0] : `these ${taskIds.length} tasks`
      return asked(ui, `Kill ${what}?`, { kind: "kill", taskIds })
    }
    case "task.retry": {
      const taskIds = subjects(ui, model, "ended").map((t) => t.taskId)
      const request: Request = { kind: "retry", taskIds }
      return taskIds.length === 1 ? { ui, request } : asked(ui, `Run these ${taskIds.length} tasks again?`, request)
    }
    case "task.message":
      if (task === undefined) return { ui }
      return { ui: { ...ui, overlay: { kind: "prompt", purpose: "message", line: line(), taskId: task.taskId } } }
    case "copy": {
      const marked = ui.view === "tasks" && ui.marked.size > 0 ? [...ui.marked].join("\n") : undefined
      const ids = idsOfView(ui, model)
      const text = marked ?? (ui.view === "tasks" ? task?.taskId : ui.view === "hosts" ? host?.name : eventId(ui, ids))
      return text === undefined ? { ui } : { ui, request: { kind: "copy", text } }
    }
    case "host.check":
      return host === undefined ? { ui } : { ui, request: { kind: "check", names: [host.name] } }
    case "host.checkAll":
      return { ui, request: { kind: "check", names: model.hostNames } }
    case "host.remove":
      if (host === undefined) return { ui }
      return asked(ui, `Remove ${host.name}? Its tasks stay in the log.`, { kind: "removeHost", name: host.name })
    default:
      return undefined
  }
}

const eventId = (ui: Ui, ids: Ids): string | undefined => {
  const anchor = ui.anchors.timeline
  return ids.count === 0 ? undefined : anchor.stick ? ids.idAt(ids.count - 1) : anchor.selected
}
const opened = (ui: Ui, form: Form): Step => ({ ui: { ...ui, overlay: { kind: "form", form, sending: false } } })
const asked = (ui: Ui, question: string, request: Request): Step => ({
  ui: { ...ui, overlay: { kind: "confirm", question, request } }
})

/** Everything the palette finds here. */
export const found = (ui: Ui, model: Model, query: string): ReadonlyArray<Entry> => {
  const things: ReadonlyArray<Entry> =
    query.trim() === ""
      ? []
      : [
          ...model.hostNames.map((name): Entry => ({
            title: name,
            keywords: "host",
            key: "host",
            target: { host: name }
          })),
          ...model.allTasks.slice(0, 2000).map((t): Entry => ({
            title: `${t.taskId}  ${t.command.slice(0, 80)}`,
            keywords: `${t.tool} ${t.host}`,
            key: "task",
            target: { task: t.taskId }
          }))
        ]
  return matching([...actionEntries(ui.view, (need) => meets(ui, model, need)), ...things], query)
}

const writing = (ui: Ui, scene: Scene, id: ActionId, key: string): Step | undefined => {
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
    if ("host" in entry.target) return { ui: goTo(ui, "hosts", entry.target.host) }
    if (entry.blocked !== undefined) return { ui: note(close(ui), entry.blocked, model.now) }
    return act(close(ui), scene, entry.target.action)
  }
  if (overlay?.kind !== "prompt") return undefined
  if (id === "prompt.cancel") {
    const filters = overlay.purpose === "filter" ? { ...ui.filters, [ui.view]: overlay.before } : ui.filters
    return { ui: { ...close(ui), filters } }
  }
  if (id === "prompt.complete")
    return overlay.purpose === "command"
      ? { ui: written(ui, overlay, line(completed(ui.view, overlay.line.text))) }
      : { ui }
  if (id !== "prompt.done") return undefined
  const text = overlay.line.text.trim()
  if (overlay.purpose === "filter" || text === "") return { ui: close(ui) }
  if (overlay.purpose === "message")
    return { ui: close(ui), request: { kind: "message", taskId: overlay.taskId, text: overlay.line.text } }
  const command = commandNamed(ui.view, text)
  if ("problem" in command) return { ui: complain(close(ui), command.problem, model.now) }
  return act(close(ui), scene, command.id, "", command.need)
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
