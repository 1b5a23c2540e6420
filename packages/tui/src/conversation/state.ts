/**
 * What a person is doing in the conversations. Pure data.
 *
 * Owns: the state, its first value, and the questions that are asked of it. Does not own: what actions make of it (`act.ts`).
 * Invariant: a draft belongs to its conversation, and stays there while others are read.
 */
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { selectedIndex } from "../list.ts"
import type { Model } from "../model.ts"
import type { Ui } from "../ui.ts"
import { type Draft, emptyDraft, paste, wholeText } from "./draft.ts"
import type { TalkPlace } from "./place.ts"
import { askedCalls, type Talk } from "./talk.ts"

/** The draft of the conversation that does not exist yet. */
export const fresh = "new"

export interface ChatUi {
  /** The draft that takes the keys: a conversation's id, or `fresh`. */
  readonly writing: string | undefined
  /** A conversation that does not exist yet is on the screen. */
  readonly fresh: boolean
  /** Chosen for it. */
  readonly model: string | undefined
  readonly drafts: Readonly<Record<string, Draft>>
  /** What the hub is about to accept. It is out of the way, so that one can write on, and comes back when it is refused. */
  readonly sending: { readonly key: string; readonly draft: Draft } | undefined
  readonly place: TalkPlace
  /** Only archived conversations are listed. */
  readonly archived: boolean
  /** What was sent from here, oldest first. */
  readonly sent: ReadonlyArray<string>
}

export const startChat: ChatUi = {
  writing: undefined,
  fresh: false,
  model: undefined,
  drafts: {},
  sending: undefined,
  place: { follow: true },
  archived: false,
  sent: []
}

export const selectedChat = (ui: Ui, model: Model): ConversationView | undefined =>
  ui.view === "chats" && !ui.chat.fresh
    ? model.chat.list.rows[selectedIndex(model.chat.list.ids, ui.anchors.chats)]
    : undefined

/** Its text, where it is the one that was read. */
export const talkOf = (ui: Ui, model: Model): Talk | undefined => {
  const view = selectedChat(ui, model)
  return view !== undefined && model.chat.talk?.conversationId === view.conversationId ? model.chat.talk : undefined
}

export const draftKey = (ui: Ui, model: Model): string | undefined =>
  ui.chat.fresh ? fresh : selectedChat(ui, model)?.conversationId

export const draftOf = (ui: Ui, key: string | undefined): Draft => ui.chat.drafts[key ?? fresh] ?? emptyDraft

/** Keys go into the message. */
export const isWriting = (ui: Ui, model: Model): boolean =>
  ui.view === "chats" &&
  ui.focus === "detail" &&
  ui.chat.writing !== undefined &&
  ui.chat.writing === draftKey(ui, model)

/** The call that y and n are about: the first that was not decided, once the text that it stands in is here. */
export const askedCall = (ui: Ui, model: Model) => {
  const view = selectedChat(ui, model)
  const talk = talkOf(ui, model)
  if (view?.status !== "waiting" || talk === undefined) return undefined
  return askedCalls(talk)[0]
}

/** The hub has not taken the message: it is a draft again, before what was written since. */
export const unsent = (ui: Ui): Ui => {
  const { sending } = ui.chat
  if (sending === undefined) return ui
  const since = ui.chat.drafts[sending.key]
  const whole = since === undefined ? sending.draft : paste(sending.draft, `\n${wholeText(since)}`).draft
  return withDraft(withChat(ui, { sending: undefined }), sending.key, whole)
}

export const withChat = (ui: Ui, change: Partial<ChatUi>): Ui => ({ ...ui, chat: { ...ui.chat, ...change } })
export const withDraft = (ui: Ui, key: string, draft: Draft | undefined): Ui => {
  const { [key]: _, ...others } = ui.chat.drafts
  return withChat(ui, { drafts: draft === undefined ? others : { ...others, [key]: draft } })
}
