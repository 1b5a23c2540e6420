import { randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { recordConversation as worker } from "../../../../test/support/conversed.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { makeHistory, recorded } from "../../../../test/support/talk.ts"
import { Commands } from "../log/Commands.ts"
import type { RecordedEvent } from "../log/Event.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { CatalogPlain } from "../../../../test/support/catalog-plain.ts"
import { Db } from "../postgres/Db.ts"
import { ALL, Projections } from "../projection/Projection.ts"
import { layer as projectionsLayer } from "../projection/ProjectionsLive.ts"
import { roomProjections } from "../projection/rooms.ts"
import { settingDecider } from "../setting/decider.ts"
import { settingEvents, settingStream } from "../setting/events.ts"
import { type By, Conversations } from "./Conversations.ts"
import { ConversationsLive } from "./ConversationsLive.ts"
import { conversationStream } from "./events.ts"
import { exportName } from "./export.ts"

const Services = ConversationsLive.pipe(
  Layer.provideMerge(Layer.mergeAll(Commands.layer, CatalogPlain)),
  Layer.provideMerge(projectionsLayer(roomProjections)),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const by = (more: Partial<By> = {}): By => ({ commandId: randomUUID(), actor: "person:ana", ...more })
const model = "openai/gpt-5"
const nothing = { model, usage: null, cost: null, firstTokenMs: null, latencyMs: 1 }

const answered = (conversationId: string, replyId: string | null, text: string) =>
  worker(conversationId, {
    _tag: "RecordOutcome",
    event: { _tag: "ReplyCompleted", replyId: replyId ?? "", text, stop: "end", ...nothing }
  })
const eventsOf = (conversationId: string) =>
  Effect.flatMap(EventLog, (log) => Stream.runCollect(log.readAll({ stream: conversationStream(conversationId) })))
const carriedBy = (started: RecordedEvent | undefined): ReadonlyArray<{ readonly text: string }> =>
  (started?.data as { readonly carried?: ReadonlyArray<{ readonly text: string }> } | undefined)?.carried ?? []
const caughtUp = Effect.gen(function* () {
  const projections = yield* Projections
  yield* projections.waitFor(ALL, yield* (yield* EventLog).head)
})

layer(Services, { timeout: 300_000, excludeTestServices: true })("conversations", (it) => {
  it.effect("begin with the chosen model, and say that none is configured before", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild((yield* Projections).run)
      const conversations = yield* Conversations
      const refused = yield* Effect.flip(conversations.start({}, by()))
      assert.match(refused.message, /No model is configured/)
      const commands = yield* Commands
      const choose = (value: string | null) =>
        commands.execute({
          decider: settingDecider,
          types: settingEvents,
          stream: settingStream("model.default"),
          command: { _tag: "Change", key: "model.default", value },
          commandId: randomUUID(),
          actor: "person:ana"
        })
      assert.match((yield* Effect.flip(choose("no model"))).message, /no value for model.default/)
      yield* choose(model)
      yield* caughtUp
      const { conversationId } = yield* conversations.start({}, by())
      assert.strictEqual((yield* conversations.load(conversationId)).model, model)
      yield* choose(null)
      yield* caughtUp
      assert.match((yield* Effect.flip(conversations.start({}, by()))).message, /No model/)
    })
  )

  it.effect("answer the same command id the same, drawn ids included, at once and later", () =>
    Effect.gen(function* () {
      const conversations = yield* Conversations
      const start = by()
      const request = { model, first: { text: "hello" } }
      const [a, b] = yield* Effect.all([conversations.start(request, start), conversations.start(request, start)], {
        concurrency: 2
      })
      assert.deepStrictEqual(a, b)
      assert.isNotNull(a.replyId)
      assert.strictEqual(a.version, 3)
      assert.strictEqual(
        (yield* Effect.flip(conversations.start({ ...request, title: "other" }, start)))._tag,
        "CommandIdReused"
      )
      const { conversationId } = a
      assert.strictEqual(
        (yield* Effect.flip(conversations.send(conversationId, { text: "two" }, by())))._tag,
        "CommandRejected"
      )
      yield* answered(conversationId, a.replyId, "hi")
      const send = by()
      const said = yield* conversations.send(conversationId, { text: "two", model: "ollama/qwen3" }, send)
      assert.strictEqual(said.version, 7)
      yield* answered(conversationId, said.replyId, "hi again")
      assert.deepStrictEqual(
        yield* conversations.send(conversationId, { text: "two", model: "ollama/qwen3" }, send),
        said
      )
      // what was resolved once is not resolved again, even when it cannot be any more
      const start2 = by()
      const first = yield* conversations.start(request, start2)
      assert.deepStrictEqual(yield* conversations.start(request, start2), first)
      const again = yield* conversations.regenerate(conversationId, {}, by())
      assert.notStrictEqual(again.replyId, said.replyId)
      assert.strictEqual((yield* conversations.load(conversationId)).model, "ollama/qwen3")
    })
  )

  it.effect("resolve a model before anything is appended", () =>
    Effect.gen(function* () {
      const conversations = yield* Conversations
      const { conversationId } = yield* conversations.start({ model }, by())
      const before = (yield* eventsOf(conversationId)).length
      const refusals: ReadonlyArray<Effect.Effect<object, { readonly _tag: string }>> = [
        conversations.send(conversationId, { text: "a", model: "gpt" }, by()),
        conversations.changeModel(conversationId, "x y", by()),
        conversations.regenerate(conversationId, { model: "/" }, by())
      ]
      for (const refused of refusals) assert.strictEqual((yield* Effect.flip(refused))._tag, "ModelUnknown")
      assert.strictEqual((yield* eventsOf(conversationId)).length, before)
      const change = by()
      const changed = yield* conversations.changeModel(conversationId, "ollama/x", change)
      assert.strictEqual(changed.model, "ollama/x")
      yield* conversations.changeModel(conversationId, "ollama/y", by())
      assert.deepStrictEqual(yield* conversations.changeModel(conversationId, "ollama/x", change), changed)
    })
  )

  it.effect("that are not there are not found, whatever the id", () =>
    Effect.gen(function* () {
      const conversations = yield* Conversations
      for (const id of ["chat-20200101-000000-aaaaaa", "../x", "", "'; drop table log.event;--", "a\0b"]) {
        assert.strictEqual((yield* Effect.flip(conversations.load(id)))._tag, "ConversationNotFound")
        assert.strictEqual(
          (yield* Effect.flip(conversations.send(id, { text: "a" }, by())))._tag,
          "ConversationNotFound"
        )
      }
    })
  )

  it.effect("are forked with everything that can be read up to a version, in pieces that fit", () =>
    Effect.gen(function* () {
      const conversations = yield* Conversations
      const big = "x".repeat(400_000)
      const first = yield* conversations.start(
        {
          model,
          title: "Big",
          system: "Be short.",
          first: {
            text: "one",
            attachments: [
              { name: "a", text: big },
              { name: "b", text: big }
            ]
          }
        },
        by()
      )
      const { conversationId } = first
      yield* answered(conversationId, first.replyId, "answer one")
      const again = yield* conversations.regenerate(conversationId, {}, by())
      yield* answered(conversationId, again.replyId, "better answer")
      yield* worker(conversationId, {
        _tag: "RecordSummary",
        event: {
          _tag: "ConversationSummarized",
          fromVersion: 1,
          throughVersion: 6,
          text: "sum",
          reason: "person",
          ...nothing
        }
      })
      const last = yield* conversations.send(conversationId, { text: "two" }, by())
      const fork = by()
      const forked = yield* conversations.fork(conversationId, {}, fork)
      assert.deepStrictEqual(yield* conversations.fork(conversationId, {}, fork), forked)
      const events = yield* eventsOf(forked.conversationId)
      const copied = events.filter((one) => one.type === "MessagesCopied")
      for (const one of copied) assert.isBelow(JSON.stringify(one.data).length, 900_000)
      const texts = copied.flatMap(
        (one) => (one.data as { messages: ReadonlyArray<{ role: string; text: string }> }).messages
      )
      assert.deepStrictEqual(
        texts.map((one) => [one.role, one.text]),
        [
          ["user", "one"],
          ["assistant", "better answer"],
          ["user", "two"]
        ]
      )
      const view = yield* conversations.load(forked.conversationId)
      assert.deepStrictEqual(
        [view.title, view.system, view.model, view.forkOf?.version, view.status],
        ["Big", "Be short.", model, last.version, "idle"]
      )
      const early = yield* conversations.fork(conversationId, { version: 4, title: "Early" }, by())
      assert.strictEqual((yield* conversations.load(early.conversationId)).messages, 2)
      assert.match((yield* Effect.flip(conversations.fork(conversationId, { version: 99 }, by()))).message, /1 to/)
      // a message that fills an event fits into a copy, too
      const full = yield* conversations.start(
        { model, first: { text: "t".repeat(199_000), attachments: [{ name: "n", text: "y".repeat(849_000) }] } },
        by()
      )
      const copy = yield* conversations.fork(full.conversationId, {}, by())
      const kept = (yield* eventsOf(copy.conversationId)).flatMap((one) =>
        one.type === "MessagesCopied"
          ? (one.data as { messages: ReadonlyArray<{ text: string; attachments?: ReadonlyArray<{ text: string }> }> })
              .messages
          : []
      )
      assert.strictEqual(
        kept.reduce((sum, one) => sum + one.text.length + (one.attachments?.[0]?.text.length ?? 0), 0),
        199_000 + 849_000
      )
    })
  )

  it.effect("carry the last 50 summaries of the client, oldest first, and nobody else's", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild((yield* Projections).run)
      const conversations = yield* Conversations
      const summarize = (conversationId: string, through: number, text: string) =>
        worker(conversationId, {
          _tag: "RecordSummary",
          event: {
            _tag: "ConversationSummarized",
            fromVersion: 1,
            throughVersion: through,
            text,
            reason: "size",
            ...nothing
          }
        })
      const mine = yield* conversations.start({ model }, by({ client: "carol" }))
      const theirs = yield* conversations.start({ model }, by({ client: "dave" }))
      yield* summarize(theirs.conversationId, 1, "secret of dave")
      for (let i = 1; i <= 55; i++) yield* summarize(mine.conversationId, i, `summary ${i}`)
      yield* caughtUp
      const next = yield* conversations.start({ model, carrySummaries: true }, by({ client: "carol" }))
      const [started] = yield* eventsOf(next.conversationId)
      const carried = carriedBy(started)
      assert.deepStrictEqual(
        carried.map((one) => one.text),
        Array.from({ length: 50 }, (_, i) => `summary ${i + 6}`)
      )
      yield* summarize(mine.conversationId, 56, "L".repeat(200_000))
      yield* summarize(mine.conversationId, 57, "M".repeat(150_000))
      yield* caughtUp
      const bounded = yield* conversations.start({ model, carrySummaries: true }, by({ client: "carol" }))
      const [begun] = yield* eventsOf(bounded.conversationId)
      assert.deepStrictEqual(
        carriedBy(begun).map((one) => one.text[0]),
        ["M"]
      )
    })
  )

  it.effect("are imported whole, once, and asked no model for", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild((yield* Projections).run)
      const conversations = yield* Conversations
      const db = yield* Db
      const id = "chat-20261120-143022-abc123"
      const events = recorded(id, makeHistory(11, id, 1500))
      const document = {
        format: exportName,
        version: 1,
        exportedAt: "x",
        conversation: { conversationId: id },
        events
      } as const
      const command = by()
      const said = yield* conversations.bring(document, command)
      assert.deepStrictEqual(yield* conversations.bring(document, command), said)
      const stored = yield* eventsOf(said.conversationId)
      assert.strictEqual(stored.length, said.version)
      assert.deepStrictEqual(
        stored.slice(1, events.length).map((one) => [one.type, one.data]),
        events.slice(1).map((one) => [one.type, one.data])
      )
      yield* caughtUp
      const [counted] = yield* db.query(
        "count",
        (sql) => sql<{ calls: number; messages: number }[]>`
          select (select count(*) from read.model_call where conversation_id = ${said.conversationId})::int as calls,
            (select count(*) from read.message where conversation_id = ${said.conversationId})::int as messages`
      )
      assert.strictEqual(counted?.calls, 0, "what was billed elsewhere is not billed here")
      assert.isAbove(counted?.messages ?? 0, 400)
      const sent = yield* conversations.send(said.conversationId, { text: "go on" }, by())
      yield* worker(said.conversationId, {
        _tag: "RecordOutcome",
        event: {
          _tag: "ReplyCompleted",
          replyId: sent.replyId ?? "",
          text: "yes",
          stop: "end",
          ...nothing,
          usage: { inputTokens: 5, outputTokens: 7 }
        }
      })
      yield* caughtUp
      const [usage] = yield* db.query(
        "count",
        (sql) => sql<{ n: string }[]>`
          select sum(output_tokens)::text as n from report.replies where conversation_id = ${said.conversationId}`
      )
      assert.strictEqual(usage?.n, "7")
    })
  )
})
