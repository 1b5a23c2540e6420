import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { type Append, EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

const item = (stream: string, overrides: Partial<Append> = {}): Append => ({
  stream,
  expected: "any",
  commandId: randomUUID(),
  events: [{ type: "Happened", data: { n: 1 } }],
  actor: "person:ana",
  ...overrides
})

describe("receipts", () => {
  it.live("answer a repeat as the first was answered, and write nothing", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const first = item("a", { events: [1, 2, 3].map((n) => ({ type: "Happened", data: { n } })) })
      yield* log.append(item("a"))
      const answer = yield* log.append(first)
      yield* log.append(item("a"))
      assert.deepStrictEqual(yield* log.append(first), { ...answer, duplicate: true })
      assert.deepStrictEqual(yield* log.append({ ...first, expected: "new" }), { ...answer, duplicate: true })
      assert.strictEqual(yield* log.head, 5)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("refuse the same id for another body or another stream", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const first = item("a")
      yield* log.append(first)
      for (const other of [{ events: [{ type: "Happened", data: { n: 2 } }] }, { stream: "b" }, { body: "said" }]) {
        const error = yield* Effect.flip(log.append({ ...first, ...other }))
        assert.strictEqual(error._tag, "CommandIdReused")
      }
      const said = item("a", { body: "said" })
      yield* log.append(said)
      const again = yield* log.append({ ...said, events: [{ type: "Happened", data: "made of the time" }] })
      assert.isTrue(again.duplicate)
    }).pipe(Effect.provide(LogTest))
  )

  it.live(
    "answer a repeat of an accepted command that would be rejected by now as it was accepted, and note nothing",
    () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const db = yield* Db
        const first = item("a", { body: "launch" })
        const answer = yield* log.append(first)
        const late = { ...first, expected: 1, events: [], reject: "it was launched already" }
        assert.deepStrictEqual(yield* log.append(late), { ...answer, duplicate: true })
        const receipts = yield* db.query(
          "receipts",
          (sql) => sql`select outcome, error from log.receipt where command_id = ${first.commandId}`
        )
        assert.deepStrictEqual([...receipts], [{ outcome: "accepted", error: null }])
        assert.strictEqual((yield* Effect.flip(log.append({ ...late, body: "other" })))._tag, "CommandIdReused")
        assert.strictEqual(yield* log.head, 1)
      }).pipe(Effect.provide(LogTest))
  )

  it.live("keep a rejection: the command stays rejected, with the first reason", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const rejected = item("a", { events: [], reject: "the host is gone", body: "launch", expected: "new" })
      for (const again of [
        rejected,
        rejected,
        { ...rejected, reject: "other" },
        item("a", { ...rejected, reject: "x" })
      ]) {
        const error = yield* Effect.flip(log.append(again))
        assert.deepStrictEqual([error._tag, error.message], ["CommandRejected", "the host is gone"])
      }
      const { reject: _, ...accepted } = { ...rejected, events: item("a").events }
      assert.strictEqual((yield* Effect.flip(log.append(accepted)))._tag, "CommandRejected")
      assert.strictEqual(yield* log.head, 0)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("are not left by a conflict, neither of an acceptance nor of a rejection", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append(item("a"))
      const stale = item("a", { expected: "new", body: "b" })
      const error = yield* Effect.flip(log.append(stale))
      assert.deepInclude(error, { _tag: "VersionConflict", expected: "new", actual: 1 })
      const staleNo = item("a", { expected: 0, events: [], reject: "no", body: "c" })
      assert.strictEqual((yield* Effect.flip(log.append(staleNo)))._tag, "VersionConflict")
      assert.strictEqual((yield* log.append({ ...stale, expected: 1 })).toVersion, 2)
      assert.strictEqual((yield* Effect.flip(log.append({ ...staleNo, expected: 2 })))._tag, "CommandRejected")
    }).pipe(Effect.provide(LogTest))
  )

  it.live("of a command that changed nothing say so for ever", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const empty = { fromVersion: 1, toVersion: 0, toPosition: 0, duplicate: false }
      const nothing = item("a", { events: [], expected: "new" })
      assert.deepStrictEqual(yield* log.append(nothing), empty)
      const many = yield* Effect.all(
        [log.append(item("b")), log.append(item("a", { events: [] })), log.append(nothing)],
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(many.slice(1), [
        { fromVersion: 1, toVersion: 0, toPosition: 1, duplicate: false },
        { ...empty, duplicate: true }
      ])
      assert.strictEqual(yield* log.head, 1)
    }).pipe(Effect.provide(LogTest))
  )
})

