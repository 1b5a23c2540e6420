/**
 * Conversations that workers answer, with a model that says what the test puts into its mouth.
 *
 * Owns: the model, workers over a database of their own, waiting on the log. Does not own: what is said and what must come of it (tests).
 */
import { randomUUID } from "node:crypto"
import { Deferred, Effect, Fiber, Layer, type Schema, Stream } from "effect"
import { DbTest } from "./database.ts"
import { ConversationFeedLive } from "@signalbox/core/conversation/ConversationFeedLive.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { ConversationsLive } from "@signalbox/core/conversation/ConversationsLive.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { CatalogPlain } from "./catalog-plain.ts"
import { taskHome } from "./task-home.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { ModelFailed, type ModelPart, type ModelRequest, Models } from "../../packages/worker/src/model/Models.ts"
import { runWorker, workerServices } from "../../packages/worker/src/Worker.ts"

export const model = "test/talker"

/** A model that says what the test puts into its mouth; every question is kept: when it is made ready, and when it is asked. */
export const makeModel = Effect.sync(() => {
  const asked: Array<ModelRequest> = []
  const ready: Array<ModelRequest> = []
  let answer: (request: ModelRequest, nth: number) => Stream.Stream<ModelPart, ModelFailed> = (request) =>
    says(`You said: ${request.messages.at(-1)?.text ?? ""}`)
  const layer = Layer.succeed(
    Models,
    Models.of({
      stream: (request, _, go) => {
        ready.push(request)
        const sent = Effect.promise(() => go ?? Promise.resolve())
        return Stream.unwrap(
          Effect.map(sent, () => {
            asked.push(request)
            return answer(request, asked.length)
          })
        )
      },
      providers: [{ provider: "test", title: "Test" }],
      list: () => Effect.succeed([])
    })
  )
  return { asked, ready, layer, answers: (f: typeof answer) => void (answer = f) }
})
export const usage = { inputTokens: 10, outputTokens: 5 }
export const finished = (stop: "end" | "tools" = "end"): ModelPart => ({ _tag: "Finished", stop, usage })
export const words = (text: string): ReadonlyArray<ModelPart> =>
  (text.match(/\s*\S+/gu) ?? []).map((word) => ({ _tag: "Text", text: word }))
export const says = (text: string) => Stream.fromIterable([...words(text), finished()])
/** Counts what it was sent, as providers do. */
export const saysTo = (request: ModelRequest, text: string) =>
  Stream.fromIterable<ModelPart>([
    ...words(text),
    {
      _tag: "Finished",
      stop: "end",
      usage: { inputTokens: Math.ceil(JSON.stringify(request.messages).length / 4), outputTokens: 5 }
    }
  ])
export const calls = (name: string, args: Schema.Json) =>
  Stream.fromIterable<ModelPart>([
    { _tag: "Text", text: `I call ${name}. ` },
    { _tag: "ToolCall", callId: "call_0", name, args },
    finished("tools")
  ])

export const BaseTest = Layer.mergeAll(ConversationsLive, ConversationFeedLive).pipe(
  Layer.provideMerge(Layer.mergeAll(Commands.layer, TaskOutput.layer, CatalogPlain, LiveTextLive)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

export const startWorker = (name: string, models: Layer.Layer<Models>, window?: number) =>
  Effect.gen(function* () {
    const localHome = yield* taskHome
    const catalog = yield* Catalog
    const own = Layer.succeed(Catalog, { ...catalog, windowOf: () => Effect.succeed(window) })
    return yield* Effect.forkScoped(
      runWorker.pipe(
        Effect.provide(workerServices({ name, localHome }).pipe(Layer.provideMerge(Layer.merge(models, own))))
      )
    )
  })

export const by = (actor = "person:ana") => ({ commandId: randomUUID(), actor })

export const begin = (text: string) =>
  Effect.flatMap(Conversations, (all) => all.start({ model, first: { text } }, by()))

export const eventsOf = (conversationId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* decodeAll(
      conversationEvents,
      yield* log.read({ stream: conversationStream(conversationId), limit: 1000 })
    )
  })

type Of<Tag extends ConversationEvent["_tag"]> = Extract<ConversationEvent, { readonly _tag: Tag }>

/** Waits on the log for the nth event of that kind. */
export const happened = <Tag extends ConversationEvent["_tag"]>(conversationId: string, tag: Tag, nth = 1) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const found = yield* log.follow({ stream: conversationStream(conversationId) }).pipe(
      Stream.filter((one) => one._tag === "Event" && one.event.type === tag),
      Stream.take(nth),
      Stream.runLast
    )
    const last = yield* Effect.fromOption(found)
    const event = last._tag === "Event" ? (yield* decodeAll(conversationEvents, [last.event]))[0] : undefined
    if (event === undefined || !is(event, tag)) return yield* Effect.die("another event")
    return event
  }).pipe(
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () =>
        Effect.flatMap(eventsOf(conversationId), (all) =>
          Effect.die(new Error(`no ${tag} (${nth}) after ${JSON.stringify(all).slice(-1500)}`))
        )
    })
  )
export const is = <Tag extends ConversationEvent["_tag"]>(event: ConversationEvent, tag: Tag): event is Of<Tag> =>
  event._tag === tag

/** Says something and then nothing more until `go`. */
export const hanging = (text: string, go: Deferred.Deferred<void>) =>
  Stream.concat(
    Stream.fromIterable(words(text)),
    Stream.concat(
      Stream.drain(Stream.fromEffect(Deferred.await(go))),
      Stream.fromIterable<ModelPart>([{ _tag: "Text", text: " and more" }, finished()])
    )
  )

export const isClaimed = (replyId: string) =>
  Effect.flatMap(Db, (db) =>
    Effect.map(
      db.query("look for a claim", (sql) => sql`select 1 from live.claim where reply_id = ${replyId}`),
      (rows) => rows.length === 1
    )
  )

/**
 * A transaction that goes on until it is let go: what `lock` takes stays taken while something else wants it.
 * @returns lets go, after `last` was done in it
 */
export const holding = Effect.fnUntraced(function* (
  lock: (sql: Sql) => PromiseLike<unknown>,
  last: (sql: Sql) => PromiseLike<unknown> = () => Promise.resolve()
) {
  const db = yield* Db
  const [locked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
  const held = yield* Effect.forkScoped(
    db.transaction(
      Effect.gen(function* () {
        yield* db.query("hold it", lock)
        yield* Deferred.succeed(locked, undefined)
        yield* Deferred.await(release)
        yield* db.query("do what is done last", last)
      })
    )
  )
  yield* Deferred.await(locked)
  return Effect.andThen(Deferred.succeed(release, undefined), Fiber.join(held))
})
type Sql = Parameters<Parameters<Db["Service"]["query"]>[1]>[0]
