/**
 * What a person is doing: which view, where the cursor is, what is open. Pure data.
 *
 * Owns: the state and its first value. Does not own: what actions make of it (`act.ts`, `cursor.ts`, `ask.ts`, `writing.ts`),
 * the world (`model.ts`), effects (`perform.ts` does the requests).
 */
import type { Form } from "./form.ts"
import type { ViewId } from "./keymap.ts"
import type { Line } from "./line.ts"
import { type Anchor, atEnd, atTop, type Ids } from "./list.ts"
import { type ChatUi, startChat } from "./conversation/state.ts"
import { type Instruct, type PlanUi, startPlan } from "./plan/state.ts"
import type { Scroll } from "./log/scroll.ts"
import type { Model } from "./model.ts"
import { post, type Toast } from "./screen/toast.ts"

export type Request =
  | { readonly kind: "kill" | "retry"; readonly taskIds: ReadonlyArray<string> }
  /** `say` types into its terminal, `message` makes a task that continues its session. */
  | { readonly kind: "say" | "message"; readonly taskId: string; readonly text: string }
  | { readonly kind: "attach"; readonly taskId: string }
  | { readonly kind: "copy"; readonly text: string }
  | { readonly kind: "create" | "addHost"; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: "check"; readonly names: ReadonlyArray<string> }
  | { readonly kind: "removeHost"; readonly name: string }
  | { readonly kind: "older" | "quit" | "suspend" | "redraw" }
  | ChatRequest
  | PlanRequest

export type PlanRequest =
  /** `dryRun`: what would it be understood as? */
  | { readonly kind: "plan.give"; readonly text: string; readonly dryRun: boolean }
  /** `hash`: of what was on the screen. */
  | { readonly kind: "plan.approve"; readonly planId: string; readonly hash: string; readonly code?: string }
  | { readonly kind: "plan.reject" | "plan.cancel"; readonly planId: string }

export type ChatRequest =
  | {
      readonly kind: "chat.send"
      readonly key: string
      /** Undefined: a new one is started. */
      readonly conversationId: string | undefined
      readonly text: string
      readonly model: string | undefined
    }
  | {
      readonly kind: "chat.interrupt" | "chat.regenerate" | "chat.summarize" | "chat.older"
      readonly conversationId: string
    }
  /** To the message of this version, older pages read as far as it takes. */
  | { readonly kind: "chat.reach"; readonly conversationId: string; readonly version: number }
  | { readonly kind: "chat.archive"; readonly conversationId: string; readonly archived: boolean }
  | {
      readonly kind: "chat.decide"
      readonly conversationId: string
      readonly callId: string
      readonly approve: boolean
    }
  | { readonly kind: "chat.model"; readonly conversationId: string; readonly model: string }
  | { readonly kind: "chat.rename"; readonly conversationId: string; readonly title: string }
  | { readonly kind: "chat.fork"; readonly conversationId: string; readonly version: number | undefined }
  | { readonly kind: "chat.models"; readonly refresh: boolean }
  | { readonly kind: "chat.edit"; readonly key: string; readonly text: string }

export type Overlay =
  | { readonly kind: "help"; readonly scroll: number }
  | { readonly kind: "palette"; readonly line: Line; readonly selected: number }
  | { readonly kind: "prompt"; readonly purpose: "filter" | "command"; readonly line: Line; readonly before: string }
  | { readonly kind: "prompt"; readonly purpose: "say" | "message"; readonly line: Line; readonly taskId: string }
  | { readonly kind: "prompt"; readonly purpose: "rename"; readonly line: Line; readonly conversationId: string }
  /** The short code of what is critical. */
  | {
      readonly kind: "prompt"
      readonly purpose: "code"
      readonly line: Line
      readonly planId: string
      readonly hash: string
    }
  | Instruct
  /** Without a conversation: for the one that is not there yet. */
  | {
      readonly kind: "picker"
      readonly line: Line
      readonly selected: number
      readonly conversationId: string | undefined
    }
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
  readonly chat: ChatUi
  readonly plan: PlanUi
  readonly overlay: Overlay | undefined
  readonly toasts: ReadonlyArray<Toast>
  readonly mouse: boolean
}

export const start: Ui = {
  view: "tasks",
  focus: "list",
  zoom: false,
  logOnly: false,
  anchors: { tasks: atTop, chats: atTop, hosts: atTop, plans: atTop, timeline: atEnd },
  filters: { tasks: "", chats: "", hosts: "", plans: "", timeline: "" },
  marked: new Set(),
  log: { follow: true },
  detail: 0,
  chat: startChat,
  plan: startPlan,
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
  /** Rows of the whole detail. */
  readonly paneRows: number
}
export interface Step {
  readonly ui: Ui
  readonly request?: Request
}

export const note = (ui: Ui, text: string, now: number): Ui => ({ ...ui, toasts: post(ui.toasts, "note", text, now) })
export const complain = (ui: Ui, text: string, now: number): Ui => ({
  ...ui,
  toasts: post(ui.toasts, "error", text, now)
})

/** Without the oldest message that was to be read; undefined: there is none. */
export const errorRead = (ui: Ui): Ui | undefined => {
  const error = ui.toasts.find((toast) => toast.kind === "error")
  return error === undefined ? undefined : { ...ui, toasts: ui.toasts.filter((toast) => toast !== error) }
}

export const idsOfView = (ui: Ui, model: Model): Ids => listed(ui.view, model).ids

const listed = (view: ViewId, model: Model): { readonly ids: Ids } => {
  switch (view) {
    case "timeline":
      return model.events
    case "chats":
      return model.chat.list
    case "plans":
      return model.plans.list
    case "tasks":
    case "hosts":
      return model[view]
  }
}

export const close = (ui: Ui): Ui => ({ ...ui, overlay: undefined })
/** Another view, as it was left, with nothing open. */
export const show = (ui: Ui, view: ViewId): Ui => ({
  ...close(ui),
  view,
  focus: "list",
  zoom: false,
  logOnly: false,
  detail: 0,
  chat: { ...ui.chat, writing: undefined }
})
