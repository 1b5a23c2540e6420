import { createHash, randomUUID } from "node:crypto"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { makeHistory } from "../../../../test/support/talk.ts"
import { EventLog } from "../log/EventLog.ts"
import { layer as eventLogLayer } from "../log/EventLogLive.ts"
import { Db, type Sql } from "../postgres/Db.ts"
import { ALL, Projections } from "../projection/Projection.ts"
import { layer as projectionsLayer } from "../projection/ProjectionsLive.ts"
import { roomProjections } from "../projection/rooms.ts"
import { type ConversationEvent, conversationEvents, conversationStream, makeConversationId } from "./events.ts"
import {
  conversationList,
  lastSummaries,
  listConversations,
  searchMessages,
  searchQuery,
  summariesQuery
} from "./search.ts"
import { forQuery } from "./words.ts"

const Services = projectionsLayer(roomProjections).pipe(Layer.provideMerge(eventLogLayer), Layer.provideMerge(DbTest))

let number = 0
const newId = () => makeConversationId(Date.UTC(2026, 10, 20), Buffer.from(String(++number).padStart(6, "0")))
const tell = (conversationId: string, events: ReadonlyArray<ConversationEvent>) =>
  Effect.flatMap(EventLog, (log) =>
    log.append({
      stream: conversationStream(conversationId),
      expected: "any",
      commandId: randomUUID(),
      events: events.map(conversationEvents.encode),
      actor: "test"
    })
  )
const started = (
  conversationId: string,
  more: Partial<Extract<ConversationEvent, { _tag: "ConversationStarted" }>> = {}
) => ({
  _tag: "ConversationStarted" as const,
  conversationId,
  model: "openai/gpt-5",
  client: "ana",
  tools: true,
  ...more
})
const caughtUp = Effect.gen(function* () {
  const projections = yield* Projections
  yield* Effect.forkChild(projections.run)
  yield* projections.waitFor(ALL, yield* (yield* EventLog).head)
})
const sumOf = (table: string) =>
  Effect.gen(function* () {
    const db = yield* Db
    const rows = yield* db.query("read all", (sql) =>
      sql.unsafe(`select to_json(t)::text as row from ${table} t order by 1`)
    )
    return { rows: rows.length, digest: createHash("sha256").update(JSON.stringify(rows)).digest("hex") }
  })

type Asked = ReturnType<typeof conversationList> | ReturnType<typeof searchQuery> | ReturnType<typeof summariesQuery>

