/** The conversation room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { type ConversationCommand, type ConversationRejection, decideConversation } from "./decider.ts"
import type { ConversationEvent } from "./events.ts"
import { type ConversationView, evolveConversation } from "./view.ts"

export const conversationDecider: Decider<
  ConversationView | undefined,
  ConversationCommand,
  ConversationEvent,
  ConversationRejection
> = {
  initial: undefined,
  evolve: evolveConversation,
  decide: decideConversation
}
