import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, Result, Schema, Scope, Stream } from "effect"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { type Frame, follow } from "@signalbox/core/api/sse.ts"
import { conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { LiveText } from "@signalbox/core/conversation/LiveText.ts"
import { LiveTextLive } from "@signalbox/core/conversation/LiveTextLive.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { recordConversation as worker } from "../../../../test/support/conversed.ts"
import { adminToken, HubTest, hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { held, heldAtMost } from "../../../../test/support/memory.ts"
import { makeHistory } from "../../../../test/support/talk.ts"
import { Heartbeat } from "../edge/sse.ts"
import { HubAddress } from "../HubAddress.ts"

const Hub = HubTest.pipe(Layer.provideMerge(LiveTextLive.pipe(Layer.provideMerge(RoomsTest))))
const authorization = `Bearer ${Redacted.value(adminToken)}`
const model = "openai/gpt-5"
const facts = { model, usage: { inputTokens: 10, outputTokens: 3 }, cost: null, firstTokenMs: 1, latencyMs: 2 }

const id = () => ({ commandId: randomUUID() })
const completed = (conversationId: string, replyId: string | null, text: string) =>
  worker(conversationId, {
    _tag: "RecordOutcome",
    event: { _tag: "ReplyCompleted", replyId: replyId ?? "", text, stop: "end", ...facts }
  })
const started = (text: string) =>
  Effect.flatMap(HubClient, (hub) => hub.conversations.start({ payload: { ...id(), model, first: { text } } }))

const call = (path: string, init: RequestInit = {}) =>
  Effect.flatMap(HubAddress, ({ url }) =>
    Effect.promise(async () => {
      const response = await fetch(`${url}${path}`, { ...init, headers: { authorization, ...init.headers } })
      return { status: response.status, headers: response.headers, text: await response.text() }
    })
  )
const frames = (conversationId: string, query = "", lastId?: string) =>
  Stream.unwrap(
    Effect.map(HubAddress, ({ url }) =>
      follow({
        url: `${url}${streams.conversation(conversationId)}${query}`,
        token: adminToken,
        retry: false,
        ...(lastId === undefined ? {} : { lastId })
      })
    )
  ).pipe(Stream.flatMap((line) => (line._tag === "Frame" ? Stream.succeed(line.frame) : Stream.empty)))
const typeOf = (frame: Frame): string =>
  frame.event === "event" ? `${frame.id} ${(JSON.parse(frame.data) as { type: string }).type}` : frame.event
const typeIs = (type: string) => (frame: Frame) => typeOf(frame).endsWith(type)
/** What a reader has of the reply, each character once. */
const textOf = (all: ReadonlyArray<Frame>): string => {
  let text = ""
  for (const frame of all) {
    if (frame.event !== "delta") continue
    const delta = JSON.parse(frame.data) as { from: number; text: string }
    assert.isAtMost(delta.from, text.length, "a gap")
    text += delta.text.slice(text.length - delta.from)
  }
  return text
}

describe("conversations over HTTP", () => {
  it.live("are begun, gone on with, answered, listed, found, renamed, put away and forked", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { conversationId, replyId, version } = yield* started("What is a mutex?")
      assert.strictEqual(version, 3)
      const params = { conversationId }
      const busy = yield* Effect.flip(hub.conversations.send({ params, payload: { ...id(), text: "and?" } }))
      assert.deepInclude(busy, { _tag: "Rejected" })
      yield* completed(conversationId, replyId, "A lock for **one**.")
      const sent = yield* hub.conversations.send({ params, payload: { ...id(), text: "And a semaphore?" } })
      yield* hub.conversations.interrupt({ params, payload: id() })
      yield* worker(conversationId, {
        _tag: "RecordOutcome",
        event: { _tag: "ReplyInterrupted", replyId: sent.replyId ?? "", text: "A lock", ...facts }
      })
      const again = yield* hub.conversations.regenerate({ params, payload: { ...id(), model: "ollama/qwen3" } })
      yield* worker(conversationId, {
        _tag: "RecordStep",
        event: {
          _tag: "ReplyStepped",
          replyId: again.replyId ?? "",
          step: 1,
          text: "",
          calls: [{ callId: "c/1", name: "task_create", args: {}, needsApproval: true }],
          ...facts
        }
      })
      assert.strictEqual((yield* hub.conversations.get({ params })).conversation.status, "waiting")
      yield* hub.conversations.decideCall({
        params: { conversationId, callId: "c/1" },
        payload: { ...id(), approve: false }
      })
      yield* completed(conversationId, again.replyId, "For several.")
      yield* hub.conversations.rename({ params, payload: { ...id(), title: "Locks" } })
      const changed = yield* hub.conversations.changeModel({ params, payload: { ...id(), model: "vllm/x" } })
      assert.strictEqual(changed.model, "vllm/x")
      yield* hub.conversations.summarize({ params, payload: id() })
      const { conversation } = yield* hub.conversations.get({ params })
      assert.deepInclude(conversation, {
        title: "Locks",
        model: "vllm/x",
        messages: 5,
        inputTokens: 40,
        summarizing: true
      })
      const forked = yield* hub.conversations.fork({ params, payload: id() })
      yield* hub.conversations.archive({ params, payload: { ...id(), archived: true } })
      const listed = (query: { readonly archived?: "all" | "true" | "false" }) =>
        Effect.map(hub.conversations.list({ query }), (all) => all.conversations.map((one) => one.conversationId))
      assert.deepStrictEqual(yield* listed({}), [forked.conversationId])
      assert.deepStrictEqual(yield* listed({ archived: "all" }), [conversationId, forked.conversationId])
      const { hits } = yield* hub.conversations.search({ query: { q: "semaphore" } })
      assert.deepStrictEqual(
        hits.map((hit) => [hit.conversationId, hit.excerpt]).toSorted(),
        [
          [conversationId, "And a «semaphore»?"],
          [forked.conversationId, "And a «semaphore»?"]
        ].toSorted()
      )
      const page = yield* hub.conversations.events({ params, query: { limit: 2 } })
      assert.isTrue(page.more)
      const older = yield* hub.conversations.events({ params, query: { before: page.events[0]?.version ?? 0 } })
      assert.isFalse(older.more)
      assert.deepStrictEqual(
        [...older.events, ...page.events].map((event) => event.version),
        Array.from({ length: older.events.length + 2 }, (_, at) => at + 1)
      )
      assert.strictEqual(page.events[0]?.actor, "local-admin")
      const nobody = { conversationId: "chat-20200101-000000-aaaaaa" }
      assert.deepInclude(yield* Effect.flip(hub.conversations.get({ params: nobody })), { _tag: "NotFound" })
      assert.deepInclude(yield* Effect.flip(hub.conversations.start({ payload: { ...id(), model: "gpt" } })), {
        _tag: "Invalid"
      })
      const nul = yield* Effect.flip(hub.conversations.start({ payload: { ...id(), model, first: { text: "a\0b" } } }))
      assert.deepInclude(nul, { _tag: "Invalid" })
    }).pipe(Effect.provide(Hub))
  )

  it.live("use a model for new ones from then on", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      assert.isNull((yield* hub.models.list({ query: {} })).current)
      assert.match(
        String((yield* Effect.flip(hub.conversations.start({ payload: id() }))).message),
        /No model is configured/
      )
      const command = id()
      const used = yield* hub.models.use({ payload: { ...command, model: "ollama/qwen3" } })
      assert.deepStrictEqual(yield* hub.models.use({ payload: { ...command, model: "ollama/qwen3" } }), used)
      assert.strictEqual((yield* hub.models.list({ query: {} })).current, "ollama/qwen3")
      const { conversationId } = yield* hub.conversations.start({ payload: id() })
      assert.strictEqual(
        (yield* hub.conversations.get({ params: { conversationId } })).conversation.model,
        "ollama/qwen3"
      )
    }).pipe(Effect.provide(Hub))
  )

  it.live("are followed live: text between the events, for two readers the same, over a break without loss", () =>
    Effect.gen(function* () {
      const live = yield* LiveText
      const { conversationId, replyId } = yield* started("Count")
      const words = Array.from({ length: 200 }, (_, n) => `${n} 数🚂 `)
      /** Joined once it has some text: what has ended before a reader came is told by its event alone. */
      const reader = Effect.fnUntraced(function* (query: string, lastId?: string) {
        const begun = yield* Deferred.make<void>()
        const fiber = yield* frames(conversationId, query, lastId).pipe(
          Stream.tap((frame) => (frame.event === "delta" ? Deferred.succeed(begun, undefined) : Effect.void)),
          Stream.takeUntil(typeIs("ReplyCompleted")),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        return { fiber, begun: Deferred.await(begun) }
      })
      const [a, b] = [yield* reader("?from=3"), yield* reader("?from=1")]
      const firstSeen = yield* Deferred.make<ReadonlyArray<Frame>>()
      const broken: Array<Frame> = []
      yield* frames(conversationId, "?from=1").pipe(
        Stream.tap((frame) => {
          broken.push(frame)
          return frame.event === "delta" ? Deferred.succeed(firstSeen, broken) : Effect.void
        }),
        Stream.takeUntil((frame) => frame.event === "delta"),
        Stream.runDrain,
        Effect.forkChild({ startImmediately: true })
      )
      let at = 0
      for (const [n, text] of words.entries()) {
        yield* live.write(conversationId, { _tag: "Text", replyId: replyId ?? "", from: at, text })
        at += text.length
        if (n === 100) yield* Deferred.await(firstSeen)
      }
      yield* live.flush(replyId ?? "")
      // it comes back in the middle of the reply: with its last id, and gets all of the text
      const lastId = broken.findLast((frame) => frame.id !== undefined)?.id
      const resumed = yield* reader("", lastId)
      for (const one of [a, b, resumed]) yield* one.begun
      yield* completed(conversationId, replyId, words.join(""))
      for (const { fiber } of [a, b, resumed]) {
        const seen = yield* Fiber.join(fiber)
        assert.strictEqual(textOf(seen), words.join(""))
        const at = seen.findIndex(typeIs("ReplyCompleted"))
        assert.strictEqual(at, seen.length - 1)
      }
      assert.deepStrictEqual((yield* Fiber.join(b.fiber)).filter((frame) => frame.event === "event").map(typeOf), [
        "1 ConversationStarted",
        "2 MessageSent",
        "3 ReplyRequested",
        "4 ReplyCompleted"
      ])
      const refused = yield* call(`${streams.conversation(conversationId)}?from=9`)
      assert.strictEqual(refused.status, 422)
      assert.strictEqual((yield* call(streams.conversation("chat-20200101-000000-aaaaaa"))).status, 404)
      assert.strictEqual((yield* call(streams.conversation(conversationId), { method: "POST" })).status, 405)
    }).pipe(Effect.provide(Hub))
  )

  it.live("do not grow for a reader that does not read, which gets everything later", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const hub = yield* HubClient
      const log = yield* EventLog
      const { conversationId } = yield* hub.conversations.start({ payload: { ...id(), model } })
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const one = connect(port, "127.0.0.1")
          one.write(
            `GET ${streams.conversation(conversationId)}?from=1 HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\n\r\n`
          )
          one.pause()
          return one
        }),
        (one) => Effect.sync(() => one.destroy())
      )
      const before = held()
      const text = "x".repeat(150_000)
      const failed = { type: "SummaryFailed", data: { kind: "outage", message: text, ...facts } }
      for (let n = 0; n < 60; n++)
        // 45 MB, were they kept for it
        yield* log.append({
          stream: conversationStream(conversationId),
          expected: "any",
          commandId: randomUUID(),
          events: [failed, failed, failed, failed, failed],
          actor: "worker:1"
        })
      yield* heldAtMost(before, 30e6) // the newest 16 MB of the log are kept, once for all readers
      const done = yield* Deferred.make<number>()
      let bytes = 0
      socket.on("data", (part) => {
        bytes += part.length
        if (/id: 301\n/u.test(part.toString("latin1"))) Deferred.doneUnsafe(done, Exit.succeed(bytes))
      })
      socket.resume()
      assert.isAbove(yield* Effect.timeout(Deferred.await(done), "60 seconds"), 299 * 150_000)
    }).pipe(Effect.scoped, Effect.provide(Hub))
  )

  it.live("say a word when there is nothing to say, and end at once when the hub stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const client = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken)))
      const context = yield* Layer.buildWithScope(
        client.pipe(Layer.provideMerge(hubTest()), Layer.provide(Layer.succeed(Heartbeat, 30))),
        scope
      )
      const ended = yield* Effect.gen(function* () {
        const { url } = yield* HubAddress
        const { conversationId } = yield* started("x")
        const pinged = yield* Deferred.make<void>()
        const reading = yield* Effect.promise(async () => {
          const response = await fetch(`${url}${streams.conversation(conversationId)}`, { headers: { authorization } })
          let all = ""
          for await (const part of response.body ?? []) {
            all += new TextDecoder().decode(part)
            if (all.split(": ping\n\n").length > 3) Deferred.doneUnsafe(pinged, Exit.void)
          }
          return all
        }).pipe(Effect.forkChild({ startImmediately: true }))
        yield* Deferred.await(pinged)
        return reading
      }).pipe(Effect.provide(context))
      const began = performance.now()
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(ended)
      assert.isBelow(performance.now() - began, 4_500) // who reads on is cut off after five seconds
    }).pipe(Effect.provide(RoomsTest))
  )

  it.live("are exported in three formats and imported again", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const source = "chat-20261120-143022-abc123"
      const history = makeHistory(5, source, 200)
      yield* log.append({
        stream: conversationStream(source),
        expected: "new",
        commandId: randomUUID(),
        events: history.map(conversationEvents.encode),
        actor: "ana"
      })
      const exported = (conversationId: string, format: string) =>
        call(`${streams.conversationExport(conversationId)}?format=${format}`)
      const json = yield* exported(source, "json")
      assert.strictEqual(json.headers.get("content-type"), "application/json")
      const document = JSON.parse(json.text) as { events: ReadonlyArray<{ type: string; data: unknown }> }
      assert.strictEqual(document.events.length, history.length)
      assert.match((yield* exported(source, "md")).text, /^# /)
      for (const line of (yield* exported(source, "jsonl")).text.trim().split("\n")) JSON.parse(line)
      assert.strictEqual((yield* exported(source, "pdf")).status, 422)
      assert.strictEqual((yield* exported("chat-20200101-000000-aaaaaa", "md")).status, 404)
      const bring = (body: string) =>
        call(`${streams.conversationImport}?commandId=${randomUUID()}`, {
          method: "POST",
          body,
          headers: { "content-type": "application/json" }
        })
      const brought = yield* bring(json.text)
      assert.strictEqual(brought.status, 201, brought.text)
      const { conversationId } = JSON.parse(brought.text) as { conversationId: string }
      const again = JSON.parse((yield* exported(conversationId, "json")).text) as typeof document
      assert.deepStrictEqual(
        again.events.slice(1, history.length).map((one) => [one.type, one.data]),
        document.events.slice(1).map((one) => [one.type, one.data])
      )
      for (const wrong of ["", "{}", "[1]", "\u0000", '{"format":"signalbox.conversation"}']) {
        const refused = yield* bring(wrong)
        assert.strictEqual(refused.status, 422, wrong)
        assert.match(refused.text, /no export|not JSON/)
      }
    }).pipe(Effect.provide(Hub))
  )
})

