/**
 * `Conversations` over the log: what every edge calls.
 *
 * Owns: resolving models, drawing ids, reading what a fork copies, the answers. Does not own: the rules (`decider.ts`), the
 * questions' SQL (`search.ts`), what is copied (`copy.ts`), replies (worker).
 * Invariants: one command id makes its ids once: a repeat takes them from what the first one recorded, before anything is
 * resolved, read or drawn again; the body of a command is what the client asked for, so that a reuse is told from a repeat.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto"
import { Clock, Effect, Layer, Result, Schema } from "effect"
import type { Said } from "../api/conversations.ts"
import { Catalog } from "../model/Catalog.ts"
import { canonical, Commands, type Executed } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { findReceipt } from "../log/receipt.ts"
import { Db } from "../postgres/Db.ts"
import { type By, ConversationNotFound, Conversations, ModelUnknown } from "./Conversations.ts"
import type { ConversationCommand } from "./decider.ts"
import {
  type ConversationEvent,
  conversationEvents,
  ConversationId,
  conversationIdOf,
  conversationStream,
  makeConversationId
} from "./events.ts"
import { type Plan, planFork } from "./fork.ts"
import { type ExportDocument, type ImportPart, toImport } from "./import.ts"
import { conversationDecider } from "./room.ts"
import { lastSummaries, listConversations, searchMessages } from "./search.ts"
import { type SoonRequest, tellSoon } from "./soon.ts"
import type { ConversationView } from "./view.ts"

type Rooms = Commands | EventLog | Db | Catalog

export const ConversationsLive: Layer.Layer<Conversations, never, Rooms> = Layer.effect(
  Conversations,
  Effect.gen(function* () {
    const context = yield* Effect.context<Rooms>()
    const run = <A, E>(self: Effect.Effect<A, E, Rooms>) => Effect.provideContext(self, context)
    const accepted = (conversationId: string, command: ConversationCommand, by: By) =>
      run(Effect.map(change(conversationId, command, by), ({ position }) => ({ position })))

    return Conversations.of({
      start: (request, by) =>
        run(
          begin({ start: request }, by, () =>
            Effect.gen(function* () {
              const { first, carrySummaries, title, system } = request
              const client = by.client ?? by.actor
              const model = yield* modelFor(request.model)
              const carried = carrySummaries === true ? yield* lastSummaries(client) : []
              return {
                started: {
                  model,
                  client,
                  tools: request.tools ?? true,
                  ...(title === undefined ? {} : { title }),
                  ...(system === undefined || system === "" ? {} : { system }),
                  ...(carried.length === 0 ? {} : { carried })
                },
                ...(first === undefined ? {} : { first: { ...first, replyId: randomUUID() } })
              }
            })
          )
        ),
      send: (conversationId, request, by) =>
        run(
          Effect.gen(function* () {
            const model = yield* resolved(request.model, by)
            const { model: _name, ...message } = request
            const command = {
              _tag: "Send" as const,
              ...message,
              replyId: randomUUID(),
              ...(model === undefined ? {} : { model })
            }
            return yield* saidOf(conversationId, yield* change(conversationId, command, by, { send: request }))
          })
        ),
      regenerate: (conversationId, request, by) =>
        run(
          Effect.gen(function* () {
            const model = yield* resolved(request.model, by)
            const command = {
              _tag: "Regenerate" as const,
              replyId: randomUUID(),
              ...(model === undefined ? {} : { model })
            }
            return yield* saidOf(conversationId, yield* change(conversationId, command, by, { regenerate: request }))
          })
        ),
      fork: (conversationId, request, by) =>
        run(
          begin({ fork: conversationId, ...request }, by, () =>
            Effect.flatMap(load(conversationId), (view) => planFork(view, request, by))
          )
        ),
      bring: (document, by) => run(bring(document, by)),
      interrupt: (conversationId, by) => accepted(conversationId, { _tag: "Interrupt" }, by),
      decideCall: (conversationId, { callId, approve }, by) =>
        accepted(conversationId, { _tag: "DecideCall", callId, approve }, by),
      changeModel: (conversationId, name, by) =>
        run(
          Effect.gen(function* () {
            const model = (yield* resolved(name, by)) ?? nobody
            const done = yield* change(conversationId, { _tag: "ChangeModel", model }, by, { model: name })
            const changed = done.events.find((event) => event._tag === "ModelChanged")
            return { model: changed?.model ?? done.state?.model ?? model, position: done.position }
          })
        ),
      summarize: (conversationId, by) => accepted(conversationId, { _tag: "Summarize" }, by),
      rename: (conversationId, title, by) => accepted(conversationId, { _tag: "Rename", title }, by),
      archive: (conversationId, archived, by) =>
        accepted(conversationId, { _tag: archived ? "Archive" : "Unarchive" }, by),
      load: (conversationId) => run(load(conversationId)),
      list: (filter) => run(listConversations(filter)),
      search: (q, limit) => run(searchMessages(q, limit))
    })
  })
)

const load = Effect.fnUntraced(function* (conversationId: string) {
  const commands = yield* Commands
  const view = Schema.is(ConversationId)(conversationId)
    ? (yield* commands.load(conversationDecider, conversationEvents, conversationStream(conversationId))).state
    : undefined
  return view ?? (yield* Effect.fail(new ConversationNotFound({ conversationId })))
})

/** @param body what the client asked for, where the command holds more: drawn ids, resolved names */
const change = Effect.fnUntraced(function* (
  conversationId: string,
  command: ConversationCommand,
  by: By,
  body: object = command
) {
  const commands = yield* Commands
  // whoever writes while following it need not wait for a look that most often finds nothing new: the append makes sure
  const heard = commands.heard(conversationDecider, conversationStream(conversationId))
  if (heard === undefined) yield* load(conversationId)
  else if ("replyId" in command) {
    const decided = conversationDecider.decide(heard.state, command)
    if (Result.isSuccess(decided))
      yield* tellSoon(conversationId, command.replyId, announced(heard.version, by.actor, decided.success))
  }
  return yield* commands.execute({
    commandId: by.commandId,
    actor: by.actor,
    decider: conversationDecider,
    types: conversationEvents,
    stream: conversationStream(conversationId),
    command,
    body: canonical(body)
  })
})

