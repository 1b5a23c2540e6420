/** What a worker would record of a conversation, said by the test: true commands through the true decider. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import type { ConversationCommand } from "@signalbox/core/conversation/decider.ts"
import { conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"

export const recordConversation = (conversationId: string, command: ConversationCommand) =>
  Effect.flatMap(Commands, (commands) =>
    commands.execute({
      decider: conversationDecider,
      types: conversationEvents,
      stream: conversationStream(conversationId),
      command,
      commandId: randomUUID(),
      actor: "worker:test"
    })
  )
