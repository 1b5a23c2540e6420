import { createHash } from "node:crypto"
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import type { CommandResult } from "@signalbox/core/agent/protocol.ts"
import { openReceipts } from "./receipts.ts"

const day = 86_400_000
/** The same for the same name. */
const uuid = (name: string): string =>
  createHash("sha256")
    .update(name)
    .digest("hex")
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/u, "$1-$2-4$3-8$4-$5")
let directory = ""
let path = ""
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "receipts-"))
  path = join(directory, "receipts.jsonl")
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const result = (commandId: string, at = 1): CommandResult => ({
  commandId,
  outcome: "succeeded",
  summary: "done",
  data: { lines: ["ä\n", "b"] },
  proven: true,
  startedAt: at,
  finishedAt: at
})

describe("receipts", () => {
  it("give back a result after the process has ended, until it is acknowledged and after", async () => {
    const first = await openReceipts(path)
    await Promise.all([
      first.begin(uuid("a"), "da", "service.restart"),
      first.begin(uuid("b"), "db", "service.restart")
    ])
    await first.end("da", result(uuid("a")))
    await first.end("db", result(uuid("b")))
    await first.acknowledge(uuid("b"))
    await first.close()
    const second = await openReceipts(path)
    assert.deepStrictEqual(second.unacknowledged(), [uuid("a")])
    assert.deepStrictEqual(await second.result(uuid("a")), result(uuid("a")))
    assert.deepStrictEqual(await second.result(uuid("b")), result(uuid("b")))
    assert.strictEqual(second.find(uuid("b"))?.digest, "db")
    assert.isUndefined(second.find(uuid("c")))
    await second.close()
  })

  it("say that nobody knows of what was begun and has no end, once and for all", async () => {
    const first = await openReceipts(path, { now: () => 7 })
    await first.begin(uuid("a"), "da", "service.restart")
    await first.close()
    for (const when of [8, 9]) {
      const again = await openReceipts(path, { now: () => when })
      const ended = await again.result(uuid("a"))
      assert.strictEqual(ended?.outcome, "unknown")
      assert.match(ended?.summary ?? "", /nobody can tell/u)
      assert.deepStrictEqual([ended?.startedAt, ended?.finishedAt], [7, 8])
      assert.deepStrictEqual(again.unacknowledged(), [uuid("a")])
      await again.close()
    }
  })

  it("ask whoever can judge what was begun, with the boot in which it began", async () => {
    const first = await openReceipts(path, { now: () => 7, bootId: "one" })
    await first.begin(uuid("r"), "dr", "system.reboot")
    await first.begin(uuid("s"), "ds", "service.restart")
    await first.close()
    const asked: Array<unknown> = []
    const again = await openReceipts(path, {
      now: () => 9,
      bootId: "two",
      judge: async (id, unfinished) => {
        asked.push([id, unfinished])
        return unfinished.action === "system.reboot"
          ? { outcome: "succeeded", summary: "It is back.", data: { after: "two" }, proven: true }
          : undefined
      }
    })
    assert.deepStrictEqual(asked, [
      [uuid("r"), { action: "system.reboot", bootId: "one", startedAt: 7 }],
      [uuid("s"), { action: "service.restart", bootId: "one", startedAt: 7 }]
    ])
    assert.deepStrictEqual(await again.result(uuid("r")), {
      commandId: uuid("r"),
      outcome: "succeeded",
      summary: "It is back.",
      data: { after: "two" },
      proven: true,
      startedAt: 7,
      finishedAt: 9
    })
    assert.strictEqual((await again.result(uuid("s")))?.outcome, "unknown")
    await again.close()
  })

  it("pass over a last line that was torn at any byte, and write over it", async () => {
    const first = await openReceipts(path)
    await first.begin(uuid("a"), "da", "service.restart")
    await first.end("da", result(uuid("a")))
    await first.close()
    const whole = await readFile(path)
    const lastLine = whole.subarray(whole.indexOf(10) + 1)
    for (let length = 0; length < lastLine.length; length += 7) {
      await writeFile(path, Buffer.concat([whole, lastLine.subarray(0, length)]))
      const again = await openReceipts(path)
      await again.begin(uuid("b"), "db", "service.restart")
      await again.close()
      const read = await openReceipts(path)
      assert.deepStrictEqual(
        [(await read.result(uuid("a")))?.outcome, (await read.result(uuid("b")))?.outcome],
        ["succeeded", "unknown"]
      )
      await read.close()
    }
    await writeFile(path, whole.subarray(0, whole.length - 1)) // the end of uuid("a") itself was torn: it had begun
    const torn = await openReceipts(path)
    assert.strictEqual((await torn.result(uuid("a")))?.outcome, "unknown")
    await torn.close()
  })

  it("damaged in the middle, stop the agent with the mend", async () => {
    await writeFile(
      path,
      '{"_tag":"began","id":"a","at":1,"digest":"d","action":"x","bootId":""}\n{"_tag":"beg\n{"_tag":"began","id":"b","at":1,"digest":"d","action":"x","bootId":""}\n'
    )
    const failed = await openReceipts(path).then(
      () => undefined,
      (cause: unknown) => cause
    )
    assert.match(String(failed), /damaged at byte 71.*Move the file away/u)
  })

  it("keep results for 30 days, ids for a year, and what the hub has not heard for ever", async () => {
    const first = await openReceipts(path, { now: () => 0 })
    for (const id of [uuid("a"), uuid("b"), uuid("heard-not")]) {
      await first.begin(id, `d${id}`, "service.restart")
      await first.end(`d${id}`, result(id, 0))
    }
    await first.acknowledge(uuid("a"))
    await first.acknowledge(uuid("b"))
    await first.close()
    const size = (await stat(path)).size

    const young = await openReceipts(path, { now: () => 30 * day })
    assert.deepStrictEqual(await young.result(uuid("a")), result(uuid("a"), 0))
    await young.close()
    assert.strictEqual((await stat(path)).size, size)

    const month = await openReceipts(path, { now: () => 30 * day + 1 })
    const remembered = await month.result(uuid("a"))
    assert.deepStrictEqual([remembered?.outcome, remembered?.data], ["succeeded", null])
    assert.strictEqual(month.find(uuid("a"))?.digest, `d${uuid("a")}`)
    assert.deepStrictEqual(await month.result(uuid("heard-not")), result(uuid("heard-not"), 0))
    await month.begin(uuid("later"), "dl", "service.restart")
    await month.end("dl", result(uuid("later"), 30 * day + 1))
    await month.close()
    assert.isBelow((await stat(path)).size, size)

    const years = await openReceipts(path, { now: () => 800 * day })
    assert.isUndefined(years.find(uuid("a")))
    assert.deepStrictEqual(years.unacknowledged(), [uuid("heard-not"), uuid("later")])
    assert.deepStrictEqual(await years.result(uuid("later")), result(uuid("later"), 30 * day + 1))
    await years.close()
  })

  it("are readable by their owner only", async () => {
    await (await openReceipts(path)).close()
    assert.strictEqual((await stat(path)).mode & 0o777, 0o600)
  })

  it("of a hundred at once are all there", async () => {
    const receipts = await openReceipts(path)
    const ids = Array.from({ length: 100 }, (_, n) => uuid(`id${n}`))
    await Promise.all(
      ids.map((id) => receipts.begin(id, "d", "service.restart").then(() => receipts.end("d", result(id))))
    )
    for (const id of ids) assert.deepStrictEqual(await receipts.result(id), result(id))
    await receipts.close()
    const again = await openReceipts(path)
    assert.deepStrictEqual([...again.unacknowledged()].toSorted(), ids.toSorted())
    await again.close()
  })
})
