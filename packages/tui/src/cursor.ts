/**
 * Moving: through lists, logs, details, help and palette. Pure.
 *
 * Owns: what each movement does where. Does not own: the windows (`list.ts`, `log/scroll.ts`).
 * Invariants: selecting another row shows its detail from the start; asking for what is above the first event asks for older ones.
 */
import type { ActionId, ViewId } from "./keymap.ts"
import { type Anchor, move, to } from "./list.ts"
import { scrollBy, toStart } from "./log/scroll.ts"
import { close, idsOfView, type Overlay, type Scene, show, type Step, type Ui } from "./ui.ts"
import { scrollBy as scrollTalkBy } from "./conversation/act.ts"
import { found } from "./find.ts"
import { planLength } from "./plan/act.ts"
import { planTop } from "./plan/detail.ts"
import { startPlan } from "./plan/state.ts"

const far = 1_000_000_000

export const moving = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
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
    if (ui.view === "chats") return scrollTalkBy(ui, scene, by)
    if (ui.view === "plans") {
      const rows = planLength(ui, scene)
      const at = planTop(ui.detail, rows, scene.detailRows) + by
      return { ui: { ...ui, detail: planTop(Math.max(0, at), rows, scene.detailRows) } }
    }
    if (ui.view !== "tasks") return { ui: { ...ui, detail: Math.max(0, Math.min(9999, ui.detail + by)) } }
    const lines = model.log?.lines ?? []
    if (by >= far) return { ui: { ...ui, log: { follow: true } } }
    if (by <= -far) return { ui: { ...ui, log: toStart(lines) } }
    return { ui: { ...ui, log: scrollBy(lines, ui.log, scene.detailColumns, scene.detailRows, by) } }
  }
  const ids = idsOfView(ui, model)
  const anchor = move(ids, scene.listRows, ui.anchors[ui.view], by, ui.view === "timeline")
  const next = select(ui.chat.fresh ? { ...ui, chat: { ...ui.chat, fresh: false } } : ui, anchor)
  const atStart = ui.view === "timeline" && by < 0 && anchor.index === 0 && ids.count > 0
  return atStart ? { ui: next, request: { kind: "older" } } : { ui: next }
}

/** Another row: the detail starts anew. */
const select = (ui: Ui, anchor: Anchor): Ui =>
  anchor.selected === ui.anchors[ui.view].selected
    ? { ...ui, anchors: { ...ui.anchors, [ui.view]: anchor } }
    : {
        ...ui,
        anchors: { ...ui.anchors, [ui.view]: anchor },
        log: { follow: true },
        detail: 0,
        plan: startPlan,
        chat: { ...ui.chat, place: { follow: true } }
      }

/** Selects by index: a click. */
export const selectAt = (ui: Ui, scene: Scene, index: number): Ui =>
  select(
    { ...ui, focus: "list", chat: { ...ui.chat, fresh: false } },
    to(idsOfView(ui, scene.model), scene.listRows, ui.anchors[ui.view], index, ui.view === "timeline")
  )

/** Goes to a row by id, whatever the filter hides. */
export const goTo = (ui: Ui, view: ViewId, id: string): Ui => {
  const shown = ui.view === view ? close(ui) : show(ui, view)
  const base = { ...shown, chat: { ...shown.chat, fresh: false } }
  const filters = { ...base.filters, [view]: "" }
  return select({ ...base, filters, focus: "list" }, { selected: id, line: 2, index: 0, stick: false })
}
