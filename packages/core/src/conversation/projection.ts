/** The read model of conversations: `read.conversation`. */
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { conversationEvents } from "./events.ts"
import { type ConversationView, ConversationView as Schema, evolveConversation } from "./view.ts"

export const conversationProjection: Projection = viewProjection({
  name: "conversation",
  version: 2,
  prefix: "conversation/",
  table: "conversation",
  types: conversationEvents,
  schema: Schema,
  initial: () => undefined,
  evolve: evolveConversation,
  brief
})

/** For lists: of the instructions the first 300 characters; arguments of tool calls cut when they are long. */
function brief(view: ConversationView): ConversationView {
  return {
    ...view,
    system: view.system === null ? null : view.system.slice(0, 300).toWellFormed(),
    open:
      view.open === null
        ? null
        : {
            ...view.open,
            calls: view.open.calls.map((call) =>
              JSON.stringify(call.args).length > 2000 ? { ...call, args: { cut: true } } : call
            )
          }
  }
}
