/**
 * The conversations and models groups of the API: thin handlers over `Conversations` and `Catalog`.
 *
 * Owns: from requests to the services and back. Does not own: the live stream (`live.ts`), exports and imports (`export.ts`).
 */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Invalid, type NotFound, type Rejected, type Unavailable } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { eventsBefore } from "@signalbox/core/conversation/page.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { settingDecider } from "@signalbox/core/setting/decider.ts"
import { settingEvents, settingStream } from "@signalbox/core/setting/events.ts"
import { answer, origin, read, type RoomError, seen } from "../edge/answer.ts"

export const ConversationsRoutes = HttpApiBuilder.group(
  HubApi,
  "conversations",
  Effect.fnUntraced(function* (handlers) {
    const conversations = yield* Conversations
    const models = yield* ReadModels
    const log = yield* EventLog
    const db = yield* Db
    /** For what lists show. Whoever waits for a reply follows the conversation itself, and is not held up. */
    const listed = <A extends { readonly position: number }, E, R>(self: Effect.Effect<A, E, R>) =>
      Effect.tap(self, ({ position }) => Effect.provideService(seen(position), ReadModels, models))

    return handlers.handleAll({
      list: ({ query: { archived = "false", limit = 100, ...filter } }) =>
        read(
          Effect.gen(function* () {
            const position = yield* models.position
            const found = yield* conversations.list({
              ...filter,
              ...(archived === "all" ? {} : { archived: archived === "true" }),
              limit
            })
            return { conversations: found, position }
          })
        ),
      search: ({ query: { q, limit = 20 } }) => read(Effect.map(conversations.search(q, limit), (hits) => ({ hits }))),
      start: ({ payload: { commandId, ...request } }) => {
        const started = Effect.flatMap(origin(given(commandId)), (by) => conversations.start(request, by))
        return answer(request.first === undefined ? listed(started) : started)
      },
      get: ({ params: { conversationId } }) =>
        asked(
          Effect.gen(function* () {
            const position = yield* log.head
            return { conversation: yield* conversations.load(conversationId), position }
          })
        ),
      events: ({ params: { conversationId }, query: { before, limit = 200 } }) =>
        before !== undefined && before < 1
          ? Effect.fail(new Invalid({ detail: "Versions begin at 1." }))
          : asked(
              Effect.gen(function* () {
                yield* conversations.load(conversationId)
                return yield* eventsBefore(conversationId, {
                  limit,
                  ...(before === undefined ? {} : { before })
                }).pipe(Effect.provideService(EventLog, log), Effect.provideService(Db, db))
              })
            ),
      send: ({ params: { conversationId }, payload: { commandId, ...request } }) =>
        answer(Effect.flatMap(origin(given(commandId)), (by) => conversations.send(conversationId, request, by))),
      regenerate: ({ params: { conversationId }, payload: { commandId, ...request } }) =>
        answer(Effect.flatMap(origin(given(commandId)), (by) => conversations.regenerate(conversationId, request, by))),
      interrupt: ({ params: { conversationId }, payload }) =>
        answer(Effect.flatMap(origin(payload), (by) => conversations.interrupt(conversationId, by))),
      decideCall: ({ params: { conversationId, callId }, payload: { approve, ...rest } }) =>
        answer(Effect.flatMap(origin(rest), (by) => conversations.decideCall(conversationId, { callId, approve }, by))),
      changeModel: ({ params: { conversationId }, payload: { model, ...rest } }) =>
        answer(listed(Effect.flatMap(origin(rest), (by) => conversations.changeModel(conversationId, model, by)))),
      summarize: ({ params: { conversationId }, payload }) =>
        answer(Effect.flatMap(origin(payload), (by) => conversations.summarize(conversationId, by))),
      rename: ({ params: { conversationId }, payload: { title, ...rest } }) =>
        answer(listed(Effect.flatMap(origin(rest), (by) => conversations.rename(conversationId, title, by)))),
      archive: ({ params: { conversationId }, payload: { archived, ...rest } }) =>
        answer(listed(Effect.flatMap(origin(rest), (by) => conversations.archive(conversationId, archived, by)))),
      fork: ({ params: { conversationId }, payload: { commandId, ...request } }) =>
        answer(
          listed(Effect.flatMap(origin(given(commandId)), (by) => conversations.fork(conversationId, request, by)))
        )
    })
  })
)

export const ModelsRoutes = HttpApiBuilder.group(
  HubApi,
  "models",
  Effect.fnUntraced(function* (handlers) {
    const catalog = yield* Catalog
    const commands = yield* Commands
    const models = yield* ReadModels
    return handlers.handleAll({
      list: ({ query: { refresh } }) =>
        read(
          Effect.gen(function* () {
            const providers = yield* catalog.providers(refresh === "true")
            return { providers, current: (yield* catalog.current) ?? null }
          })
        ),
      use: ({ payload: { model: name, ...rest } }) =>
        answer(
          Effect.gen(function* () {
            const model = yield* catalog.resolve(name)
            const { position } = yield* commands.execute({
              ...(yield* origin(rest)),
              decider: settingDecider,
              types: settingEvents,
              stream: settingStream("model.default"),
              command: { _tag: "Change", key: "model.default", value: model }
            })
            yield* Effect.provideService(seen(position), ReadModels, models)
            return { model, position }
          })
        )
    })
  })
)

const given = (commandId: string | undefined) => (commandId === undefined ? {} : { commandId })

/** Questions of one conversation: they are answered, or it is not there, or the log is away. */
const asked = <A, R>(self: Effect.Effect<A, RoomError, R>): Effect.Effect<A, NotFound | Unavailable, R> =>
  answer(self).pipe(Effect.catchTag(["Rejected", "Invalid"], (refused: Rejected | Invalid) => Effect.die(refused)))
