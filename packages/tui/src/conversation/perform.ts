/**
 * Does what a person asked for in a conversation, and says how it went.
 *
 * Owns: the order of a request's steps and its words. Does not own: the calls (`ChatHub.ts`).
 * Invariant: an answer never pulls a person back who has gone elsewhere, nor takes what they wrote meanwhile.
 */
import type { Session } from "../Session.ts"
import { goTo } from "../cursor.ts"
import { type ChatRequest, complain, type Ui } from "../ui.ts"
import { fresh, withChat, withDraft } from "./state.ts"
import { placeAt } from "./place.ts"
import { firstVersion } from "./talk.ts"
import { fromEditor } from "./draft.ts"

export const performChat = async (session: Session, request: ChatRequest): Promise<void> => {
  const { chats } = session.acts
  switch (request.kind) {
    case "chat.send": {
      const { key, text, model } = request
      const conversationId =
        request.conversationId === undefined
          ? await chats.start(text, model)
          : await chats.send(request.conversationId, text).then(() => request.conversationId)
      session.change((ui) => {
        const done = withChat(ui, { sending: undefined, sent: [...ui.chat.sent.slice(-99), text] })
        return conversationId !== undefined && ui.view === "chats" && ui.chat.fresh && key === fresh
          ? begun(done, conversationId)
          : done
      })
      return
    }
    case "chat.interrupt":
      return chats.interrupt(request.conversationId)
    case "chat.regenerate":
      return chats.regenerate(request.conversationId)
    case "chat.summarize":
      await chats.summarize(request.conversationId)
      return session.note("a summary is being written; what was said stays readable")
    case "chat.archive":
      await chats.archive(request.conversationId, request.archived)
      return session.note(request.archived ? "archived; A lists what is archived" : "taken out of the archive")
    case "chat.decide":
      return chats.decide(request.conversationId, request.callId, request.approve)
    case "chat.model":
      return session.note(`goes on with ${await chats.changeModel(request.conversationId, request.model)}`)
    case "chat.rename":
      return chats.rename(request.conversationId, request.title)
    case "chat.fork": {
      const forked = await chats.fork(request.conversationId, request.version)
      session.change((ui) =>
        ui.view === "chats" && ui.overlay === undefined ? withChat(goTo(ui, "chats", forked), { archived: false }) : ui
      )
      return session.note(`forked as ${forked}`)
    }
    case "chat.models":
      return chats.models(request.refresh)
    case "chat.older":
      return chats.older(request.conversationId)
    case "chat.reach":
      return reach(session, request.conversationId, request.version)
    case "chat.edit": {
      const edited = await session.terminal?.edit(request.text)
      if (edited === undefined) return
      const { draft, problem } = fromEditor(edited)
      return session.change((ui) =>
        problem === undefined
          ? withDraft(ui, request.key, draft.line.text === "" ? undefined : draft)
          : complain(ui, problem, Date.now())
      )
    }
  }
}

const reach = async (session: Session, conversationId: string, version: number): Promise<void> => {
  const { store, acts } = session
  const here = () => (store.chats.talk?.conversationId === conversationId ? store.chats.talk : undefined)
  await acts.chats.read(conversationId)
  while (here()?.more === true && (firstVersion(here()!) ?? 0) > version) await acts.chats.older(conversationId)
  const talk = here()
  if (talk === undefined) return
  // A reply is named by the event that asked for it, and found by the one that ended it.
  const entry = talk.entries.findLast(
    (one) => one.version === version || (one.kind === "reply" && one.endedVersion === version)
  )
  if (entry === undefined) return
  session.change((ui) =>
    ui.view === "chats" && ui.focus === "detail" ? withChat(ui, { place: placeAt(String(entry.version)) }) : ui
  )
}

/** From the conversation that was not there yet to the one that is. */
const begun = (ui: Ui, conversationId: string): Ui => {
  const { [fresh]: since, ...drafts } = ui.chat.drafts
  const there = goTo(ui, "chats", conversationId)
  return withChat(
    { ...there, focus: ui.focus, zoom: ui.zoom, overlay: ui.overlay },
    {
      model: undefined,
      archived: false,
      drafts: since === undefined ? drafts : { ...drafts, [conversationId]: since },
      writing: ui.chat.writing === fresh ? conversationId : undefined
    }
  )
}
