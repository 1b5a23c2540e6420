/**
 * What keys make of the conversations. Pure.
 *
 * Owns: reading, writing, choosing a model, deciding about tool calls. Does not own: the requests (`perform.ts`), the keys.
 * Invariants: a draft is gone only when the hub has accepted it; nothing is approved that is not on the screen; esc ends what is
 * being written by the model before it leaves anything.
 */
import type { ActionId, EditId } from "../keymap.ts"
import { edit, insert, line } from "../line.ts"
import { close, complain, errorRead, note, type Request, type Scene, type Step, type Ui } from "../ui.ts"
import { callRoom, callRows } from "./call.ts"
import { shownBlocks } from "./detail.ts"
import { continued, type Draft, editDraft, paste, stepDraft, wholeText, write } from "./draft.ts"
import { choices } from "./picker.ts"
import { scrollTalk, stepTalk, topOf } from "./place.ts"
import { askedCall, draftKey, draftOf, fresh, isWriting, selectedChat, talkOf, withChat, withDraft } from "./state.ts"
import { written } from "./talk.ts"

export const chatting = (ui: Ui, scene: Scene, id: ActionId): Step | undefined => {
  const { model } = scene
  const view = selectedChat(ui, model)
  const key = draftKey(ui, model)
  switch (id) {
    case "chat.new":
      return {
        ui: withChat({ ...ui, focus: "detail", zoom: true }, { fresh: true, writing: fresh, place: { follow: true } }),
        request: { kind: "chat.models", refresh: false }
      }
    case "chat.open":
      return opened(ui, scene)
    case "chat.write":
      return key === undefined ? { ui } : { ui: withChat({ ...ui, focus: "detail" }, { writing: key }) }
    case "chat.archived":
      return { ui: withChat(ui, { archived: !ui.chat.archived }) }
    case "chat.model":
    case "composer.model":
      return {
        ui: { ...ui, overlay: { kind: "picker", line: line(), selected: 0, conversationId: view?.conversationId } },
        request: { kind: "chat.models", refresh: false }
      }
    case "chat.rename":
      return view === undefined
        ? { ui }
        : {
            ui: {
              ...ui,
              overlay: {
                kind: "prompt",
                purpose: "rename",
                line: line(view.title),
                conversationId: view.conversationId
              }
            }
          }
    case "chat.archive":
      return asks(
        ui,
        view === undefined
          ? undefined
          : { kind: "chat.archive", conversationId: view.conversationId, archived: !view.archived }
      )
    case "chat.regenerate":
      return asks(
        followed(ui),
        view === undefined ? undefined : { kind: "chat.regenerate", conversationId: view.conversationId }
      )
    case "chat.summarize":
      return asks(ui, view === undefined ? undefined : { kind: "chat.summarize", conversationId: view.conversationId })
    case "chat.interrupt":
      return asks(ui, view === undefined ? undefined : { kind: "chat.interrupt", conversationId: view.conversationId })
    case "chat.fork":
      return forked(ui, scene)
    case "call.yes":
    case "call.no":
      return decided(ui, scene, id === "call.yes")
    case "talk.follow":
      return { ui: followed(ui) }
    case "talk.next":
    case "talk.before": {
      const blocks = shownBlocks(ui, model, scene.detailColumns)
      const place = stepTalk(blocks, ui.chat.place, scene.detailRows, id === "talk.next" ? 1 : -1)
      return { ui: withChat(ui, { place }) }
    }
    case "composer.leave":
      // A message that covers the draft is read first.
      return { ui: errorRead(ui) ?? withChat(ui, { writing: undefined }) }
    case "composer.list":
      return { ui: { ...ui, focus: "list", zoom: false } }
    case "composer.pageUp":
      return scrollBy(ui, scene, -Math.max(1, scene.detailRows - 1))
    case "composer.pageDown":
      return scrollBy(ui, scene, Math.max(1, scene.detailRows - 1))
    case "composer.newline":
      return changed(ui, scene, (draft) => write(draft, "\n"))
    case "composer.up":
    case "composer.down": {
      const talk = talkOf(ui, model)
      const before = ui.chat.fresh ? ui.chat.sent : talk === undefined ? [] : written(talk)
      return changed(ui, scene, (draft) => ({ draft: stepDraft(draft, id === "composer.up" ? -1 : 1, before) }))
    }
    case "composer.editor":
      return key === undefined ? { ui } : { ui, request: { kind: "chat.edit", key, text: wholeText(draftOf(ui, key)) } }
    case "composer.send":
      return sent(ui, scene)
    case "picker.down":
    case "picker.up": {
      if (ui.overlay?.kind !== "picker") return { ui }
      const { length } = choices(model.chat.models, ui.overlay.line.text)
      const to = ui.overlay.selected + (id === "picker.down" ? 1 : -1)
      return { ui: { ...ui, overlay: { ...ui.overlay, selected: Math.max(0, Math.min(length - 1, to)) } } }
    }
    case "picker.refresh":
      return { ui, request: { kind: "chat.models", refresh: true } }
    case "picker.close":
      return { ui: close(ui) }
    case "picker.choose": {
      if (ui.overlay?.kind !== "picker") return { ui }
      const choice = choices(model.chat.models, ui.overlay.line.text)[ui.overlay.selected]
      if (choice === undefined) return { ui }
      const { conversationId } = ui.overlay
      return conversationId === undefined
        ? { ui: withChat(close(ui), { model: choice.ref }) }
        : { ui: close(ui), request: { kind: "chat.model", conversationId, model: choice.ref } }
    }
    default:
      return undefined
  }
}

