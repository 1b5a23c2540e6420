/**
 * `signalbox chat` in a terminal: ask, answer, ask again.
 *
 * Owns: the loop, what Ctrl-C does, questions about tool calls. Does not own: line editing (`Lines.ts`), commands (`slash.ts`), a
 * reply's stream (`reply.ts`).
 * Invariants: replies go to stdout and everything else to stderr; what fails is said and the conversation goes on.
 */
import { randomUUID } from "node:crypto"
import { Effect, Fiber } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { writeBytes } from "../client/bytes.ts"
import { toFailure } from "../client/HubConnection.ts"
import { talk as tell } from "../output.ts"
import { style, wantsColor } from "../paint.ts"
import type { Talk } from "./chat.ts"
import { type Lines, openLines } from "./Lines.ts"
import { type Asked, followReply, type Show } from "./reply.ts"
import { allow, decideCall, isYes } from "./oneshot.ts"
import { say } from "./say.ts"
import { Scrubber } from "./scrub.ts"
import { type Session, slashes, slashOf } from "./slash.ts"
import { anewLine, callLine, callQuestion, noteOf, spentLine, troubleOf } from "./words.ts"

export const interactive = (start: Talk) =>
  Effect.scoped(
    Effect.gen(function* () {
      const lines = yield* openLines
      yield* greet(start)
      let session: Session = { talk: start, leave: false }
      let warned = false
      while (!session.leave) {
        const typed = yield* lines.next("> ")
        if (typed._tag === "End") break
        if (typed._tag === "Interrupt") {
          if (typed.empty && warned) break
          if (typed.empty) yield* tell("Ctrl-C again, or /exit, leaves.")
          warned = typed.empty
          continue
        }
        warned = false
        if (typed.text.trim() === "") continue
        const before = session
        session = yield* turn(lines, before, typed.text).pipe(
          Effect.catch((error) => Effect.as(tell(`error: ${toFailure(error).reason}`), before))
        )
      }
      const { conversationId } = session.talk
      if (conversationId !== undefined) yield* tell(`Go on with it: signalbox chat --conversation ${conversationId}`)
    })
  )

const greet = (talk: Talk) =>
  Effect.gen(function* () {
    const hub = yield* HubClient
    const { conversationId } = talk
    if (conversationId === undefined) return yield* tell("Say something; /help lists what else there is.")
    const { conversation } = yield* hub.conversations.get({ params: { conversationId } })
    yield* tell(`${new Scrubber().push(conversation.title)} (${conversation.messages} messages, ${conversation.model})`)
  })

const turn = Effect.fnUntraced(function* (lines: Lines, session: Session, text: string) {
  const slash = slashOf(text)
  if (slash !== undefined) {
    const found = Object.hasOwn(slashes, slash.name) ? slashes[slash.name] : undefined
    if (found !== undefined) return yield* found.run(session, slash.rest)
    yield* tell(`There is no /${slash.name}; /help lists what there is.`)
    return session
  }
  const asked = yield* say(session.talk, { text })
  const talk: Talk = { ...session.talk, conversationId: asked.conversationId, model: undefined }
  const leave = yield* answerTo(lines, asked)
  return { talk, leave }
})

/** @returns whether the person wants to leave */
const answerTo = Effect.fnUntraced(function* (lines: Lines, asked: Asked) {
  const hub = yield* HubClient
  const scrubber = new Scrubber()
  let last = "\n"
  const write = (text: string) => {
    if (text === "") return Effect.void
    last = text.slice(-1)
    return writeBytes(Buffer.from(text))
  }
  const freshLine = Effect.suspend(() => (last === "\n" ? Effect.void : write("\n")))
  let thinking = false
  const show: Show<HubClient> = {
    text: (piece) => write(scrubber.push(piece)),
    thinking: Effect.suspend(() => {
      if (thinking || !wantsColor(process.stderr, process.env)) return Effect.void
      thinking = true
      return tell(style("dim", "thinking …"))
    }),
    tool: (call) =>
      Effect.andThen(freshLine, call.state === "asked" ? Effect.void : tell(style("dim", callLine(call)))),
    decide: (call) =>
      Effect.gen(function* () {
        yield* freshLine
        yield* tell(callQuestion(call))
        yield* lines.forget
        const typed = yield* lines.next(allow)
        if (typed._tag !== "Message") {
          yield* interrupt
          return true
        }
        yield* decideCall(asked.conversationId, call.callId, isYes(typed.text))
        return true
      }),
    line: (reason) => tell(reason === undefined ? "The hub is back." : `The hub is away (${reason}); waiting for it.`)
  }
  const interrupt = hub.conversations
    .interrupt({ params: { conversationId: asked.conversationId }, payload: { commandId: randomUUID() } })
    .pipe(Effect.catch((error) => tell(error.message)))
  yield* lines.begins
  const watcher = yield* Effect.forkChild(
    Effect.gen(function* () {
      yield* lines.interrupted
      yield* interrupt
      yield* lines.interrupted
    })
  )
  const reply = yield* followReply(asked, show).pipe(
    Effect.map((one) => ({ left: false as const, one })),
    Effect.raceFirst(Effect.as(Fiber.join(watcher), { left: true as const, one: undefined }))
  )
  yield* Fiber.interrupt(watcher)
  yield* write(scrubber.end())
  yield* freshLine
  if (reply.one === undefined) return true
  const trouble = troubleOf(reply.one)
  if (trouble !== undefined) yield* tell(trouble)
  const note =
    noteOf(reply.one) ?? (reply.one.status === "failed" ? anewLine(asked.conversationId, reply.one) : undefined)
  if (note !== undefined) yield* tell(note)
  yield* tell(style("dim", spentLine(reply.one)))
  return false
})
