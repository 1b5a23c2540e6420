/**
 * `signalbox chat`: what is said first, to which conversation, and whether it goes on.
 *
 * Owns: flags, piped input, choosing between once (`oneshot.ts`) and a terminal (`interactive.ts`).
 * Does not own: following a reply (`reply.ts`).
 */
import { Effect, Stdio, Stream } from "effect"
import { longestAttachment, longestMessage } from "@signalbox/core/api/conversations.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { cannotTell, Json } from "../output.ts"
import { oneshot } from "./oneshot.ts"

export interface ChatFlags {
  readonly text: string | undefined
  readonly model: string | undefined
  readonly conversation: string | undefined
  readonly goOn: boolean
  readonly system: string | undefined
  readonly carry: boolean
  readonly noTools: boolean
}

/** What a new conversation begins with, or the one to go on with. */
export interface Talk {
  readonly conversationId: string | undefined
  readonly model: string | undefined
  readonly system: string | undefined
  readonly carry: boolean
  readonly tools: boolean
}

export const chat = (flags: ChatFlags) =>
  withHub(
    Effect.gen(function* () {
      const old = flags.conversation !== undefined || flags.goOn
      if (flags.conversation !== undefined && flags.goOn)
        return yield* Effect.fail(cannotTell("Give --conversation or --continue, not both."))
      if (old && (flags.system !== undefined || flags.carry || flags.noTools))
        return yield* Effect.fail(cannotTell("--system, --carry and --no-tools are for a new conversation only."))
      const terminal = process.stdin.isTTY
      const piped = terminal ? "" : yield* readPiped(flags.text)
      const talk: Talk = {
        conversationId: flags.goOn ? yield* lastConversation : flags.conversation,
        model: flags.model,
        system: flags.system,
        carry: flags.carry,
        tools: !flags.noTools
      }
      if (flags.text === undefined && terminal) {
        if (yield* Json) return yield* Effect.fail(cannotTell("--json answers one reply: give TEXT, or pipe it in."))
        const { interactive } = yield* Effect.promise(() => import("./interactive.ts"))
        return yield* interactive(talk)
      }
      const text = flags.text === undefined || flags.text === "-" ? piped : flags.text
      if (text.trim() === "")
        return yield* Effect.fail(cannotTell("There is nothing to say: give TEXT, or pipe it in."))
      const attachments =
        flags.text === undefined || flags.text === "-" || piped === "" ? [] : [{ name: "stdin", text: piped }]
      yield* oneshot(talk, { text, ...(attachments.length === 0 ? {} : { attachments }) })
    })
  )

/** Not more than can be said; the rest is not even read. */
const readPiped = Effect.fnUntraced(function* (said: string | undefined) {
  const io = yield* Stdio.Stdio
  const alone = said === undefined || said === "-"
  const limit = alone ? longestMessage : longestAttachment
  const text = yield* io.stdin.pipe(
    Stream.decodeText,
    Stream.scan(
      () => "",
      (all: string, piece) => all + piece
    ),
    Stream.takeUntil((all) => all.length > limit),
    Stream.runLast,
    Effect.mapError(() => cannotTell("Nothing could be read from stdin."))
  )
  const whole = text._tag === "Some" ? text.value.replace(/^\ufeff/u, "") : ""
  if (whole.length > limit)
    return yield* Effect.fail(
      cannotTell(
        alone
          ? `The piped text is longer than ${limit} characters, which is the most that can be said at once. Say TEXT and pipe it: then it is an attachment of up to ${longestAttachment}.`
          : `The piped text is longer than ${limit} characters, which is the most that can come along. Pipe a part of it (head, tail, grep).`
      )
    )
  if (whole.includes("\0")) return yield* Effect.fail(cannotTell("The piped input is no text: it has NUL bytes."))
  return whole
})

const lastConversation = Effect.gen(function* () {
  const hub = yield* HubClient
  const { conversations } = yield* hub.conversations.list({ query: { limit: 1 } })
  const [last] = conversations
  return last === undefined
    ? yield* Effect.fail(cannotTell("There is no conversation to go on with; leave --continue out."))
    : last.conversationId
})
