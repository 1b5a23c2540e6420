/** Saying something: to a new conversation or in one that is there. Answers what to follow. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import type { MessageRequest } from "@signalbox/core/api/conversations.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { cannotTell } from "../output.ts"
import type { Talk } from "./chat.ts"
import type { Asked } from "./reply.ts"

export const say = Effect.fnUntraced(function* (talk: Talk, message: Pick<MessageRequest, "text" | "attachments">) {
  const hub = yield* HubClient
  const commandId = randomUUID()
  const model = talk.model === undefined ? {} : { model: talk.model }
  const said =
    talk.conversationId === undefined
      ? yield* hub.conversations.start({
          payload: {
            commandId,
            ...model,
            ...(talk.system === undefined ? {} : { system: talk.system }),
            ...(talk.carry ? { carrySummaries: true } : {}),
            ...(talk.tools ? {} : { tools: false }),
            first: message
          }
        })
      : yield* hub.conversations.send({
          params: { conversationId: talk.conversationId },
          payload: { commandId, ...message, ...model }
        })
  return yield* toFollow(said)
})

export const toFollow = ({
  conversationId,
  replyId,
  version
}: {
  readonly conversationId: string
  readonly replyId: string | null
  readonly version: number
}) =>
  replyId === null
    ? Effect.fail(cannotTell("The hub asked for no reply."))
    : Effect.succeed<Asked>({ conversationId, replyId, version })
