import { assert, describe, it } from "@effect/vitest"
import { makeWatchParser, type WatchRecord } from "./watch-record.ts"

const boot = "01234567-89ab-cdef-0123-456789abcdef"
const body = "zug 🚂\nP fake 1\n.\n"
const size = Buffer.byteLength(body)
const wire = Buffer.from(
  `motd without newline\n@signalbox\nP t-1 17 99 ${boot} 16\nD t-1 out 6 ${size}\n${body}\n.\nT t-1 err 0\nD t-1 err 0 1\n\n\nX t-1 3 1763642000\n`
)
const expected: ReadonlyArray<WatchRecord> = [
  { _tag: "Started", id: "t-1", pid: 17, bootId: boot },
  { _tag: "Output", id: "t-1", stream: "out", offset: 6, bytes: Buffer.from(body) },
  { _tag: "Beat" },
  { _tag: "Truncated", id: "t-1", stream: "err", size: 0 },
  { _tag: "Output", id: "t-1", stream: "err", offset: 0, bytes: Buffer.from("\n") },
  { _tag: "Exited", id: "t-1", code: 3, at: 1763642000 }
]
const plain = (records: ReadonlyArray<WatchRecord>) =>
  records.map((one) => (one._tag === "Output" ? { ...one, bytes: Buffer.from(one.bytes).toString() } : one))

describe("the watcher's protocol", () => {
  it("reads the same records however the bytes are cut", () => {
    for (let cut = 1; cut <= wire.length; cut += 1) {
      const parse = makeWatchParser()
      const records: Array<WatchRecord> = []
      for (let at = 0; at < wire.length; at += cut) {
        const { problem, records: some } = parse(wire.subarray(at, at + cut))
        assert.isUndefined(problem)
        records.push(...some)
      }
      assert.deepEqual(plain(records), plain(expected), `in pieces of ${cut}`)
    }
  })
  it("passes whole output on without a copy", () => {
    const [, output] = makeWatchParser()(wire).records
    assert.strictEqual(output?._tag === "Output" ? output.bytes.buffer : undefined, wire.buffer)
  })
  it("stops at what is not of the protocol, and stays stopped", () => {
    const bad: ReadonlyArray<string> = [
      "hello\n",
      "D t-1 out 0 5\nabcdefgh\n",
      "D t-1 out 0 1048577\n",
      "D ../x out 0 1\n",
      "D t-1 log 0 1\n",
      "D t-1 out -1 1\n",
      "X t-1 256 1\n",
      "X t-1 0\n",
      "P t-1 1 2 3 4\n",
      "T t-1 out\n",
      "Z\n",
      "\n",
      "x".repeat(2000)
    ]
    for (const text of bad) {
      const parse = makeWatchParser()
      const { problem } = parse(Buffer.from(`@signalbox\n${text}`))
      assert.isDefined(problem, text)
      assert.deepEqual(parse(Buffer.from(".\n")), { records: [], problem: problem! })
    }
    assert.isDefined(makeWatchParser()(Buffer.alloc(70_000, "noise\n")).problem)
    assert.isDefined(makeWatchParser()(Buffer.alloc(70_000, "n")).problem)
  })
})
