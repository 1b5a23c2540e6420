/** Acts on one conversation: `rename`, `archive`, `fork`, `regenerate`, `interrupt`, `summarize`, `approve`, `refuse`. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { printReply } from "../chat/oneshot.ts"
import { toFollow } from "../chat/say.ts"
import { callLine } from "../chat/words.ts"
import { withHub } from "../client/hub.ts"
import { answer, failed } from "../output.ts"

const given = () => ({ commandId: randomUUID() })

export const rename = (conversationId: string, title: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* hub.conversations.rename({ params: { conversationId }, payload: { ...given(), title } })
      yield* answer({ conversationId, title, ...done }, () => `${conversationId} is renamed.`)
    })
  )

export const archive = (conversationId: string, archived: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* hub.conversations.archive({ params: { conversationId }, payload: { ...given(), archived } })
      yield* answer({ conversationId, archived, ...done }, () =>
        archived ? `${conversationId} is put away.` : `${conversationId} is back in the list.`
      )
    })
  )

export const fork = (conversationId: string, version: number | undefined, title: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const said = yield* hub.conversations.fork({
        params: { conversationId },
        payload: {
          ...given(),
          ...(version === undefined ? {} : { version }),
          ...(title === undefined ? {} : { title })
        }
      })
      yield* answer(said, () => said.conversationId)
    })
  )

export const regenerate = (conversationId: string, model: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const said = yield* hub.conversations.regenerate({
        params: { conversationId },
        payload: { ...given(), ...(model === undefined ? {} : { model }) }
      })
      yield* printReply(yield* toFollow(said))
    })
  )

export const interrupt = (conversationId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* hub.conversations.interrupt({ params: { conversationId }, payload: given() })
      yield* answer({ conversationId, ...done }, () => "The reply is being interrupted.")
    })
  )

export const summarize = (conversationId: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* hub.conversations.summarize({ params: { conversationId }, payload: given() })
      yield* answer({ conversationId, ...done }, () => "The past is being summarized.")
    })
  )

/** Without a call: the one that waits, when there is only one. */
export const decide = (conversationId: string, callId: string | undefined, approve: boolean) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { conversation } = yield* hub.conversations.get({ params: { conversationId } })
      const waiting = (conversation.open?.calls ?? []).filter((call) => call.state === "asked")
      const [only] = waiting
      const chosen = callId ?? (waiting.length === 1 ? only?.callId : undefined)
      if (chosen === undefined)
        return yield* Effect.fail(
          failed(
            waiting.length === 0
              ? `No tool call of ${conversationId} waits for a decision.`
              : `Several tool calls wait; name one: ${waiting.map((call) => call.callId).join(", ")}.`
          )
        )
      const call = waiting.find((one) => one.callId === chosen)
      const done = yield* hub.conversations.decideCall({
        params: { conversationId, callId: chosen },
        payload: { ...given(), approve }
      })
      yield* answer({ conversationId, callId: chosen, approved: approve, ...done }, () =>
        [
          approve ? "Allowed" : "Refused",
          call === undefined ? chosen : callLine({ ...call, state: "ready", answer: null })
        ].join(": ")
      )
    })
  )
