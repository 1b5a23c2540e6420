/**
 * The terminal's copy of the conversations: a snapshot, then every event folded by the function that the hub folds with.
 *
 * Owns: the views, the conversation that is read, what a search found, the models. Does not own: fetching (`ChatHub.ts`).
 * Invariants: an event is folded once, by its version; beyond `most` the ones that were not touched for longest go, but never
 * one that waits for a person.
 */
import { Result } from "effect"
import { conversationEvents, conversationIdOf } from "@signalbox/core/conversation/events.ts"
import { type ConversationView, evolveConversation } from "@signalbox/core/conversation/view.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import type { Ticker } from "../ticker.ts"
import { chatModel, type ChatModel, type Found, type Models, noModels, orderedChats } from "./model.ts"
import type { Talk } from "./talk.ts"

const most = 2000
/** Text that is being written is seen at 16 frames a second. */
const frameTime = 62

export class ChatStore {
  talk: Talk | undefined
  models: Models = noModels
  found: Found | undefined
  undecodable = 0
  /** Told of a conversation that the log speaks of and that is not in memory. */
  onUnknown: (conversationId: string) => void = () => {}
  private readonly views = new Map<string, ConversationView>()
  private readonly ticker: Ticker
  private order: ReadonlyArray<ConversationView> | undefined

  constructor(ticker: Ticker) {
    this.ticker = ticker
  }

  view(conversationId: string): ConversationView | undefined {
    return this.views.get(conversationId)
  }

  clear(): void {
    this.views.clear()
    this.order = undefined
    this.talk = undefined
    this.found = undefined
  }

  put(view: ConversationView): void {
    const before = this.views.get(view.conversationId)
    if (before !== undefined && before.version > view.version) return
    this.views.set(view.conversationId, view)
    this.order = undefined
    if (this.views.size > most + 200) this.trim()
    this.ticker.touch()
  }

  apply(event: RecordedEvent): void {
    const conversationId = conversationIdOf(event.stream)
    const before = this.views.get(conversationId)
    if (before !== undefined && event.version <= before.version) return
    const decoded = conversationEvents.decode(event)
    if (Result.isFailure(decoded)) return void this.undecodable++
    if (decoded.success === undefined) return
    const after = evolveConversation(before, decoded.success, event)
    if (after === undefined) this.onUnknown(conversationId)
    else this.put(after)
  }

  setTalk(talk: Talk | undefined): void {
    this.talk = talk
    this.ticker.touch(frameTime)
  }

  /** Of the conversation that is read, and of no other. */
  changeTalk(conversationId: string, to: (talk: Talk) => Talk): void {
    if (this.talk?.conversationId !== conversationId) return
    this.talk = to(this.talk)
    this.ticker.touch(frameTime)
  }

  setModels(models: Models): void {
    this.models = models
    this.ticker.touch(0)
  }

  setFound(found: Found | undefined): void {
    this.found = found
    this.ticker.touch(0)
  }

  model(filter: string, archived: boolean): ChatModel {
    this.order ??= orderedChats(this.views.values())
    return chatModel(this.order, filter, archived, this.found, this.talk, this.models)
  }

  private trim(): void {
    for (const view of orderedChats(this.views.values()).slice(most))
      if (view.status === "idle") this.views.delete(view.conversationId)
    this.order = undefined
  }
}
