/**
 * One reply on stdout: as it comes, or as one JSON document.
 *
 * Invariants: stdout holds nothing but the model's words, made harmless; exit 0 completed, 1 not; whoever interrupts the command
 * interrupts the reply; where nobody can answer yes or no, a tool call is left waiting and it is told how to decide it.
 */
import { randomUUID } from "node:crypto"
import { createInterface } from "node:readline/promises"
import { Effect } from "effect"
import type { MessageRequest } from "@signalbox/core/api/conversations.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { TranscriptCall } from "@signalbox/core/conversation/transcript.ts"
import { writeBytes } from "../client/bytes.ts"
import { answer, CommandFailed, failed, Json, talk as tell } from "../output.ts"
import type { Talk } from "./chat.ts"
import { type Asked, followReply, type Show } from "./reply.ts"
import { say } from "./say.ts"
import { Scrubber } from "./scrub.ts"
import { anewLine, callLine, callQuestion, noteOf, replyJson, spentLine, troubleOf } from "./words.ts"

export const oneshot = Effect.fnUntraced(function* (talk: Talk, message: Pick<MessageRequest, "text" | "attachments">) {
  yield* printReply(yield* say(talk, message))
})

/** Follows a reply to its end and says how it ended. */
export const printReply = Effect.fnUntraced(function* (asked: Asked) {
  const json = yield* Json
  const out = plainShow(asked)
  const show: Show<HubClient> = json ? { ...out.show, text: () => Effect.void } : out.show
  const reply = yield* followReply(asked, show).pipe(Effect.onInterrupt(() => interrupt(asked.conversationId)))
  if (!json) yield* out.end
  yield* answer(replyJson(asked.conversationId, reply), () => "")
  if (process.stderr.isTTY && !json) yield* tell(spentLine(reply))
  const note = noteOf(reply) ?? anewLine(asked.conversationId, reply)
  if (note !== undefined && !json) yield* tell(note)
  const trouble = troubleOf(reply)
  if (trouble === undefined) return
  const waiting = reply.steps.at(-1)?.calls.find((call) => call.state === "asked")
  return yield* reply.status === "open" && waiting !== undefined
    ? failed(
        `${callLine(waiting)}. Decide it: signalbox conversation approve ${asked.conversationId} ${waiting.callId} (or refuse).`
      )
    : new CommandFailed({ reason: trouble, code: 1 })
})

/** Nobody waits for it any more, so it need not be paid. */
const interrupt = (conversationId: string) =>
  Effect.flatMap(HubClient, (hub) =>
    hub.conversations.interrupt({ params: { conversationId }, payload: { commandId: randomUUID() } })
  ).pipe(Effect.timeoutOption("2 seconds"), Effect.ignore)

const plainShow = (asked: Asked) => {
  const scrubber = new Scrubber()
  let last = "\n"
  const write = (text: string) => {
    if (text === "") return Effect.void
    last = text.slice(-1)
    return writeBytes(Buffer.from(text))
  }
  const freshLine = Effect.suspend(() => (last === "\n" ? Effect.void : write("\n")))
  const show: Show<HubClient> = {
    text: (piece) => write(scrubber.push(piece)),
    thinking: Effect.void,
    tool: (call) => Effect.andThen(freshLine, call.state === "asked" ? Effect.void : tell(callLine(call))),
    decide: (call) => decide(asked.conversationId, call),
    line: (reason) => tell(reason === undefined ? "The hub is back." : `The hub is away (${reason}); waiting for it.`)
  }
  return { show, end: Effect.suspend(() => Effect.andThen(write(scrubber.end()), freshLine)) }
}

/** Asked on the terminal where there is one. */
const decide = Effect.fnUntraced(function* (conversationId: string, call: TranscriptCall) {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false
  yield* tell(callQuestion(call))
  const words = yield* Effect.acquireUseRelease(
    Effect.sync(() => createInterface({ input: process.stdin, output: process.stderr })),
    (reader) => Effect.promise((signal) => reader.question(allow, { signal })),
    (reader) => Effect.sync(() => reader.close())
  )
  yield* decideCall(conversationId, call.callId, isYes(words))
  return true
})

export const allow = "Allow it? [y/N] "
export const isYes = (words: string): boolean => /^(y|yes)$/iu.test(words.trim())

export const decideCall = Effect.fnUntraced(function* (conversationId: string, callId: string, approve: boolean) {
  const hub = yield* HubClient
  yield* hub.conversations
    .decideCall({ params: { conversationId, callId }, payload: { commandId: randomUUID(), approve } })
    .pipe(Effect.mapError((error) => failed(error.message)))
})
