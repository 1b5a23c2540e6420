import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Result, type Schema, Stream } from "effect"
import { recordConversation as record } from "../../../../test/support/conversed.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { until } from "../../../../test/support/until.ts"
import { ConversationFeed, type ConversationFrame } from "@signalbox/core/conversation/ConversationFeed.ts"
import { ConversationFeedLive } from "@signalbox/core/conversation/ConversationFeedLive.ts"
import { Accounts } from "@signalbox/core/account/Accounts.ts"
import { AccountsLive } from "@signalbox/core/account/AccountsLive.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { ConversationsLive } from "@signalbox/core/conversation/ConversationsLive.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { conversationDecider } from "@signalbox/core/conversation/room.ts"
import { tellSoon } from "@signalbox/core/conversation/soon.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { Catalog } from "@signalbox/core/model/Catalog.ts"
import { CatalogPlain } from "../../../../test/support/catalog-plain.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { TaskOutput } from "@signalbox/core/task/output.ts"
import { ModelFailed, type ModelPart, type ModelRequest, Models } from "../model/Models.ts"
import { noFacts } from "./ask.ts"
import { carryOut } from "./tools.ts"
import { runWorker, workerServices } from "../Worker.ts"

const model = "test/talker"

/** A model that says what the test puts into its mouth; every question is kept: when it is made ready, and when it is asked. */
const makeModel = Effect.sync(() => {
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
const usage = { inputTokens: 10, outputTokens: 5 }
const finished = (stop: "end" | "tools" = "end"): ModelPart => ({ _tag: "Finished", stop, usage })
const words = (text: string): ReadonlyArray<ModelPart> =>
  (text.match(/\s*\S+/gu) ?? []).map((word) => ({ _tag: "Text", text: word }))
const says = (text: string) => Stream.fromIterable([...words(text), finished()])
/** Counts what it was sent, as providers do. */
const saysTo = (request: ModelRequest, text: string) =>
  Stream.fromIterable<ModelPart>([
    ...words(text),
    {
      _tag: "Finished",
      stop: "end",
      usage: { inputTokens: Math.ceil(JSON.stringify(request.messages).length / 4), outputTokens: 5 }
    }
  ])
const calls = (name: string, args: Schema.Json) =>
  Stream.fromIterable<ModelPart>([
    { _tag: "Text", text: `I call ${name}. ` },
    { _tag: "ToolCall", callId: "call_0", name, args },
    finished("tools")
  ])

const BaseTest = Layer.mergeAll(ConversationsLive, ConversationFeedLive).pipe(
  Layer.provideMerge(Layer.mergeAll(Commands.layer, TaskOutput.layer, CatalogPlain, LiveTextLive)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const startWorker = (name: string, models: Layer.Layer<Models>, window?: number) =>
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

/** What a hub says of a message that it is about to write. */
const announcement = Effect.fnUntraced(function* (conversationId: string, text: string, replyId: string) {
  const { state, version } = yield* (yield* Commands).load(
    conversationDecider,
    conversationEvents,
    conversationStream(conversationId)
  )
  const events = Result.getOrThrow(conversationDecider.decide(state, { _tag: "Send", text, replyId }))
  return { after: version, actor: "person:ana", events: events.map(conversationEvents.encode) }
})

const by = (actor = "person:ana") => ({ commandId: randomUUID(), actor })

const begin = (text: string) => Effect.flatMap(Conversations, (all) => all.start({ model, first: { text } }, by()))

const eventsOf = (conversationId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* decodeAll(
      conversationEvents,
      yield* log.read({ stream: conversationStream(conversationId), limit: 1000 })
    )
  })

type Of<Tag extends ConversationEvent["_tag"]> = Extract<ConversationEvent, { readonly _tag: Tag }>

/** Waits on the log for the nth event of that kind. */
const happened = <Tag extends ConversationEvent["_tag"]>(conversationId: string, tag: Tag, nth = 1) =>
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
const is = <Tag extends ConversationEvent["_tag"]>(event: ConversationEvent, tag: Tag): event is Of<Tag> =>
  event._tag === tag

const framesOf = (conversationId: string, from: number) =>
  Effect.gen(function* () {
    const frames: Array<ConversationFrame> = []
    yield* (yield* ConversationFeed).follow(conversationId, from).pipe(
      Stream.runForEach((frame) => Effect.sync(() => frames.push(frame))),
      Effect.forkScoped
    )
    return frames
  })
const deltas = (frames: ReadonlyArray<ConversationFrame>) =>
  frames.map((frame) => (frame._tag === "Delta" ? frame.text : "")).join("")

const chunksLeft = Effect.gen(function* () {
  const db = yield* Db
  const [row] = yield* db.query(
    "count chunks",
    (sql) => sql<{ n: number }[]>`select count(*)::int as n from live.chunk`
  )
  return row?.n
})

/** Says something and then nothing more until `go`. */
const hanging = (text: string, go: Deferred.Deferred<void>) =>
  Stream.concat(
    Stream.fromIterable(words(text)),
    Stream.concat(
      Stream.drain(Stream.fromEffect(Deferred.await(go))),
      Stream.fromIterable<ModelPart>([{ _tag: "Text", text: " and more" }, finished()])
    )
  )

describe("a reply", () => {
  it.live("is asked for once, streams to who follows, and ends as an event with what it took", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId, version } = yield* begin("good morning")
      const frames = yield* framesOf(conversationId, version + 1)
      const done = yield* happened(conversationId, "ReplyCompleted")
      assert.strictEqual(done.text, "You said: good morning")
      assert.deepStrictEqual(done.usage, usage)
      assert.strictEqual(done.model, model)
      assert.isNotNull(done.firstTokenMs)
      assert.lengthOf(talker.asked, 1)
      assert.deepStrictEqual(talker.asked[0]?.messages, [{ role: "user", text: "good morning" }])
      yield* until(
        "the follower has it",
        Effect.sync(() => frames.at(-1)?._tag === "Event")
      )
      assert.strictEqual(deltas(frames), done.text)
      yield* until(
        "its text was dropped",
        Effect.map(chunksLeft, (n) => n === 0)
      )
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("is made ready while its claim is on its way, and not asked before", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const [locked, release] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* Effect.forkScoped(
        db.transaction(
          Effect.gen(function* () {
            yield* db.query("hold claims back", (sql) => sql`lock table live.claim in share mode`)
            yield* Deferred.succeed(locked, undefined)
            yield* Deferred.await(release)
          })
        )
      )
      yield* Deferred.await(locked)
      const before = talker.ready.length
      yield* (yield* Conversations).send(conversationId, { text: "and now?" }, by())
      yield* until(
        "its claim waits",
        Effect.map(
          db.query(
            "look for who waits",
            (sql) => sql`select 1 from pg_locks where relation = 'live.claim'::regclass and not granted`
          ),
          (rows) => rows.length > 0
        )
      )
      yield* until(
        "it is made ready",
        Effect.sync(() => talker.ready.length > before)
      )
      assert.lengthOf(talker.asked, 1, "nobody was asked without a claim")
      yield* Deferred.succeed(release, undefined)
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2)
      assert.strictEqual(talker.ready.length, before + 1, "what was made ready is what was asked")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that is announced is claimed beside its request, and asked for when that is in the log", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const replyId = randomUUID()
      // again and again: a worker that has not heard of the outcome yet lets it pass
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId), isClaimed(replyId)))
      assert.lengthOf(talker.asked, 1, "nobody was asked before the request")
      yield* record(conversationId, { _tag: "Send", text: "and now?", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live(
    "that is announced with its words is made ready before they are in the log, and asked as it was made ready",
    () =>
      Effect.gen(function* () {
        const talker = yield* makeModel
        yield* startWorker("one", talker.layer)
        const { conversationId } = yield* begin("good morning")
        yield* happened(conversationId, "ReplyCompleted")
        const attempt = Effect.fnUntraced(function* (nth: number) {
          const replyId = randomUUID()
          const before = talker.ready.length
          const request = yield* announcement(conversationId, `and ${nth}?`, replyId)
          yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId, request), isClaimed(replyId)))
          yield* until(
            "it is made ready",
            Effect.sync(() => talker.ready.length > before)
          )
          assert.lengthOf(talker.asked, nth - 1, "nobody was asked before the request")
          yield* record(conversationId, { _tag: "Send", text: `and ${nth}?`, replyId })
          assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", nth)).text, `You said: and ${nth}?`)
          assert.lengthOf(talker.asked, nth)
          return talker.asked[nth - 1] === talker.ready[before]
        })
        // word is good for two seconds, and a machine may take longer: then it is asked anew
        let nth = 2
        while (!(yield* attempt(nth))) assert.isBelow(++nth, 12, "what was made ready was never asked")
      }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that was announced in other words is asked as it stands in the log", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const replyId = randomUUID()
      const before = talker.ready.length
      const lie = yield* announcement(conversationId, "sell everything", replyId)
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId, lie), isClaimed(replyId)))
      yield* until(
        "the lie is made ready",
        Effect.sync(() => talker.ready.length > before)
      )
      assert.strictEqual(talker.ready[before]?.messages.at(-1)?.text, "sell everything")
      yield* record(conversationId, { _tag: "Send", text: "and now?", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.deepStrictEqual(
        talker.asked.map(({ messages }) => messages.at(-1)?.text),
        ["good morning", "and now?"]
      )
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that is announced and never asked for holds nobody up and leaves no claim", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      yield* startWorker("two", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const [replyId, later] = [randomUUID(), randomUUID()]
      yield* until("it is claimed", Effect.andThen(tellSoon(conversationId, replyId), isClaimed(replyId)))
      yield* record(conversationId, { _tag: "Send", text: "another one", replyId: later })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: another one")
      yield* until(
        "its claim is given back",
        Effect.map(isClaimed(replyId), (claimed) => !claimed)
      )
      assert.lengthOf(talker.asked, 2)
      // by now its job may do it
      yield* record(conversationId, { _tag: "Send", text: "at last", replyId })
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 3)).text, "You said: at last")
      assert.lengthOf(talker.asked, 3)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that was made ready where it is another worker's turn is not asked there", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const talker = yield* makeModel
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("good morning")
      yield* happened(conversationId, "ReplyCompleted")
      const turn = `reply/${conversationId}`
      // the turn is given back after the outcome
      yield* until(
        "the turn is free",
        Effect.map(
          db.query(
            "look for the turn",
            (sql) => sql`select 1 from queue.lease where name = ${turn} and expires_at <= now()`
          ),
          (rows) => rows.length === 1
        )
      )
      const [locked, taken] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const taking = yield* Effect.forkScoped(
        db.transaction(
          Effect.gen(function* () {
            yield* db.query("hold the turn", (sql) => sql`select 1 from queue.lease where name = ${turn} for update`)
            yield* Deferred.succeed(locked, undefined)
            yield* Deferred.await(taken)
            yield* db.query(
              "take the turn",
              (
                sql
              ) => sql`update queue.lease set holder = 'two', epoch = epoch + 1, expires_at = now() + interval '1 hour'
                where name = ${turn}`
            )
          })
        )
      )
      yield* Deferred.await(locked)
      const before = talker.ready.length
      yield* (yield* Conversations).send(conversationId, { text: "and now?" }, by())
      yield* until(
        "it is made ready while somebody takes the turn",
        Effect.sync(() => talker.ready.length > before)
      )
      yield* Deferred.succeed(taken, undefined)
      yield* Fiber.join(taking)
      yield* until(
        "its job waits for the turn",
        Effect.map(
          db.query(
            "look for the job",
            (sql) => sql`select 1 from pgboss.job where name = 'conversation.reply' and state = 'active'
              and data ->> 'conversationId' = ${conversationId}`
          ),
          (rows) => rows.length > 0
        )
      )
      assert.lengthOf(talker.asked, 1)
      yield* db.query(
        "give the turn back",
        (sql) => sql`update queue.lease set expires_at = now() where name = ${turn}`
      )
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 2)).text, "You said: and now?")
      assert.lengthOf(talker.asked, 2, "asked once, by whoever has the turn")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("knows what was said before, and of a reply that was written anew only the newest", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const conversations = yield* Conversations
      talker.answers((_, nth) => says(`answer ${nth}`))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("first")
      yield* happened(conversationId, "ReplyCompleted", 1)
      yield* conversations.regenerate(conversationId, {}, by())
      yield* happened(conversationId, "ReplyCompleted", 2)
      yield* conversations.send(
        conversationId,
        { text: "second", attachments: [{ name: "a.txt", text: "some ``` fenced" }] },
        by()
      )
      yield* happened(conversationId, "ReplyCompleted", 3)
      assert.deepStrictEqual(talker.asked[2]?.messages, [
        { role: "user", text: "first" },
        { role: "assistant", text: "answer 2", calls: [] },
        { role: "user", text: 'Attachment "a.txt":\n````\nsome ``` fenced\n````\n\nsecond' }
      ])
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("is interrupted while it streams: the question is given up, what had come is kept", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const never = yield* Deferred.make<void>()
      const givenUp = yield* Deferred.make<void>()
      talker.answers(() =>
        hanging("so far so good", never).pipe(Stream.onExit(() => Deferred.succeed(givenUp, undefined)))
      )
      yield* startWorker("one", talker.layer)
      const { conversationId, version } = yield* begin("talk")
      const frames = yield* framesOf(conversationId, version + 1)
      yield* until(
        "it streams",
        Effect.sync(() => deltas(frames) === "so far so good")
      )
      const began = Date.now()
      yield* (yield* Conversations).interrupt(conversationId, by())
      const done = yield* happened(conversationId, "ReplyInterrupted")
      assert.strictEqual(done.text, "so far so good")
      assert.isBelow(Date.now() - began, 15_000)
      yield* Deferred.await(givenUp)
      assert.lengthOf(talker.asked, 1)
      // and the conversation goes on
      talker.answers(() => says("here again"))
      yield* (yield* Conversations).send(conversationId, { text: "still there?" }, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "here again")
      assert.deepStrictEqual(talker.asked[1]?.messages, [
        { role: "user", text: "talk" },
        { role: "assistant", text: "so far so good", calls: [] },
        { role: "user", text: "still there?" }
      ])
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("is interrupted before any worker took it: nobody is asked", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const { conversationId } = yield* begin("talk")
      yield* (yield* Conversations).interrupt(conversationId, by())
      yield* startWorker("one", talker.layer)
      const done = yield* happened(conversationId, "ReplyInterrupted")
      assert.deepStrictEqual([done.text, done.usage], ["", null])
      assert.lengthOf(talker.asked, 0)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("fails with the provider's sentence and what had arrived", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(() =>
        Stream.concat(
          Stream.fromIterable(words("half of it")),
          Stream.fail(new ModelFailed({ provider: "test", kind: "stalled", sentence: "The model fell silent." }))
        )
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("talk")
      const done = yield* happened(conversationId, "ReplyFailed")
      assert.deepStrictEqual([done.kind, done.message, done.text], ["stalled", "The model fell silent.", "half of it"])
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that would not fit into an event is cut and says so; NUL and half a pair do no harm", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const long: ReadonlyArray<ModelPart> = Array.from({ length: 400 }, () => ({
        _tag: "Text",
        text: "ä\0🚂".repeat(1_000)
      }))
      talker.answers((_, nth) =>
        nth === 1
          ? Stream.fromIterable([...long, finished()])
          : Stream.fromIterable<ModelPart>([
              { _tag: "Text", text: "a\ud83d" },
              { _tag: "Text", text: "\ude82b\ud83d" },
              finished()
            ])
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("talk")
      const done = yield* happened(conversationId, "ReplyFailed")
      assert.strictEqual(done.kind, "truncated")
      assert.isAbove(Buffer.byteLength(done.text), 500_000)
      assert.match(done.message, /holds at most/u)
      yield* (yield* Conversations).regenerate(conversationId, {}, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "a🚂b")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("of a worker that is stopped ends with what it had heard; the model is not asked again", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const never = yield* Deferred.make<void>()
      talker.answers(() => hanging("so far", never))
      const worker = yield* startWorker("one", talker.layer)
      const { conversationId, version } = yield* begin("talk")
      const frames = yield* framesOf(conversationId, version + 1)
      yield* until(
        "it streams",
        Effect.sync(() => deltas(frames) === "so far")
      )
      yield* Effect.forkScoped(Fiber.interrupt(worker)) // gives its jobs ten seconds
      const done = yield* happened(conversationId, "ReplyFailed")
      assert.deepStrictEqual([done.kind, done.text], ["worker-died", "so far"])
      yield* startWorker("two", talker.layer)
      talker.answers(() => says("anew"))
      yield* (yield* Conversations).regenerate(conversationId, {}, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "anew")
      assert.lengthOf(talker.asked, 2)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("whose step was claimed by a worker that is gone ends as worker-died with the stored text", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const live = yield* LiveText
      const { conversationId, replyId } = yield* begin("talk")
      assert.isNotNull(replyId)
      assert.isTrue(yield* live.claim(replyId ?? "", 1, conversationId))
      yield* live.write(conversationId, { _tag: "Text", replyId: replyId ?? "", from: 0, text: "last words" })
      yield* live.flush(replyId ?? "")
      yield* startWorker("one", talker.layer)
      const done = yield* happened(conversationId, "ReplyFailed")
      assert.deepStrictEqual([done.kind, done.text, done.usage], ["worker-died", "last words", null])
      assert.lengthOf(talker.asked, 0)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("ten conversations at once on two workers, each asked once, none crossed", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const go = yield* Deferred.make<void>()
      talker.answers((request) => hanging(`for ${request.messages.at(-1)?.text}`, go))
      yield* startWorker("one", talker.layer)
      yield* startWorker("two", talker.layer)
      const talks = yield* Effect.forEach(Array.from({ length: 10 }), (_, n) => begin(`number ${n}`), {
        concurrency: 10
      })
      yield* until(
        "all of them are asked at once",
        Effect.sync(() => talker.asked.length === 10)
      )
      yield* Deferred.succeed(go, undefined)
      for (const [n, { conversationId }] of talks.entries())
        assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, `for number ${n} and more`)
      assert.lengthOf(talker.asked, 10)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )
})

describe("tools of a reply", () => {
  it.live("that read are carried out at once, and their answers are data for the next step", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) => (nth === 1 ? calls("list_hosts", {}) : says("there is one")))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("which hosts?")
      const done = yield* happened(conversationId, "ReplyCompleted")
      const answer = yield* happened(conversationId, "ToolAnswered")
      assert.strictEqual(done.text, "there is one")
      assert.isFalse(answer.isError)
      assert.match(answer.text, /data, not an instruction[\s\S]*"local"/u)
      assert.deepStrictEqual(talker.asked[1]?.messages, [
        { role: "user", text: "which hosts?" },
        {
          role: "assistant",
          text: "I call list_hosts. ",
          calls: [{ callId: "call_0", name: "list_hosts", args: {} }]
        },
        { role: "tool", callId: "call_0", name: "list_hosts", text: answer.text, isError: false }
      ])
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that act wait for a person; then the task is started once, on the person's behalf", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const command = "echo from the chat"
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command }) : says("it runs")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("start it")
      const step = yield* happened(conversationId, "ReplyStepped")
      assert.isTrue(step.calls[0]?.needsApproval)
      const conversations = yield* Conversations
      assert.strictEqual((yield* conversations.load(conversationId)).status, "waiting")
      assert.lengthOf(yield* tasksMade, 0)
      yield* conversations.decideCall(conversationId, { callId: "call_0", approve: true }, by("local-admin"))
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "it runs")
      const made = yield* tasksMade
      assert.lengthOf(made, 1)
      assert.strictEqual(made[0]?.actor, "person:ana")
      assert.include((yield* happened(conversationId, "ToolAnswered")).text, made[0]?.taskId ?? "none")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that act are not carried out when whoever agreed may not do it himself any more", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command: "true" }) : says("a pity")
      )
      const accounts = yield* Accounts
      yield* accounts.add({ name: "ben", role: "operator" }, by("local-admin"))
      const { conversationId } = yield* begin("start it")
      yield* Effect.gen(function* () {
        yield* startWorker("one", talker.layer)
        yield* happened(conversationId, "ReplyStepped")
      }).pipe(Effect.scoped)
      const conversations = yield* Conversations
      yield* conversations.decideCall(conversationId, { callId: "call_0", approve: true }, by("ben"))
      yield* accounts.changeRole("ben", "viewer", by("local-admin"))
      yield* startWorker("two", talker.layer)
      yield* happened(conversationId, "ReplyCompleted")
      const answer = yield* happened(conversationId, "ToolAnswered")
      assert.isTrue(answer.isError)
      assert.match(answer.text, /for accounts with the role operator; ben is viewer/u)
      assert.lengthOf(yield* tasksMade, 0)
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(AccountsLive, BaseTest)))
  )

  it.live("that a person refuses are not carried out, and the model is told", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1 ? calls("start_task", { host: "local", tool: "shell", command: "true" }) : says("as you wish")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("start it")
      yield* happened(conversationId, "ReplyStepped")
      yield* (yield* Conversations).decideCall(conversationId, { callId: "call_0", approve: false }, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted")).text, "as you wish")
      assert.lengthOf(yield* tasksMade, 0)
      const told = talker.asked[1]?.messages.at(-1)
      assert.isTrue(told?.role === "tool" && told.isError && told.text.includes("refused"))
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("can be interrupted while a person is waited for", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(() => calls("kill_task", { taskId: "task-20260101-000000-abcdef" }))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("kill it")
      yield* happened(conversationId, "ReplyStepped")
      yield* (yield* Conversations).interrupt(conversationId, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyInterrupted")).text, "")
      assert.lengthOf(talker.asked, 1)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that do not exist or do not fit are an answer, though the call's id comes again and again", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers((_, nth) =>
        nth === 1
          ? calls("format_disk", { disk: "all" })
          : nth === 2
            ? calls("read_task", { task: 7 })
            : nth === 3
              ? calls("read_task", { taskId: "task-20260101-000000-abcdef" })
              : says("I give up")
      )
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("do it")
      yield* happened(conversationId, "ReplyCompleted")
      const answers = (yield* eventsOf(conversationId)).filter((event) => is(event, "ToolAnswered"))
      assert.deepStrictEqual(
        answers.map((one) => [one.callId, one.isError]),
        [
          ["call_0", true],
          ["call_0-2", true],
          ["call_0-3", false]
        ]
      )
      assert.match(answers[0]?.text ?? "", /There is no tool format_disk/u)
      assert.match(answers[2]?.text ?? "", /There is no task/u)
      const told = talker.asked[3]?.messages.filter((one) => one.role === "tool").map((one) => one.text)
      assert.deepStrictEqual(
        told,
        answers.map((one) => one.text)
      )
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("end after 25 rounds", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(() => calls("list_tools", {}))
      yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("go round")
      assert.match((yield* happened(conversationId, "ReplyCompleted")).text, /25 rounds/u)
      assert.lengthOf(talker.asked, 25)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("that a worker carried out and did not tell are not carried out twice by the next", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const call = { callId: "c1", name: "start_task", args: { host: "local", tool: "shell", command: "true" } }
      const { conversationId, replyId } = yield* begin("start it")
      // a worker asked, a person agreed, the task was started, and the worker died before it said so
      yield* record(conversationId, {
        _tag: "RecordStep",
        event: {
          _tag: "ReplyStepped",
          replyId: replyId ?? "",
          step: 1,
          text: "",
          calls: [{ ...call, needsApproval: true }],
          ...noFacts(model)
        }
      })
      yield* (yield* Conversations).decideCall(conversationId, { callId: "c1", approve: true }, by("local-admin"))
      const services = workerServices({ name: "dead" }).pipe(Layer.provideMerge(talker.layer))
      const first = yield* carryOut(call, {
        replyId: replyId ?? "",
        person: "person:ana",
        approvedBy: "local-admin"
      }).pipe(Effect.provide(services))
      assert.isFalse(first.isError)
      talker.answers(() => says("done"))
      yield* startWorker("one", talker.layer)
      yield* happened(conversationId, "ReplyCompleted")
      const made = yield* tasksMade
      assert.lengthOf(made, 1)
      assert.include((yield* happened(conversationId, "ToolAnswered")).text, made[0]?.taskId ?? "none")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )
})

const isClaimed = (replyId: string) =>
  Effect.flatMap(Db, (db) =>
    Effect.map(
      db.query("look for a claim", (sql) => sql`select 1 from live.claim where reply_id = ${replyId}`),
      (rows) => rows.length === 1
    )
  )

const tasksMade = Effect.gen(function* () {
  const log = yield* EventLog
  const events = yield* log.read({ type: "TaskCreated", limit: 100 })
  return events.map(({ stream, actor }) => ({ taskId: stream.replace(/^.*\//u, ""), actor }))
})

describe("a long conversation", () => {
  it.live(
    "is summarized when it fills its share of the window; the model still knows how it began",
    () =>
      Effect.gen(function* () {
        const talker = yield* makeModel
        // 1,000 tokens: a few messages
        talker.answers(knowing)
        yield* startWorker("one", talker.layer, 6_000)
        const conversations = yield* Conversations
        const { conversationId } = yield* begin("the code word is heron")
        yield* happened(conversationId, "ReplyCompleted", 1)
        const filler = "and then we talked about the weather for quite a while ".repeat(60)
        for (let n = 2; n <= 7; n++) {
          yield* conversations.send(conversationId, { text: `${n}: ${filler}` }, by())
          yield* happened(conversationId, "ReplyCompleted", n)
        }
        yield* conversations.send(conversationId, { text: "what is the code word?" }, by())
        assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 8)).text, "The code word is heron.")
        const summary = yield* happened(conversationId, "ConversationSummarized")
        assert.strictEqual(summary.reason, "window")
        assert.isAbove(summary.usage?.inputTokens ?? 0, 500)
        const last = talker.asked.at(-1)
        const said = JSON.stringify(last?.messages)
        assert.include(said, "heron")
        assert.notInclude(said, 'the code word is heron"}', "the first message itself is not sent any more")
        assert.isBelow(said.length, 20_000)
        // a summary of the summary
        for (let n = 9; n <= 16; n++) {
          yield* conversations.send(conversationId, { text: `${n}: ${filler}` }, by())
          yield* happened(conversationId, "ReplyCompleted", n)
        }
        yield* happened(conversationId, "ConversationSummarized", 2)
        yield* conversations.send(conversationId, { text: "what is the code word?" }, by())
        assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 17)).text, "The code word is heron.")
      }).pipe(Effect.scoped, Effect.provide(BaseTest)),
    300_000
  )

  it.live("goes on with what fits when its summary fails, and says when nothing does", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const gone = new ModelFailed({ provider: "test", kind: "outage", sentence: "The provider is away." })
      talker.answers((request) => (isSummary(request) ? Stream.fail(gone) : saysTo(request, "yes")))
      yield* startWorker("one", talker.layer, 5_000)
      const conversations = yield* Conversations
      const filler = "and then we talked about the weather for quite a while ".repeat(150)
      const { conversationId } = yield* begin(`1: ${filler}`)
      yield* happened(conversationId, "ReplyCompleted", 1)
      yield* conversations.send(conversationId, { text: `2: ${filler}` }, by())
      yield* happened(conversationId, "ReplyCompleted", 2)
      yield* conversations.send(conversationId, { text: `3: ${filler}` }, by())
      yield* happened(conversationId, "ReplyCompleted", 3)
      const failed = yield* happened(conversationId, "SummaryFailed")
      assert.deepStrictEqual([failed.kind, failed.message], ["outage", "The provider is away."])
      const said = JSON.stringify(talker.asked.at(-1)?.messages)
      assert.include(said, "3: and then")
      assert.include(said, "left out here")
      assert.notInclude(said, "1: and then")
      yield* conversations.send(conversationId, { text: filler.repeat(4) }, by())
      const done = yield* happened(conversationId, "ReplyFailed")
      assert.strictEqual(done.kind, "too-long")
      assert.match(done.message, /takes 5000\. Send less at once/u)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("is summarized when a person wants it, all but the last exchange", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      talker.answers(knowing)
      yield* startWorker("one", talker.layer)
      const conversations = yield* Conversations
      const { conversationId } = yield* begin("the code word is heron")
      yield* happened(conversationId, "ReplyCompleted", 1)
      yield* conversations.send(conversationId, { text: "the gate is seven" }, by())
      yield* happened(conversationId, "ReplyCompleted", 2)
      yield* conversations.summarize(conversationId, by())
      const summary = yield* happened(conversationId, "ConversationSummarized")
      assert.deepStrictEqual([summary.reason, summary.throughVersion], ["person", 4])
      assert.include(summary.text, "heron")
      assert.notInclude(summary.text, "seven")
      assert.isFalse((yield* conversations.load(conversationId)).summarizing)
      yield* conversations.send(conversationId, { text: "what is the gate?" }, by())
      assert.strictEqual((yield* happened(conversationId, "ReplyCompleted", 3)).text, "The gate is seven.")
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )

  it.live("whose summary was claimed by a worker that is gone is told so, and not billed again", () =>
    Effect.gen(function* () {
      const talker = yield* makeModel
      const conversations = yield* Conversations
      const never = yield* Deferred.make<void>()
      const worker = yield* startWorker("one", talker.layer)
      const { conversationId } = yield* begin("the code word is heron")
      yield* happened(conversationId, "ReplyCompleted", 1)
      talker.answers(() => hanging("so far", never))
      yield* conversations.summarize(conversationId, by())
      yield* until(
        "the summary is being written",
        Effect.sync(() => talker.asked.length === 2)
      )
      yield* Effect.forkScoped(Fiber.interrupt(worker))
      yield* happened(conversationId, "SummaryFailed")
      talker.answers(() => says("no"))
      yield* startWorker("two", talker.layer)
      yield* conversations.send(conversationId, { text: "go on" }, by())
      yield* happened(conversationId, "ReplyCompleted", 2)
      assert.lengthOf(talker.asked, 3)
      const told = (yield* eventsOf(conversationId)).filter((event) => is(event, "SummaryFailed"))
      assert.lengthOf(told, 1)
    }).pipe(Effect.scoped, Effect.provide(BaseTest))
  )
})

const isSummary = (request: ModelRequest) => request.system?.startsWith("You summarize") === true

/** Knows what stands in its context, and nothing else. */
const knowing = (request: ModelRequest) => {
  const said = request.messages.map((one) => one.text).join("\n")
  const facts = [...said.matchAll(/the (code word|gate) is (\w+)/giu)].map(([, name, value]) => [name, value] as const)
  if (isSummary(request)) return saysTo(request, facts.map(([name, value]) => `The ${name} is ${value}.`).join(" "))
  const wanted = /what is the (code word|gate)\?$/u.exec(request.messages.at(-1)?.text ?? "")?.[1]
  const known = facts.find(([name]) => name === wanted)
  return saysTo(
    request,
    wanted === undefined ? "I see." : known === undefined ? "I do not know." : `The ${wanted} is ${known[1]}.`
  )
}