const Rows = Schema.fromJsonString(
  Schema.Struct({
    columns: Schema.Array(Schema.String),
    rows: Schema.Array(Schema.Array(Schema.Json)),
    more: Schema.Boolean
  })
)

describe("reports over HTTP", () => {
  it.live("are JSON or CSV that no spreadsheet runs, within limits", () =>
    Effect.gen(function* () {
      const { conversationId, replyId } = yield* started('=HYPERLINK("http://x","y")\nand, "more"')
      yield* completed(conversationId, replyId, "+1 ok")
      const hub = yield* HubClient
      yield* hub.conversations.rename({ params: { conversationId }, payload: { ...id(), title: "t" } })
      const messages = Schema.decodeUnknownResult(Rows)((yield* call(streams.report("messages"))).text)
      assert.isTrue(Result.isSuccess(messages) && messages.success.rows.length === 2)
      const csv = (yield* call(`${streams.report("messages")}?format=csv`)).text
      assert.include(csv, `"'=HYPERLINK(""http://x"",""y"")\nand, ""more"""`)
      assert.include(csv, ",'+1 ok,")
      const usage = yield* Effect.fromResult(
        Schema.decodeUnknownResult(Rows)((yield* call(streams.report("daily-usage"))).text)
      )
      const row = Object.fromEntries(usage.columns.map((name, at) => [name, usage.rows[0]?.[at]]))
      assert.deepInclude(row, {
        provider: "openai",
        model: "gpt-5",
        calls: 1,
        input_tokens: 10,
        output_tokens: 3,
        unpriced: 1
      })
      const limited = yield* Effect.fromResult(
        Schema.decodeUnknownResult(Rows)((yield* call(`${streams.report("events")}?limit=2`)).text)
      )
      assert.deepStrictEqual([limited.rows.length, limited.more], [2, true])
      for (const name of ["replies", "conversations", "tasks", "hosts"])
        assert.strictEqual(
          (yield* call(`${streams.report(name)}?since=2020-01-01T00:00:00Z&format=csv`)).status,
          200,
          name
        )
      assert.strictEqual((yield* call(streams.report("pg_authid"))).status, 404)
      for (const query of ["limit=0", "limit=99999", "since=yesterday", "format=xml", "since=';drop"])
        assert.strictEqual((yield* call(`${streams.report("events")}?${query}`)).status, 422, query)
    }).pipe(Effect.provide(Hub))
  )
})
