import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Schema } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { Db } from "../postgres/Db.ts"
import { type Append, EventLog } from "./EventLog.ts"
import { layer } from "./EventLogLive.ts"
import { toStorable } from "./storable.ts"

const LogTest = layer.pipe(Layer.provideMerge(DbTest))

/** A payload as careless code would make it: the type says JSON, the value is not. */
const careless = (data: unknown, overrides: Partial<Append> = {}): Append => ({
  stream: "a",
  expected: "any",
  commandId: randomUUID(),
  events: [{ type: "Happened", data: data as Schema.Json }],
  actor: "hub",
  ...overrides
})
const reason = (item: Append) => {
  const result = toStorable(item)
  return Result.isFailure(result) ? result.failure.reason : "storable"
}
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])

describe("a payload that would not come back", () => {
  it.each([
    [{ a: { b: [1, Number.NaN] } }, "data.a.b[1] is NaN, which JSON cannot hold"],
    [{ load: Infinity }, "data.load is Infinity, which JSON cannot hold"],
    [-Infinity, "data is -Infinity, which JSON cannot hold"],
    [{ "a key": undefined }, 'data["a key"] is undefined, which JSON cannot hold'],
    [[undefined], "data[0] is undefined, which JSON cannot hold"],
    [{ n: 1n }, "data.n is a bigint, which JSON cannot hold"],
    [{ f: () => 1 }, "data.f is a function, which JSON cannot hold"],
    [{ at: new Date(0) }, "data.at is not a plain object"],
    [{ m: new Map([[1, 2]]) }, "data.m is not a plain object"],
    [{ toJSON: () => "other" }, "data changes itself by toJSON"],
    [{ text: "a\0b" }, "data.text holds a NUL character (\\u0000)"],
    [{ ["k\0"]: 1 }, "data has a key that holds a NUL character (\\u0000)"],
    [{ text: "\ud83d alone" }, "data.text holds half of a surrogate pair"],
    [{ text: "\ude82" }, "data.text holds half of a surrogate pair"],
    [
      { n: 2 ** 53 },
      "data.n is 9007199254740992, a whole number beyond ±(2^53 − 1), which is not exact; store it as text"
    ],
    [nested(200), `data${"[0]".repeat(100)} is nested more than 100 deep`],
    ["x".repeat(1_048_575), "data is 1048577 bytes of JSON; at most 1048576 are stored in an event"],
    ["é".repeat(524_288), "data is 1048578 bytes of JSON; at most 1048576 are stored in an event"]
  ])("is refused with the path to the fault (%#)", (data, expected) => {
    assert.strictEqual(reason(careless(data)), expected)
  })

  it.each<[Partial<Append>, string]>([
    [{ stream: "" }, "stream is empty"],
    [{ stream: "é".repeat(257) }, "stream is 514 bytes; at most 512 are stored"],
    [{ stream: "a\0" }, "stream holds a NUL character (\\u0000)"],
    [{ actor: "x".repeat(257) }, "actor is 257 bytes; at most 256 are stored"],
    [{ events: [{ type: "T".repeat(101), data: 1 }] }, "type is 101 bytes; at most 100 are stored"],
    [{ commandId: "one" }, "commandId is not a UUID"],
    [{ correlationId: "one" }, "correlationId is not a UUID"],
    [{ causationId: 0 }, "causationId is not a position"],
    [{ expected: -1 }, "expected is not a version"],
    [{ expected: 1.5 }, "expected is not a version"],
    [{ reject: "no" }, "a rejection cannot carry events"],
    [{ reject: "n\0", events: [] }, "reject holds a NUL character (\\u0000)"],
    [
      { events: Array.from({ length: 1_001 }, () => ({ type: "T", data: 1 })) },
      "1001 events; at most 1000 are appended at once"
    ],
    [
      { events: Array.from({ length: 17 }, () => ({ type: "T", data: "x".repeat(1_048_000) })) },
      "the events together are 17820386 bytes; at most 16777216 are appended at once"
    ]
  ])("may also be the envelope's fault (%#)", (overrides, expected) => {
    assert.strictEqual(reason(careless(1, overrides)), expected)
  })

  it.live("writes nothing and names the stream and the type", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      const error = yield* Effect.flip(log.append(careless({ a: Number.NaN })))
      assert.strictEqual(error.message, "Happened on a cannot be stored: data.a is NaN, which JSON cannot hold")
      assert.strictEqual(yield* log.head, 0)
    }).pipe(Effect.provide(LogTest))
  )
})

describe("a payload that is taken", () => {
  const odd: ReadonlyArray<Schema.Json> = [
    null,
    "",
    0,
    -1.5e-300,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_VALUE,
    [],
    {},
    JSON.parse('{"__proto__": 1, "": 2, "constructor": null}'),
    "\u0001\u001f\u007f\u2028\u2029\ufeff\uffff",
    "🚂👩‍🚀 e\u0301 \\ \" ' {a,b} NULL \\x00 \\u0000 $1 \r\n\t",
    { deep: { list: [[[{ a: [null, true] }]]] } },
    "x".repeat(9_000),
    { big: "é🚂".repeat(150_000) }
  ]
  it.live("comes back unchanged, from 0 bytes to 900 kB, and can be read by SQL", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* Effect.forEach(odd, (data, n) => log.append(careless(data, { stream: `s${n}` })), {
        concurrency: "unbounded"
      })
      const back = yield* log.read({})
      assert.lengthOf(back, odd.length)
      for (const event of back) assert.deepStrictEqual(event.data, odd[Number(event.stream.slice(1))])
      const db = yield* Db
      yield* db.query("cast", (sql) => sql`select data::jsonb from log.event`)
      assert.isTrue((yield* log.verify()).ok)
    }).pipe(Effect.provide(LogTest))
  )

  it.effect.prop("is any JSON, byte for byte", [Schema.Json], ([data]) =>
    Effect.sync(() => {
      const result = toStorable(careless(data))
      if (Result.isSuccess(result)) assert.strictEqual(result.success.payloads[0], JSON.stringify(data))
      else assert.match(result.failure.reason, /surrogate|NUL|beyond|nested/)
    })
  )
})
