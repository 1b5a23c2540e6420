import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import { decodeAll, makeEventTypes } from "./Event.ts"

/** v1 {name: "Ana Lima"} → v2 {first, last} → v3 {person: {first, last}, nickname} */
const Greeting = Schema.TaggedUnion({
  Greeted: {
    person: Schema.Struct({ first: Schema.String, last: Schema.String }),
    nickname: Schema.NullOr(Schema.String)
  },
  Left: { at: Schema.DateTimeUtcFromString }
})
const types = makeEventTypes<typeof Greeting.Type>({
  schema: Greeting,
  types: ["Greeted", "Left"],
  upcasts: {
    Greeted: {
      version: 3,
      steps: {
        1: ({ name, ...rest }) => {
          const [first = "", last = ""] = String(name).split(" ")
          return { ...rest, first, last }
        },
        2: ({ first = "", last = "", ...rest }) => ({ ...rest, person: { first, last }, nickname: null })
      }
    }
  }
})
const decode = (type: string, data: Schema.Json) => types.decode({ position: 7, type, data })
const ana = { _tag: "Greeted" as const, person: { first: "Ana", last: "Lima" }, nickname: null }
const reason = (result: ReturnType<typeof decode>) => (Result.isFailure(result) ? result.failure.message : "decoded")

describe("event types", () => {
  it("lift payloads of every older version to the present one", () => {
    assert.deepStrictEqual(decode("Greeted", { name: "Ana Lima" }), Result.succeed(ana))
    assert.deepStrictEqual(decode("Greeted", { v: 2, first: "Ana", last: "Lima" }), Result.succeed(ana))
    assert.deepStrictEqual(
      decode("Greeted", { v: 3, person: { first: "Ana", last: "Lima" }, nickname: null }),
      Result.succeed(ana)
    )
  })

  it("write the present version, and read back what they wrote", () => {
    const written = types.encode(ana)
    assert.deepStrictEqual(written, {
      type: "Greeted",
      data: { v: 3, person: { first: "Ana", last: "Lima" }, nickname: null }
    })
    assert.deepStrictEqual(decode(written.type, written.data), Result.succeed(ana))
  })

  it("skip a type that the room does not know", () => {
    assert.deepStrictEqual(decode("Sneezed", { loud: true }), Result.succeed(undefined))
  })

  it("name the event that does not fit: damage, a newer writer, a broken step", () => {
    assert.match(reason(decode("Left", { at: "yesterday" })), /^event 7 \(Left\) does not fit its schema: /)
    assert.match(reason(decode("Left", "text")), /its payload is not an object/)
    assert.match(reason(decode("Greeted", { v: 4 })), /it has version 4, this program knows 3: update this program/)
    assert.match(reason(decode("Left", { v: 2, at: "2026-11-20T00:00:00Z" })), /it has version 2, this program knows 1/)
    assert.match(reason(decode("Greeted", { v: "x" })), /its version cannot be read/)
    const gap = makeEventTypes<typeof Greeting.Type>({
      schema: Greeting,
      types: ["Greeted"],
      upcasts: { Greeted: { version: 2, steps: {} } }
    })
    assert.match(reason(gap.decode({ position: 7, type: "Greeted", data: {} })), /nothing leads from version 1 to 2/)
  })

  it("refuse a field that would be taken for the version", () => {
    const Versioned = Schema.TaggedUnion({ Measured: { v: Schema.Number } })
    const measured = makeEventTypes<typeof Versioned.Type>({ schema: Versioned, types: ["Measured"] })
    assert.throws(() => measured.encode({ _tag: "Measured", v: 1 }), /Measured has a field v/)
  })

  it.effect("decode a page, or stop at its first fault", () =>
    Effect.gen(function* () {
      const recorded = (position: number, type: string, data: Schema.Json) => ({
        position,
        type,
        data,
        stream: "s",
        version: position,
        actor: "hub",
        commandId: "",
        correlationId: "",
        causationId: null,
        at: "",
        hash: ""
      })
      const good = [recorded(1, "Greeted", { name: "Ana Lima" }), recorded(2, "Sneezed", {})]
      assert.deepStrictEqual(yield* decodeAll(types, good), [ana])
      const error = yield* Effect.flip(decodeAll(types, [...good, recorded(3, "Left", {}), recorded(4, "Left", {})]))
      assert.deepStrictEqual([error._tag, error.position], ["EventNotDecodable", 3])
    })
  )
})