/** To write; what a search found is opened where it stands, and a question that waits is answered before anything is written. */
const opened = (ui: Ui, { model }: Scene): Step => {
  const view = selectedChat(ui, model)
  const key = draftKey(ui, model)
  if (key === undefined) return { ui }
  const hit = view === undefined || ui.focus === "detail" ? undefined : model.chat.hits.get(view.conversationId)
  const reading = hit !== undefined || (ui.focus === "list" && view?.status === "waiting")
  const next = withChat(
    { ...ui, focus: "detail", zoom: ui.zoom || ui.focus === "list" },
    { writing: reading ? undefined : key }
  )
  return asks(
    next,
    hit === undefined ? undefined : { kind: "chat.reach", conversationId: hit.conversationId, version: hit.version }
  )
}

/** What is too long for the screen is not approved by the way. */
const decided = (ui: Ui, scene: Scene, approve: boolean): Step => {
  const view = selectedChat(ui, scene.model)
  const call = askedCall(ui, scene.model)
  if (view === undefined || call === undefined) return { ui: note(ui, "the call is still being read", scene.model.now) }
  const { conversationId } = view
  const request: Request = { kind: "chat.decide", conversationId, callId: call.callId, approve }
  if (!approve || callRows(call, scene.detailColumns).length <= callRoom(scene.paneRows)) return { ui, request }
  const question = "Not all of it is on the screen. Let it run all the same?"
  return { ui: { ...ui, overlay: { kind: "confirm", question, request } } }
}

const asks = (ui: Ui, request: Request | undefined): Step => (request === undefined ? { ui } : { ui, request })
const followed = (ui: Ui): Ui => withChat(ui, { place: { follow: true } })

const changed = (
  ui: Ui,
  scene: Scene,
  to: (draft: Draft) => { readonly draft: Draft; readonly problem?: string }
): Step => {
  const key = draftKey(ui, scene.model)
  if (key === undefined) return { ui }
  const { draft, problem } = to(draftOf(ui, key))
  const next = withDraft(ui, key, draft.line.text === "" && draft.back === undefined ? undefined : draft)
  return { ui: problem === undefined ? next : complain(next, problem, scene.model.now) }
}