layer(Services, { timeout: 300_000, excludeTestServices: true })("what is read of conversations", (it) => {
  it.effect("is the same after a rebuild, views keep serving, and daily usage is exactly the sum of the events", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const projections = yield* Projections
      const all: Array<ConversationEvent> = []
      for (let seed = 1; seed <= 30; seed++) {
        const id = newId()
        const history = makeHistory(seed, id, 60)
        all.push(...history)
        yield* tell(id, history)
      }
      yield* caughtUp
      const tables = ["read.conversation", "read.message", "read.model_call", "read.talk", "report.daily_usage"]
      const before = yield* Effect.forEach(tables, sumOf)
      for (const name of ["conversation", "message", "setting"])
        assert.strictEqual((yield* projections.rebuild(name)).parked, 0)
      assert.deepStrictEqual(yield* Effect.forEach(tables, sumOf), before)
      for (const { rows } of before) assert.isAbove(rows, 2)

      const spent = all.flatMap((event) => ("usage" in event && event.usage !== null ? [event] : []))
      const sum = (pick: (usage: NonNullable<(typeof spent)[number]["usage"]>) => number | undefined) =>
        spent.reduce((total, event) => total + (event.usage === null ? 0 : (pick(event.usage) ?? 0)), 0)
      const [row] = yield* db.query(
        "sum",
        (sql) => sql<Record<string, string>[]>`
          select sum(calls)::text as calls, sum(input_tokens)::text as input, sum(output_tokens)::text as output,
            sum(cached_input_tokens)::text as cached, sum(cache_write_tokens)::text as written,
            sum(reasoning_tokens)::text as reasoning, sum(cost_usd)::float8::text as usd, sum(unpriced)::text as unpriced
          from report.daily_usage`
      )
      assert.strictEqual(Number(row?.["calls"]), all.filter((event) => "usage" in event).length)
      assert.strictEqual(
        Number(row?.["input"]),
        sum((usage) => usage.inputTokens)
      )
      assert.strictEqual(
        Number(row?.["output"]),
        sum((usage) => usage.outputTokens)
      )
      assert.strictEqual(
        Number(row?.["cached"]),
        sum((usage) => usage.cachedInputTokens)
      )
      assert.strictEqual(
        Number(row?.["written"]),
        sum((usage) => usage.cacheWriteTokens)
      )
      assert.strictEqual(
        Number(row?.["reasoning"]),
        sum((usage) => usage.reasoningTokens)
      )
      // hundred-millionths of a dollar, added as whole numbers: no rounding hides a difference
      const hundredMillionths = spent.reduce((total, event) => total + Math.round((event.cost?.usd ?? 0) * 1e8), 0)
      assert.strictEqual(Math.round(Number(row?.["usd"]) * 1e8), hundredMillionths)
      assert.strictEqual(Number(row?.["unpriced"]), spent.filter((event) => event.cost === null).length)
    })
  )

  it.effect("is found in any language, whatever the case and accents, best first, with the place marked", () =>
    Effect.gen(function* () {
      const id = newId()
      const say = (text: string, attached?: string): ConversationEvent => ({
        _tag: "MessageSent",
        text,
        ...(attached === undefined ? {} : { attachments: [{ name: "log.txt", text: attached }] })
      })
      yield* tell(id, [
        started(id, { title: "Languages" }),
        say("Die Straße nach Köln führt über den Fluß"),
        say("我们在东京的数据库连接池里发现了一个问题"),
        say("データベースの接続プールが枯渇しました"),
        say("ปัญหาการเชื่อมต่อฐานข้อมูล"),
        say("Проблема с ёмкостью пула соединений"),
        say("the connection pool is exhausted, the pool of connections"),
        say("a naïve café; see /var/log/nginx/error.log"),
        say("look at this", "FATAL: remaining connection slots are reserved"),
        say(`${"filler ".repeat(20_000)} needle at the end`)
      ])
      yield* caughtUp
      const excerpts = (q: string) =>
        Effect.map(searchMessages(q, 1000), (hits) =>
          hits.filter((hit) => hit.conversationId === id).map((hit) => hit.excerpt)
        )
      const table: ReadonlyArray<readonly [string, ReadonlyArray<RegExp>]> = [
        ["koln", [/«Köln»/]],
        ["STRASSE", [/«Straße»/]],
        ["straße", [/«Straße»/]],
        ["连接池", [/«连接池»/]],
        ["東京", []],
        ["接続プール", [/«接続プール»/]],
        ["ฐานข้อมูล", [/«ฐานข้อมูล»/]],
        ["емкостью", [/«ёмкостью»/]],
        ['"connection pool"', [/«connection» «pool»/]],
        ["pool -connections", []],
        ["CAFE naive", [/«naïve» «café»/]],
        ["error.log", [/«error»\.«log»/]],
        ["reserved slots", [/«slots» are «reserved»/]],
        ["needle", [/^….*«needle» at the end$/]],
        ["koln or needle", [/./, /./]],
        ["nowhere", []],
        ["", []],
        ["-", []],
        ['" & | ! :* <-> (', []],
        ["'; drop table read.message;--", []]
      ]
      for (const [q, expected] of table) {
        const found = yield* excerpts(q)
        assert.strictEqual(found.length, expected.length, `${q}: ${found.join(" | ")}`)
        for (const [at, pattern] of expected.entries()) assert.match(found[at] ?? "", pattern, q)
      }
      const [best] = yield* searchMessages('"pool of connections"', 1)
      assert.deepStrictEqual([best?.conversationId, best?.title, best?.role], [id, "Languages", "user"])
    })
  )

  it.effect("is listed last touched first, archived ones apart, a page at a time, without its bulk", () =>
    Effect.gen(function* () {
      const [a, b, c] = [newId(), newId(), newId()]
      yield* tell(a, [started(a, { client: "eve", title: "Ärger 100%", system: "s".repeat(5000) })])
      yield* tell(b, [started(b, { client: "eve" })])
      yield* tell(c, [started(c, { client: "eve" }), { _tag: "ConversationArchived" }])
      yield* tell(a, [{ _tag: "MessageSent", text: "touched" }])
      yield* caughtUp
      const ids = (filter: object) =>
        Effect.map(listConversations({ client: "eve", limit: 10, ...filter }), (all) =>
          all.map((one) => one.conversationId)
        )
      assert.deepStrictEqual(yield* ids({}), [a, c, b])
      assert.deepStrictEqual(yield* ids({ archived: false }), [a, b])
      assert.deepStrictEqual(yield* ids({ archived: true }), [c])
      assert.deepStrictEqual(yield* ids({ text: "ärger 1" }), [a])
      assert.deepStrictEqual(yield* ids({ text: "TOUCH" }), [a])
      assert.deepStrictEqual(yield* ids({ text: "%" }), [a])
      assert.deepStrictEqual(yield* ids({ limit: 1 }), [a])
      assert.deepStrictEqual(yield* ids({ before: a, limit: 1 }), [c])
      const [brief] = yield* listConversations({ client: "eve", limit: 1 })
      assert.strictEqual(brief?.system?.length, 300)
    })
  )

  it.effect("takes the largest texts there can be", () =>
    Effect.gen(function* () {
      const id = newId()
      const words = Array.from({ length: 140_000 }, (_, n) => n.toString(36)).join(" ")
      const wide = Array.from({ length: 60_000 }, (_, n) =>
        String.fromCodePoint(0x10400 + (n % 80), 0x10400 + (n >> 10))
      ).join(" ")
      yield* tell(id, [started(id), { _tag: "MessageSent", text: words.slice(0, 900_000) }])
      yield* tell(id, [{ _tag: "MessageSent", text: wide }])
      yield* tell(id, [{ _tag: "MessageSent", text: "字".repeat(200_000) }])
      yield* caughtUp
      assert.deepStrictEqual(yield* (yield* Projections).parked, [])
      assert.deepStrictEqual(
        (yield* searchMessages("zzz", 5)).map((hit) => hit.conversationId === id),
        [true]
      )
    })
  )

  it.effect("walks indexes at 100,000 conversations and messages", () =>
    Effect.gen(function* () {
      const db = yield* Db
      yield* db.query(
        "make conversations",
        (sql) => sql`insert into read.conversation (id, version, view, brief)
          select 'chat-20250101-000000-' || lpad(to_hex(n), 6, '0'), 1, v, v from (select n, json_build_object('archived', n % 10 = 0,
            'client', 'c' || n % 50, 'title', 'title ' || n, 'snippet', 'words',
            'updatedAt', to_char(timestamp '2025-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) as v
          from generate_series(1, 100000) n) made`
      )
      yield* db.query(
        "make messages",
        (sql) => sql`insert into read.message (conversation_id, version, nth, role, text, actor, client, at, search)
          select 'chat-20250101-000000-' || lpad(to_hex(n), 6, '0'), 2, 0, case when n % 20 = 0 then 'summary' else 'user' end, t, 'a',
            'c' || n % 50, to_char(timestamp '2025-01-01' + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            to_tsvector('simple', t)
          from (select n, 'common word number w' || n % 5000 as t from generate_series(1, 100000) n) made`
      )
      yield* db.query("analyze", (sql) => sql`analyze read.conversation, read.message`)
      const explain = (make: (sql: Sql) => Asked) =>
        Effect.map(
          db.query("explain", (sql) => {
            const described = sql`explain (analyze, buffers) ${make(sql)}`
            return described
          }),
          (rows) => rows.map((row) => String(row["QUERY PLAN"])).join("\n")
        )
      const plans: ReadonlyArray<readonly [string, (sql: Sql) => Asked]> = [
        ["the list", (sql) => conversationList(sql, { archived: false, limit: 50 })],
        ["all of it", (sql) => conversationList(sql, { limit: 50 })],
        ["of a client", (sql) => conversationList(sql, { client: "c7", archived: false, limit: 50 })],
        [
          "the next page",
          (sql) => conversationList(sql, { archived: false, before: "chat-20250101-000000-00ffff", limit: 50 })
        ],
        ["by text", (sql) => conversationList(sql, { archived: false, text: "title 99", limit: 50 })],
        ["search", (sql) => searchQuery(sql, forQuery("w77"), 20)],
        ["search by a phrase", (sql) => searchQuery(sql, forQuery('"number w77"'), 20)],
        ["summaries", (sql) => summariesQuery(sql, "c20")]
      ]
      for (const [name, make] of plans) {
        const plan = yield* explain(make)
        assert.notMatch(plan, /Seq Scan on (conversation|message)/, `${name}\n${plan}`)
        assert.isBelow(pagesOf(plan), 500, `${name}\n${plan}`)
      }
      // a word of every message is bounded, not ranked 100,000 times
      const everywhere = yield* explain((sql) => searchQuery(sql, forQuery("common"), 20))
      assert.isBelow(pagesOf(everywhere), 1000, everywhere)
      assert.strictEqual((yield* lastSummaries("c20")).length, 50)
    })
  )
})

/** What a query reads, in pages of 8 KiB: unlike its time the same on every machine. The messages alone have some 2,700. */
const pagesOf = (plan: string): number => {
  const [, hit = "0", read = "0"] = /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/u.exec(plan) ?? assert.fail(plan)
  return Number(hit) + Number(read)
}
