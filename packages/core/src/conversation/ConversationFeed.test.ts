import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Ref, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { until } from "../../../../test/support/until.ts"
import { Commands } from "../log/Commands.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { Db } from "../postgres/Db.ts"
import { ConversationFeed, type ConversationFrame } from "./ConversationFeed.ts"
import { ConversationFeedLive } from "./ConversationFeedLive.ts"
import { type ConversationEvent, conversationEvents, conversationStream, makeConversationId } from "./events.ts"
import { LiveText } from "./LiveText.ts"
import { LiveTextLive } from "./LiveTextLive.ts"

const FeedTest = ConversationFeedLive.pipe(
  Layer.provideMerge(Layer.mergeAll(LiveTextLive, Commands.layer)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const model = "openai/test"
const call = { model, usage: null, cost: null, firstTokenMs: 1, latencyMs: 2 }

const append = (conversationId: string, ...events: ReadonlyArray<ConversationEvent>) =>
  Effect.flatMap(EventLog, (log) =>
    log.append({
      stream: conversationStream(conversationId),
      expected: "any",
      commandId: randomUUID(),
      actor: "test",
      events: events.map(conversationEvents.encode)
    })
  )

let made = 0
/** A conversation with an open reply: ConversationStarted, MessageSent, ReplyRequested. */
const asked = Effect.gen(function* () {
  const conversationId = makeConversationId(Date.now() + 1000 * made++, crypto.getRandomValues(new Uint8Array(6)))
  yield* append(
    conversationId,
    { _tag: "ConversationStarted", conversationId, model, client: "test", tools: true },
    { _tag: "MessageSent", text: "hello" }
  )
  return { conversationId, replyId: yield* ask(conversationId) }
})
const ask = (conversationId: string) =>
  Effect.gen(function* () {
    const replyId = randomUUID()
    yield* append(conversationId, { _tag: "ReplyRequested", replyId, model })
    return replyId
  })

/** Follows in the background; `frames` is what it has so far. */
const follow = (conversationId: string, from: number) =>
  Effect.gen(function* () {
    const feed = yield* ConversationFeed
    const frames: Array<ConversationFrame> = []
    const fiber = yield* feed.follow(conversationId, from).pipe(
      Stream.runForEach((frame) => Effect.sync(() => frames.push(frame))),
      Effect.forkScoped
    )
    return { frames, fiber }
  })

/** The text of all deltas; fails where they are not dense, or not between request and outcome. */
const textOf = (frames: ReadonlyArray<ConversationFrame>, replyId: string): string => {
  let text = ""
  let over = false
  for (const frame of frames) {
    if (frame._tag === "Event" && frame.event.type === "ReplyCompleted") over = true
    if (frame._tag !== "Delta" || frame.replyId !== replyId) continue
    assert.isFalse(over, "a delta after the outcome")
    assert.strictEqual(frame.from, text.length, "deltas are dense")
    assert.isTrue(frame.text.isWellFormed(), "no pair is split")
    text += frame.text
  }
  return text
}
const typesOf = (frames: ReadonlyArray<ConversationFrame>) =>
  frames.flatMap((frame) => (frame._tag === "Event" ? [frame.event.type] : []))
const ended = (frames: ReadonlyArray<ConversationFrame>) =>
  until(
    "the outcome came",
    Effect.sync(() => typesOf(frames).includes("ReplyCompleted"))
  )

const say = (conversationId: string, replyId: string, words: ReadonlyArray<string>, from = 0) =>
  Effect.gen(function* () {
    const live = yield* LiveText
    let at = from
    for (const text of words) {
      yield* live.write(conversationId, { _tag: "Text", replyId, from: at, text })
      at += text.length
    }
    return at
  })

const complete = (conversationId: string, replyId: string, text: string) =>
  append(conversationId, { _tag: "ReplyCompleted", replyId, text, stop: "end", ...call })

describe("a conversation as it happens", () => {
  it.live("two followers, one of them late, see the same text in order between request and outcome", () =>
    Effect.gen(function* () {
      const live = yield* LiveText
      const { conversationId, replyId } = yield* asked
      const early = yield* follow(conversationId, 1)
      const words = Array.from({ length: 400 }, (_, i) => `wörd${i} 🚂 `)
      const half = yield* say(conversationId, replyId, words.slice(0, 200))
      yield* until(
        "the first half came",
        Effect.sync(() => textOf(early.frames, replyId).length === half)
      )
      yield* live.flush(replyId)
      const late = yield* follow(conversationId, 4)
      yield* until(
        "the late one has it too",
        Effect.sync(() => textOf(late.frames, replyId).length === half)
      )
      yield* say(conversationId, replyId, words.slice(200), half)
      yield* complete(conversationId, replyId, words.join(""))
      yield* ended(early.frames)
      yield* ended(late.frames)
      assert.strictEqual(textOf(early.frames, replyId), words.join(""))
      assert.strictEqual(textOf(late.frames, replyId), words.join(""))
      assert.deepStrictEqual(typesOf(early.frames), [
        "ConversationStarted",
        "MessageSent",
        "ReplyRequested",
        "ReplyCompleted"
      ])
      assert.deepStrictEqual(typesOf(late.frames), ["ReplyCompleted"])
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("the first piece comes within milliseconds, the following ones together", () =>
    Effect.gen(function* () {
      const { conversationId, replyId } = yield* asked
      const one = yield* follow(conversationId, 4)
      yield* say(
        conversationId,
        replyId,
        Array.from({ length: 500 }, () => "a ")
      )
      yield* until(
        "all of it came",
        Effect.sync(() => textOf(one.frames, replyId).length === 1000)
      )
      assert.isBelow(one.frames.length, 20)
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("what a notification lost is found in the store, in the middle and at the end", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const { conversationId, replyId } = yield* asked
      const one = yield* follow(conversationId, 4)
      yield* say(conversationId, replyId, ["one "])
      yield* until(
        "the first word came",
        Effect.sync(() => textOf(one.frames, replyId) === "one ")
      )
      yield* (yield* LiveText).flush(replyId)
      // stored, and never announced: what a process sees whose connection was away for a moment
      const lost = (from: number, text: string) =>
        db.query(
          "store only",
          (sql) => sql`insert into live.chunk values (${replyId}, ${from}, ${from + text.length}, ${text})`
        )
      yield* lost(4, "two ")
      yield* say(conversationId, replyId, ["three "], 8)
      yield* until(
        "the gap was healed",
        Effect.sync(() => textOf(one.frames, replyId) === "one two three ")
      )
      yield* lost(14, "four")
      yield* until(
        "the end was found",
        Effect.sync(() => textOf(one.frames, replyId) === "one two three four")
      )
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("goes on when the listening connection is cut while a reply streams", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const { conversationId, replyId } = yield* asked
      const one = yield* follow(conversationId, 4)
      let at = yield* say(conversationId, replyId, ["begin "])
      yield* until(
        "it began",
        Effect.sync(() => textOf(one.frames, replyId).length === at)
      )
      yield* db.query(
        "cut the ear",
        (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'signalbox-listen' and datname = current_database()`
      )
      for (let n = 0; n < 20; n++) at = yield* say(conversationId, replyId, [`more ${n} `], at)
      yield* until(
        "all of it came",
        Effect.sync(() => textOf(one.frames, replyId).length === at)
      )
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("brings the rest of the text before the outcome, though nothing of it was sent", () =>
    Effect.gen(function* () {
      const { conversationId, replyId } = yield* asked
      const one = yield* follow(conversationId, 4)
      yield* say(conversationId, replyId, ["one "])
      yield* until(
        "the first word came",
        Effect.sync(() => textOf(one.frames, replyId) === "one ")
      )
      yield* append(conversationId, {
        _tag: "ReplyStepped",
        replyId,
        step: 1,
        text: "one two ",
        calls: [{ callId: "c1", name: "list_hosts", args: {}, needsApproval: false }],
        ...call
      })
      yield* append(conversationId, { _tag: "ToolAnswered", replyId, callId: "c1", text: "none", isError: false })
      yield* complete(conversationId, replyId, "three")
      yield* ended(one.frames)
      assert.strictEqual(textOf(one.frames, replyId), "one two three")
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("tells history without deltas and without a doubled text", () =>
    Effect.gen(function* () {
      const { conversationId, replyId } = yield* asked
      yield* complete(conversationId, replyId, "old")
      const next = yield* ask(conversationId)
      const one = yield* follow(conversationId, 1)
      yield* say(conversationId, next, ["new"])
      yield* until(
        "the new one came",
        Effect.sync(() => textOf(one.frames.slice(4), next) === "new")
      )
      assert.strictEqual(textOf(one.frames, replyId), "")
      assert.lengthOf(typesOf(one.frames), 5)
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("50 replies stream to 50 followers beside 500 idle ones, on one LISTEN, not a byte lost or crossed", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const talks = yield* Effect.forEach(Array.from({ length: 50 }), () => asked)
      const idle = yield* Effect.forEach(Array.from({ length: 500 }), (_, n) =>
        follow(talks[n % 50]?.conversationId.replace(/.{6}$/u, String(100_000 + n)) ?? "", 1)
      )
      const chatting = yield* Effect.forEach(talks, (one) => follow(one.conversationId, 4))
      const connections = db.query(
        "count",
        (sql) => sql<{ n: number }[]>`select count(*)::int as n from pg_stat_activity
          where application_name = 'signalbox-listen' and datname = current_database()`
      )
      assert.strictEqual((yield* connections)[0]?.n, 1)
      const texts = talks.map(({ replyId }) => Array.from({ length: 100 }, (_, i) => `${replyId.slice(0, 4)}-${i}✓ `))
      yield* Effect.forEach(
        talks,
        ({ conversationId, replyId }, n) =>
          Effect.gen(function* () {
            let at = 0
            for (const word of texts[n] ?? []) {
              at = yield* say(conversationId, replyId, [word], at)
              yield* Effect.yieldNow
            }
            yield* complete(conversationId, replyId, texts[n]?.join("") ?? "")
          }),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(chatting, ({ frames }) => ended(frames))
      for (const [n, { frames }] of chatting.entries())
        assert.strictEqual(textOf(frames, talks[n]?.replyId ?? ""), texts[n]?.join(""))
      assert.isTrue(idle.every(({ frames }) => frames.length === 0))
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )
})

describe("live text", () => {
  it.live("gives a step to one claimer only, and keeps it claimed after the text is dropped", () =>
    Effect.gen(function* () {
      const live = yield* LiveText
      const replyId = randomUUID()
      const claims = yield* Effect.all(
        Array.from({ length: 5 }, () => live.claim(replyId, 1, "chat-x")),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(claims.toSorted(), [false, false, false, false, true])
      yield* say("chat-x", replyId, ["some NUL \0 and a lone \ud800 half"])
      yield* live.flush(replyId)
      assert.strictEqual(yield* live.read(replyId), "some NUL \ufffd and a lone \ufffd half")
      yield* live.drop(replyId)
      assert.strictEqual(yield* live.read(replyId), "")
      assert.isFalse(yield* live.claim(replyId, 1, "chat-x"))
      assert.isTrue(yield* live.claim(replyId, 2, "chat-x"))
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )

  it.live("stores by itself, and tells listeners texts of any size in pieces that fit", () =>
    Effect.gen(function* () {
      const live = yield* LiveText
      const replyId = randomUUID()
      const heard = yield* Ref.make("")
      const listening = yield* Deferred.make<void>()
      const long = '🚂"\\\n'.repeat(20_000)
      const fiber = yield* live.pieces("chat-y").pipe(
        Stream.tap((piece) => (piece._tag === "Thinking" ? Deferred.succeed(listening, undefined) : Effect.void)),
        Stream.runForEach((piece) =>
          piece._tag === "Text"
            ? Ref.update(heard, (text) => (piece.from === text.length ? text + piece.text : text))
            : Effect.void
        ),
        Effect.forkScoped
      )
      yield* until(
        "it is heard",
        Effect.andThen(
          live.write("chat-y", { _tag: "Thinking", replyId: randomUUID() }),
          Effect.map(Deferred.isDone(listening), (done) => done)
        )
      )
      yield* say("chat-y", replyId, [long])
      yield* until(
        "all was heard",
        Effect.map(Ref.get(heard), (text) => text === long)
      )
      yield* until(
        "all was stored",
        Effect.map(live.read(replyId), (text) => text === long)
      )
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped, Effect.provide(FeedTest))
  )
})