/** Typed into the message. */
export const chatTyped = (ui: Ui, scene: Scene, text: string): Step => changed(ui, scene, (draft) => write(draft, text))
export const chatPasted = (ui: Ui, scene: Scene, text: string): Step =>
  isWriting(ui, scene.model) ? changed(ui, scene, (draft) => paste(draft, text)) : { ui }
export const chatEdited = (ui: Ui, scene: Scene, id: EditId): Step =>
  changed(ui, scene, (draft) => ({ draft: editDraft(draft, id) }))

export const pickerTyped = (ui: Ui, text: string): Ui =>
  ui.overlay?.kind === "picker"
    ? { ...ui, overlay: { ...ui.overlay, line: insert(ui.overlay.line, text), selected: 0 } }
    : ui
export const pickerEdited = (ui: Ui, id: EditId): Ui =>
  ui.overlay?.kind === "picker"
    ? { ...ui, overlay: { ...ui.overlay, line: edit(ui.overlay.line, id), selected: 0 } }
    : ui

const sent = (ui: Ui, scene: Scene): Step => {
  const { model } = scene
  const key = draftKey(ui, model)
  if (key === undefined) return { ui }
  const draft = draftOf(ui, key)
  const longer = continued(draft)
  if (longer !== undefined) return { ui: withDraft(ui, key, longer) }
  const text = wholeText(draft)
  if (text.trim() === "" || ui.chat.sending !== undefined) return { ui }
  const view = selectedChat(ui, model)
  if (view?.status === "waiting")
    return { ui: note(ui, "a tool call waits for your yes or no: esc, then y or n", model.now) }
  if (view?.status === "replying")
    return {
      ui: note(ui, "a reply is being written: wait for it, or esc interrupts it; the message stays here", model.now)
    }
  return {
    ui: withChat(followed(withDraft(ui, key, undefined)), { sending: { key, draft } }),
    request: {
      kind: "chat.send",
      key,
      conversationId: view?.conversationId,
      text,
      model: ui.chat.fresh ? ui.chat.model : undefined
    }
  }
}

/** Whole, or as far as the entry at the top, where one has scrolled to it. */
const forked = (ui: Ui, scene: Scene): Step => {
  const view = selectedChat(ui, scene.model)
  const talk = talkOf(ui, scene.model)
  if (view === undefined) return { ui }
  const whole: Request = { kind: "chat.fork", conversationId: view.conversationId, version: undefined }
  if (talk === undefined || ui.chat.place.follow) return { ui, request: whole }
  const blocks = shownBlocks(ui, scene.model, scene.detailColumns)
  const top = topOf(blocks, ui.chat.place, scene.detailRows).index
  const entry = talk.entries.find((_, i) => i >= top && blocks.rowsAt(i).length > 0)
  if (entry === undefined) return { ui, request: whole }
  const version = entry.kind === "reply" ? (entry.endedVersion ?? entry.version - 1) : entry.version
  const words = "text" in entry && entry.text !== "" ? entry.text.trim().split("\n")[0]?.slice(0, 40) : undefined
  const question = words === undefined ? "Fork as far as the top of what is seen?" : `Fork as far as “${words}”?`
  return {
    ui: {
      ...ui,
      overlay: {
        kind: "confirm",
        question,
        request: { kind: "chat.fork", conversationId: view.conversationId, version }
      }
    }
  }
}

/** By rows; near the oldest that is here, older ones are asked for. */
export const scrollBy = (ui: Ui, scene: Scene, by: number): Step => {
  const talk = talkOf(ui, scene.model)
  const blocks = shownBlocks(ui, scene.model, scene.detailColumns)
  const { place, start } = scrollTalk(blocks, ui.chat.place, scene.detailRows, by)
  const next = withChat(ui, { place })
  return start && by < 0 && talk?.more === true
    ? { ui: next, request: { kind: "chat.older", conversationId: talk.conversationId } }
    : { ui: next }
}
