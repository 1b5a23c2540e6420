/**
 * The talk with one client: commands, one after the other, until it leaves.
 *
 * Owns: the state of a session and what each command does. Does not own: lines (`wire.ts`), words (`command.ts`), the talk with
 * the model (`chat.ts`), tasks (`tasks.ts`), plans (`plans.ts`).
 * Invariants: a command's failure is a sentence to the client and never ends the session; nothing is done for who may not; the
 * prompt comes when the next line is awaited and at no other time.
 */
import { Deferred, Effect, FiberHandle, Redacted } from "effect"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { Tokens } from "../edge/auth.ts"
import { chat } from "./chat.ts"
import { commands, type CommandName, helpText, parseCommand } from "./command.ts"
import { bridgeRefusal, clientId, clientOf, infoLine, mayTalk, type Peer } from "./Peer.ts"
import { approvePlan, giveInstruction, rejectPlan, showPlans } from "./plans.ts"
import { safeText } from "./safe-text.ts"
import { listTasks, runTask, tailOf } from "./tasks.ts"
import { by, patience, recognize, type Session, SignedOut } from "./state.ts"
import { Gone, type Wire } from "./wire.ts"

const mostRefusedTokens = 5

export const runSession = Effect.fn("bridge.session")(function* (wire: Wire, peer: Peer, version: string) {
  const session: Session = {
    wire,
    peer,
    credential: undefined,
    conversationId: undefined,
    model: undefined,
    listed: [],
    plans: new Map(),
    refusedTokens: 0
  }
  const hello = mayTalk(peer) ? "HELP lists the commands; IA talks to the model." : "Sign in with AUTH token."
  yield* wire.say(`Signalbox ${version}\nID: ${clientId(peer)}\n${hello}\n`)
  const over = yield* Deferred.make<string>()
  const watch = yield* FiberHandle.make<void>()
  return yield* turns(session, (credential) =>
    FiberHandle.run(watch, Effect.andThen(untilItsEnd(credential), Deferred.succeed(over, signedOut)))
  ).pipe(
    Effect.raceFirst(Deferred.await(over)),
    Effect.catchTag("Gone", ({ why }) => Effect.succeed(farewell(why, session))),
    Effect.catchTag("SignedOut", () => Effect.succeed(signedOut))
  )
}, Effect.scoped)

const farewell = (why: Gone["why"], { conversationId }: Session): string => {
  switch (why) {
    case "idle":
      return "You said nothing for a while. Goodbye.\n"
    case "undecided":
      return `\nNobody said YES or NO for a while. The question stays open: answer it on another screen, or come back with IA ${conversationId}. Goodbye.\n`
    case "closed":
    case "stalled":
      return ""
  }
}

const signedOut = "Your sign-in has ended. Goodbye.\n"
const untilItsEnd = (credential: Redacted.Redacted) =>
  Effect.flatMap(Tokens, (tokens) => tokens.ended(credential, "read"))

/** Until the client leaves by itself: what it is told then. */
const turns = Effect.fnUntraced(function* <R>(
  session: Session,
  signedIn: (credential: Redacted.Redacted) => Effect.Effect<unknown, never, R>
) {
  const { wire } = session
  for (;;) {
    yield* wire.say("> ")
    const line = yield* wire.next(yield* patience(session))
    if (line._tag === "Bad") {
      yield* wire.say(`${line.reason}\n`)
      continue
    }
    const parsed = parseCommand(line.text)
    if (parsed._tag === "Empty") continue
    if (parsed._tag === "Unknown") {
      yield* wire.say(`${parsed.reason}\n`)
      continue
    }
    if (parsed.name === "exit") return "Goodbye.\n"
    const { name, rest } = parsed
    const before = session.credential
    yield* Effect.gen(function* () {
      yield* recognize(session)
      const refusal = bridgeRefusal(session.peer, commands[name])
      yield* refusal === undefined ? perform(session, name, rest) : wire.say(`${refusal}\n`)
    }).pipe(
      Effect.catch((error) =>
        error instanceof Gone || error instanceof SignedOut
          ? Effect.fail(error)
          : wire.say(`${safeText(error.message)}\n`)
      )
    )
    if (session.credential !== undefined && session.credential !== before) yield* signedIn(session.credential)
    if (session.refusedTokens >= mostRefusedTokens) return "Too many tokens that are not known here. Goodbye.\n"
  }
})

