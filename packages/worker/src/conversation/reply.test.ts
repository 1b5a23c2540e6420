/** A reply: asked for once, streamed, interrupted, failed, taken over. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { until } from "../../../../test/support/until.ts"
import { ConversationFeed, type ConversationFrame } from "@signalbox/core/conversation/ConversationFeed.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { ModelFailed, type ModelPart } from "../model/Models.ts"
import {
  model,
  makeModel,
  usage,
  finished,
  words,
  says,
  BaseTest,
  startWorker,
  by,
  begin,
  happened,
  hanging
} from "../../../../test/support/answered.ts"

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
