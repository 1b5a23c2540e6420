import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { outputPieceLimit } from "@signalbox/core/task/output.ts"
import type { WatchRecord } from "../host/watch-record.ts"
import { takePieces } from "./records.ts"

type Fact = Exclude<WatchRecord, { readonly _tag: "Beat" }>
const id = "task-20261120-143022-abc123"
const output = (stream: "out" | "err", offset: number, text: string): Fact => ({
  _tag: "Output",
  id,
  stream,
  offset,
  bytes: new TextEncoder().encode(text)
})
const started: Fact = { _tag: "Started", id, pid: 1, bootId: "0a1b2c3d-0000-4000-8000-000000000000" }
const exited: Fact = { _tag: "Exited", id, code: 0, at: 1 }

const taken = (list: Array<Fact>) =>
  takePieces(list).map((piece) => [piece.stream, piece.fromByte, Buffer.from(piece.bytes).toString()])

describe("the pieces of a task", () => {
  it.effect("are all the bytes up to the next fact, joined by stream where they follow on", () =>
    Effect.sync(() => {
      const list = [
        output("out", 5, "ab"),
        output("err", 0, "oh"),
        output("out", 7, "c"),
        exited,
        output("out", 8, "d")
      ]
      assert.deepStrictEqual(taken(list), [
        ["out", 5, "abc"],
        ["err", 0, "oh"]
      ])
      assert.deepStrictEqual(list.slice(0, 1), [exited])
      assert.deepStrictEqual([taken(list), list.length], [[], 2])
      assert.deepStrictEqual(taken([started, output("out", 0, "a")]), [])
      assert.deepStrictEqual(taken([]), [])
    })
  )

  it.effect("never hold a stream twice: what does not follow on waits, as does what is too much", () =>
    Effect.sync(() => {
      const list = [output("out", 5, "ab"), output("out", 0, "anew"), output("err", 0, "x")]
      assert.deepStrictEqual(taken(list), [["out", 5, "ab"]])
      assert.deepStrictEqual(taken(list), [
        ["out", 0, "anew"],
        ["err", 0, "x"]
      ])
      const half = outputPieceLimit / 2
      const large = [0, 1, 2].map((n) => output("out", n * half, "x".repeat(half)))
      assert.deepStrictEqual(
        [takePieces(large), takePieces(large)].map((pieces) => pieces.map((piece) => piece.bytes.length)),
        [[outputPieceLimit], [half]]
      )
    })
  )
})
