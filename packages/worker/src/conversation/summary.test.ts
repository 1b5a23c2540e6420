/** A conversation that outgrows the window of its model. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { until } from "../../../../test/support/until.ts"
import { Conversations } from "@signalbox/core/conversation/Conversations.ts"
import { ModelFailed, type ModelRequest } from "../model/Models.ts"
import {
  makeModel,
  says,
  saysTo,
  BaseTest,
  startWorker,
  by,
  begin,
  eventsOf,
  happened,
  is,
  hanging
} from "../../../../test/support/answered.ts"

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