describe("the append function", () => {
  it.live("refuses a batch that contradicts itself, and nothing of it is written", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const [one, two] = [randomUUID(), randomUUID()]
      /** stream, expected, nth, last, type, data, command, error */
      type Element = readonly [
        string,
        number | null,
        number,
        boolean,
        string | null,
        string | null,
        string,
        string | null
      ]
      const send = (elements: ReadonlyArray<Element>) => {
        const rows = elements.map(([stream, expected, nth, last, type, data, command, error]) => ({
          stream,
          expected,
          nth,
          last,
          type,
          data,
          command,
          error
        }))
        return Effect.flip(
          db.query("append", (sql) =>
            sql.unsafe(
              `select log.append(array_agg(stream order by i), array_agg(expected order by i), array_agg(nth order by i),
              array_agg(last order by i), array_agg(type order by i), string_agg(coalesce(data, ''), e'\\x1e' order by i),
              array_agg('hub'::text order by i), array_agg(command order by i), array_agg(command order by i),
              array_agg(null::bigint order by i), string_agg(sha256(''), '' order by i), array_agg(error order by i))
            from rows from (json_to_recordset($1::text::json) as (stream text, expected int, nth int, last bool, type text,
              data text, command uuid, error text)) with ordinality as e(stream, expected, nth, last, type, data, command, error, i)`,
              [JSON.stringify(rows)]
            )
          )
        )
      }
      const lies: ReadonlyArray<readonly [string, ReadonlyArray<Element>]> = [
        ["22023", [["a", null, 2, true, "T", "1", one, null]]],
        ["22023", [["a", null, 1, false, "T", "1", one, null]]],
        [
          "22023",
          [
            ["a", null, 1, false, "T", "1", one, null],
            ["a", null, 3, true, "T", "1", one, null]
          ]
        ],
        [
          "22023",
          [
            ["a", null, 1, false, "T", "1", one, null],
            ["b", null, 2, true, "T", "1", one, null]
          ]
        ],
        [
          "22023",
          [
            ["a", null, 1, false, "T", "1", one, null],
            ["a", 7, 2, true, "T", "1", one, null]
          ]
        ],
        [
          "22023",
          [
            ["a", null, 1, false, "T", "1", one, null],
            ["a", null, 2, true, "T", "1", two, null]
          ]
        ],
        ["22023", [["a", null, 1, true, "T", "1", one, "no"]]],
        ["22023", [["a", null, 0, true, "T", "1", one, "no"]]],
        ["22023", [["a", null, 0, false, null, null, one, "no"]]],
        [
          "22023",
          [
            ["a", null, 1, false, "T", "1", one, null],
            ["b", null, 0, true, null, null, two, "no"]
          ]
        ],
        ["23502", [["a", null, 1, true, "T", null, one, null]]],
        [
          "23505",
          [
            ["a", null, 1, true, "T", "1", one, null],
            ["a", null, 1, true, "T", "1", two, null]
          ]
        ],
        [
          "23505",
          [
            ["a", null, 1, true, "T", "1", one, null],
            ["b", null, 1, true, "T", "1", one, null]
          ]
        ],
        ["23514", [["", null, 1, true, "T", "1", one, null]]],
        ["23514", [["s".repeat(513), null, 1, true, "T", "1", one, null]]],
        ["23514", [["a", null, 1, true, "", "1", one, null]]],
        ["23514", [["a", null, 1, true, "T".repeat(101), "1", one, null]]],
        ["23514", [["", null, 0, true, null, null, one, "no"]]],
        ["22P02", [["a", null, 1, true, "T", "{", one, null]]]
      ]
      for (const [code, elements] of lies) {
        const error = yield* send(elements)
        assert.strictEqual(error.code, code, JSON.stringify(elements))
      }
      assert.strictEqual(yield* log.head, 0)
    }).pipe(Effect.provide(LogTest))
  )

  it.live("rings the doorbell with the head's position, also for a repeat: the first one's bell may be lost", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      const heard: Array<string> = []
      const { unlisten } = yield* Effect.promise(() => db.pool.listen("signalbox_log", (text) => heard.push(text)))
      const first = item("a", { events: [1, 2].map((n) => ({ type: "T", data: n })) })
      yield* log.append(first)
      yield* log.append(first)
      yield* Effect.flip(log.append(item("a", { events: [], reject: "no" })))
      yield* log.append(item("a"))
      yield* Effect.promise(() => db.pool.notify("signalbox_log", "end"))
      while (heard.at(-1) !== "end") yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["2", "2", "2", "3", "end"])
      yield* Effect.promise(unlisten)
    }).pipe(Effect.provide(LogTest))
  )
})

describe("the record", () => {
  it.live.each([
    "update log.event set data = '2'",
    "delete from log.event",
    "truncate log.event",
    "update log.event set at = now() where false",
    "update log.receipt set outcome = 'rejected'",
    "delete from log.receipt",
    "truncate log.receipt",
    "truncate log.event, log.receipt"
  ])("is append-only: %s", (statement) =>
    Effect.gen(function* () {
      const db = yield* Db
      const log = yield* EventLog
      yield* log.append(item("a"))
      const error = yield* Effect.flip(db.query("tamper", (sql) => sql.unsafe(statement)))
      assert.match(error.reason, /^log\.(event|receipt) is append-only: (UPDATE|DELETE|TRUNCATE) is refused$/)
      assert.lengthOf(yield* log.read({}), 1)
    }).pipe(Effect.provide(LogTest))
  )
})