const perform = Effect.fnUntraced(function* (session: Session, name: Exclude<CommandName, "exit">, rest: string) {
  const { say } = session.wire
  switch (name) {
    case "help":
      return yield* say(
        `${helpText((one) => bridgeRefusal(session.peer, one) === undefined, session.peer.account !== undefined)}\n`
      )
    case "info":
      return yield* say(`${infoLine(session.peer)}\n`)
    case "auth":
      return yield* signIn(session, rest)
    case "models":
      return void (yield* listModels(session))
    case "model":
      return yield* changeModel(session, rest)
    case "chats":
      return yield* listChats(session)
    case "chat":
      return yield* enter(session, rest)
    case "tasks":
      return yield* say(yield* listTasks)
    case "logs":
      return yield* tailOf(rest, say)
    case "run":
      return yield* say(yield* runTask(rest, by(session)))
    case "do":
      return yield* giveInstruction(session, rest)
    case "plans":
      return yield* showPlans(session, rest)
    case "approve":
      return yield* approvePlan(session, rest)
    case "reject":
      return yield* rejectPlan(session, rest)
  }
})

const signIn = Effect.fnUntraced(function* (session: Session, token: string) {
  const tokens = yield* Tokens
  const credential = Redacted.make(token)
  const found = yield* tokens.actorOf(credential).pipe(Effect.catchTag("Unauthorized", () => Effect.succeed(undefined)))
  if (found !== undefined) {
    const { name, role } = found
    session.peer = { ...session.peer, account: { name, role } }
    session.credential = credential
    session.refusedTokens = 0
    return yield* session.wire.say(`You are signed in as ${name}, ${role}.\n`)
  }
  session.refusedTokens++
  yield* Effect.sleep(session.refusedTokens * 500) // guessing is slow
  yield* session.wire.say(token === "" ? "Give the token: AUTH token\n" : "The token is not known here.\n")
})

/** The model of the talk, else of the next one. */
const ownModel = Effect.fnUntraced(function* (session: Session) {
  if (session.conversationId !== undefined) return (yield* (yield* Conversations).load(session.conversationId)).model
  return session.model ?? (yield* (yield* Catalog).current)
})

const listModels = Effect.fnUntraced(function* (session: Session) {
  const catalog = yield* Catalog
  const own = yield* ownModel(session)
  const providers = yield* catalog.providers()
  let number = 0
  const lines = providers.flatMap((provider) => [
    ...(provider.problem === null ? [] : [`   ${provider.title}: ${provider.problem}`]),
    ...provider.models.map((model) => {
      number++
      return `${model.ref === own ? "*" : " "} ${String(number).padStart(2)}  ${model.ref}`
    })
  ])
  const none =
    "No model is configured. Set GEMINI_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_HOST on the server."
  yield* session.wire.say(`${safeText(lines.length === 0 ? none : lines.join("\n"))}\n`)
  return number
})

const changeModel = Effect.fnUntraced(function* (session: Session, given: string) {
  let wanted = given
  if (wanted === "") {
    if ((yield* listModels(session)) === 0) return
    yield* session.wire.say("Number or name (nothing keeps it): ")
    const line = yield* session.wire.next(yield* patience(session))
    if (line._tag === "Bad") return yield* session.wire.say(`${line.reason}\n`)
    wanted = line.text.trim()
  }
  if (wanted === "") return yield* session.wire.say("The model stays.\n")
  const model = yield* (yield* Catalog).resolve(wanted)
  if (session.conversationId === undefined) session.model = model
  else yield* (yield* Conversations).changeModel(session.conversationId, model, by(session))
  yield* session.wire.say(`The model is ${safeText(model)} now.\n`)
})

const listChats = Effect.fnUntraced(function* (session: Session) {
  const conversations = yield* Conversations
  const found = yield* conversations.list({
    archived: false,
    limit: 30,
    // who has not signed in sees the own ones only
    ...(session.peer.account === undefined ? { client: clientOf(session.peer) } : {})
  })
  session.listed = found.map((one) => one.conversationId)
  const lines = found.map(
    (one, at) =>
      `${one.conversationId === session.conversationId ? "*" : " "} ${String(at + 1).padStart(2)}  ${one.conversationId}  ${safeText(one.title) || "(nothing said yet)"}`
  )
  yield* session.wire.say(
    `${lines.length === 0 ? "There are no conversations yet. IA begins one." : lines.join("\n")}\n`
  )
})

const enter = Effect.fnUntraced(function* (session: Session, given: string) {
  if (given.toUpperCase() === "NEW") session.conversationId = undefined
  else if (given !== "") {
    const id = /^\d{1,3}$/u.test(given) ? (session.listed[Number(given) - 1] ?? given) : given
    const found: ConversationView | undefined = yield* (yield* Conversations)
      .load(id)
      .pipe(Effect.catchTag("ConversationNotFound", () => Effect.succeed(undefined)))
    const own = found !== undefined && (session.peer.account !== undefined || found.client === clientOf(session.peer))
    if (!own) return yield* session.wire.say("There is no such conversation of yours. CHATS lists them.\n")
    session.conversationId = id
  }
  yield* chat(session)
})