/** Undefined: it does not fit its own schema, which the append says. */
const announced = (after: number, actor: string, events: ReadonlyArray<ConversationEvent>): SoonRequest | undefined =>
  Result.getOrUndefined(Result.try(() => ({ after, actor, events: events.map(conversationEvents.encode) })))

type Done = Executed<ConversationView | undefined, ConversationEvent>

const saidOf = Effect.fnUntraced(function* (conversationId: string, { events, position, state }: Done) {
  const asked = events.findLast((event) => event._tag === "ReplyRequested")
  const version =
    asked !== undefined && state?.open?.replyId === asked.replyId ? state.open.version : yield* versionAt(position)
  const said: Said = { conversationId, replyId: asked?.replyId ?? null, position, version }
  return said
})

/** A repeat may come when the conversation is further. */
const versionAt = Effect.fnUntraced(function* (position: number) {
  const [event] = yield* Effect.flatMap(EventLog, (log) => log.read({ from: position, limit: 1 }))
  return event?.version ?? 0
})

/** A new conversation, once. */
const begin = <E, R>(body: object, by: By, plan: () => Effect.Effect<Plan, E, R>) =>
  Effect.gen(function* () {
    const commands = yield* Commands
    const start = (conversationId: string, { started, copied, first }: Plan) =>
      Effect.flatMap(
        commands.execute({
          commandId: by.commandId,
          actor: by.actor,
          decider: conversationDecider,
          types: conversationEvents,
          stream: conversationStream(conversationId),
          command: {
            _tag: "Start",
            started: { conversationId, ...started },
            ...(copied === undefined ? {} : { copied }),
            ...(first === undefined ? {} : { first })
          },
          body: canonical(body)
        }),
        (done) => saidOf(conversationId, done)
      )
    const before = yield* firstAnswer(by.commandId)
    if (before !== undefined) return yield* start(before, nothing)
    const planned = yield* plan()
    const conversationId = makeConversationId(yield* Clock.currentTimeMillis, randomBytes(6))
    // Two of the same command at the same moment: the slower one finds the id taken and answers with the first one's conversation.
    return yield* start(conversationId, planned).pipe(
      Effect.catchTag("CommandIdReused", (reused) =>
        Effect.flatMap(firstAnswer(by.commandId), (first) =>
          first === undefined ? Effect.fail(reused) : start(first, planned)
        )
      )
    )
  })

const firstAnswer = (commandId: string) =>
  Effect.map(findReceipt(commandId), (receipt) =>
    receipt?.stream.startsWith(conversationStream("")) === true ? conversationIdOf(receipt.stream) : undefined
  )

/** A repeat is answered by its receipt; what it is given to write is not looked at. */
const nobody = "none/none"
const nothing: Plan = { started: { model: nobody, client: "", tools: false } }

/** Undefined: none was named. Of a repeat the name is not resolved again: lists may have changed since. */
const resolved = Effect.fnUntraced(function* (name: string | undefined, by: By) {
  if (name === undefined) return undefined
  if ((yield* findReceipt(by.commandId)) !== undefined) return nobody
  return yield* Effect.flatMap(Catalog, (catalog) => catalog.resolve(name))
})

const modelFor = Effect.fnUntraced(function* (name: string | undefined) {
  const catalog = yield* Catalog
  const model = yield* name === undefined ? catalog.current : catalog.resolve(name)
  if (model !== undefined) return model
  return yield* Effect.fail(
    new ModelUnknown({
      reason:
        "No model is configured. Give a provider's key to the worker (GEMINI_API_KEY, ANTHROPIC_API_KEY, OPENAI_API_KEY, or OLLAMA_HOST); model list shows what there is."
    })
  )
})

/** The parts of one import are commands of their own, so that one that was cut off goes on when it is sent again. */
const bring = Effect.fnUntraced(function* (document: ExportDocument, by: By) {
  const commands = yield* Commands
  const digest = createHash("sha256").update(JSON.stringify(document)).digest("hex")
  const conversationId =
    (yield* firstAnswer(by.commandId)) ?? makeConversationId(yield* Clock.currentTimeMillis, randomBytes(6))
  const parts = yield* Effect.fromResult(toImport(document, conversationId))
  const append = (part: ImportPart) =>
    commands.execute({
      commandId: part.from === 1 ? by.commandId : derived(by.commandId, part.from),
      actor: by.actor,
      correlationId: by.commandId,
      decider: conversationDecider,
      types: conversationEvents,
      stream: conversationStream(conversationId),
      command: { _tag: "Import", ...part },
      body: canonical({ import: digest, from: part.from })
    })
  const done = yield* Effect.forEach(parts, append)
  const last = done.at(-1)
  const said: Said = {
    conversationId,
    replyId: null,
    position: last?.position ?? 0,
    version: last?.state?.imported?.through ?? 0
  }
  return said
})

/** The same for the same command, as a UUID. */
const derived = (commandId: string, part: number): string => {
  const hex = createHash("sha256").update(`${commandId} ${part}`).digest("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
