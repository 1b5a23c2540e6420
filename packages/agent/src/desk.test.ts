import { generateKeyPairSync, randomUUID } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { argsHash, signGrant, signRelease, type CommandRequest } from "@signalbox/core/agent/grant.ts"
import { resultLimit, type AgentMessage, type CommandResult, type Grant } from "@signalbox/core/agent/protocol.ts"
import { eventually } from "../../../test/support/eventually.ts"
import { capabilities } from "./config.ts"
import { makeDesk, type Desk } from "./desk.ts"
import type { Performed, Performers, Performing } from "./perform/Performer.ts"
import { openReceipts, type Receipts } from "./receipts.ts"

const { privateKey, publicKey } = generateKeyPairSync("ed25519")
const allPerformers = ["service.restart", "service.status", "shell.run", "log.query", "package.install"]

interface Doing {
  readonly what: string
  readonly of: Performing
  readonly end: (performed: Performed) => void
  readonly fail: (cause: Error) => void
}

let directory = ""
let receipts: Receipts
let now = 1_000_000
let doing: Array<Doing> = []
let told: Array<AgentMessage> = []
let desk: Desk
/** Commands whose change was restored by itself after it had ended well. */
const restored = new Set<string>()

const perform = (what: string, of: Performing): Promise<Performed> =>
  new Promise((end, fail) => doing.push({ what, of, end, fail }))
const performers: Partial<Performers> = {
  "service.restart": ({ unit }, of) => perform(unit, of),
  "log.query": (_, of) => perform("log", of),
  "package.install": ({ names }, of) => perform(names.join(" "), of),
  "service.status": ({ unit }, of) => perform(unit, of),
  "shell.run": ({ command }, of) => perform(command, of)
}
const done: Performed = { outcome: "succeeded", summary: "done", data: null, proven: true }

const open = async (): Promise<void> => {
  receipts = await openReceipts(join(directory, "receipts.jsonl"), { now: () => now })
  desk = makeDesk({
    agentId: "a1",
    hubKey: publicKey,
    privilege: "root",
    capabilities: capabilities({ allows: [] }, allPerformers),
    performers,
    receipts,
    aftermath: {
      release: (commandId) => Promise.resolve(!restored.has(commandId)),
      interrupted: () => Promise.resolve(undefined),
      since: (commandId, ended) =>
        Promise.resolve(restored.has(commandId) ? { ...ended, outcome: "rolled-back", proven: false } : ended)
    },
    now: () => now
  })
  told = []
  doing = []
  desk.attach((message) => told.push(message))
}
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "desk-"))
  now = 1_000_000
  await open()
})
afterEach(async () => {
  for (const one of doing) one.end(done)
  await desk.stop()
  await receipts.close()
  await rm(directory, { recursive: true, force: true })
})

const command = (action: string, args: CommandRequest["args"], grant: Partial<Grant> = {}): CommandRequest => {
  const commandId = grant.commandId ?? randomUUID()
  const signed: Grant = {
    v: 1,
    commandId,
    agentId: "a1",
    planId: "p-20261121-ABCDEF",
    planHash: "0".repeat(64),
    action,
    argsHash: argsHash(args),
    notBefore: now,
    expiresAt: now + 60_000,
    timeoutMs: 60_000,
    ...grant
  }
  return {
    _tag: "command_request",
    commandId,
    action,
    args,
    timeoutMs: signed.timeoutMs,
    grant: signed,
    signature: signGrant(signed, privateKey)
  }
}
const restart = (unit: string, grant?: Partial<Grant>) => command("service.restart", { unit }, grant)
const results = (): ReadonlyArray<CommandResult> => told.flatMap((one) => (one._tag === "command_result" ? [one] : []))
const resultOf = (id: string) =>
  eventually(`a result of ${id}`, () => results().findLast((one) => one.commandId === id))
const begun = (count: number) => eventually(`${count} begun`, () => doing.length >= count && doing[count - 1])
const reasonOf = (result: CommandResult): unknown =>
  typeof result.data === "object" && result.data !== null && "reason" in result.data ? result.data["reason"] : undefined

describe("the desk", () => {
  it("carries out what was granted, once, and says how it ended", async () => {
    const asked = restart("nginx.service")
    desk.request(asked)
    desk.request(asked) // told twice while it runs
    ;(await begun(1)).end(done)
    const result = await resultOf(asked.commandId)
    assert.deepStrictEqual([result.outcome, result.summary, result.proven], ["succeeded", "done", true])
    desk.request(asked) // and after
    await eventually("the old result again", () => results().length === 2)
    assert.deepStrictEqual(results()[1], results()[0])
    assert.lengthOf(doing, 1)
    assert.strictEqual(told[0]?._tag, "command_accepted")
  })

  it("refuses with the reason, does nothing, and takes the true command afterwards", async () => {
    const good = restart("nginx.service")
    const wrong: ReadonlyArray<readonly [string, CommandRequest]> = [
      ["not-signed", { ...good, signature: signGrant(good.grant, generateKeyPairSync("ed25519").privateKey) }],
      ["other-agent", restart("nginx.service", { agentId: "a2", commandId: good.commandId })],
      ["other-arguments", { ...good, args: { unit: "sshd.service" } }],
      ["other-action", { ...good, action: "service.stop" }],
      ["other-arguments", { ...good, timeoutMs: 1 }], // an act that would be ended in its middle
      ["other-command", { ...good, commandId: randomUUID() }],
      ["too-early", restart("nginx.service", { notBefore: now + 120_000, commandId: good.commandId })],
      ["not-understood", command("service.restart", { unit: "-x" })],
      ["not-understood", command("service.explode", {})],
      ["not-understood", command("service.restart", { unit: "nginx.service", force: true })],
      ["not-allowed", command("shell.run", { command: "id" })],
      ["not-allowed", command("service.status", { unit: "nginx.service" })], // not root's
      ["not-allowed", command("system.reboot", {})]
    ]
    for (const [reason, asked] of wrong) {
      const before = results().length
      desk.request(asked)
      const refused = await eventually("the refusal", () => results()[before])
      assert.deepStrictEqual(
        [refused.outcome, reasonOf(refused), refused.commandId],
        ["refused", reason, asked.commandId]
      )
    }
    assert.lengthOf(doing, 0)
    desk.request(good)
    ;(await begun(1)).end(done)
    assert.strictEqual(
      (await eventually("its result", () => results().find((one) => one.outcome === "succeeded"))).commandId,
      good.commandId
    )
  })

  it("refuses the same id with other content, before, while and after it runs", async () => {
    const good = restart("nginx.service")
    const other = restart("redis.service", { commandId: good.commandId })
    desk.request(good)
    desk.request(other)
    assert.strictEqual(reasonOf(await resultOf(good.commandId)), "other-content")
    ;(await begun(1)).end(done)
    await eventually("its end", () => results().find((one) => one.outcome === "succeeded"))
    desk.acknowledge(good.commandId)
    desk.request(other)
    await eventually("refused again", () => results().filter((one) => reasonOf(one) === "other-content").length === 2)
    assert.lengthOf(doing, 1)
  })

  it("never begins late, not even when it had to wait for its turn", async () => {
    const late = restart("nginx.service", { expiresAt: now - 1 })
    desk.request(late)
    assert.strictEqual((await resultOf(late.commandId)).outcome, "expired")
    const first = restart("nginx.service")
    const second = restart("nginx.service", { expiresAt: now + 10 })
    desk.request(first)
    desk.request(second)
    const running = await begun(1)
    now += 11
    running.end(done)
    assert.strictEqual((await resultOf(second.commandId)).outcome, "expired")
    assert.lengthOf(doing, 1)
  })

  it("lets acts on one thing wait for each other, on different things not, and reads never", async () => {
    const [a1, a2, b] = [restart("a.service"), restart("a.service"), restart("b.service")]
    for (const one of [a1, a2, b, command("log.query", {})]) desk.request(one)
    await begun(3)
    assert.deepStrictEqual(doing.map(({ what }) => what).toSorted(), ["a.service", "b.service", "log"])
    doing.find(({ of }) => of.commandId === a1.commandId)?.fail(new Error("it broke"))
    const broken = await resultOf(a1.commandId)
    assert.deepStrictEqual([broken.outcome, broken.summary.includes("it broke")], ["unknown", true])
    assert.strictEqual((await begun(4)).of.commandId, a2.commandId)
  })

  it("says unknown of an act whose end was not seen, and failed of a read", async () => {
    const [act, read] = [restart("a.service", { timeoutMs: 1 }), command("log.query", {}, { timeoutMs: 1 })]
    desk.request(act)
    desk.request(read)
    await begun(2)
    for (const { of, fail } of doing)
      if (of.signal.aborted) fail(new Error("aborted"))
      else of.signal.addEventListener("abort", () => fail(new Error("aborted")))
    const [acted, looked] = [await resultOf(act.commandId), await resultOf(read.commandId)]
    assert.deepStrictEqual([acted.outcome, looked.outcome], ["unknown", "failed"])
    assert.match(acted.summary, /not done in 0\.001 s/u)
  })

  it("repeats results to whoever listens next until they are acknowledged, a few at a time", async () => {
    desk.attach(undefined)
    const asked = Array.from({ length: 12 }, (_, n) => restart(`u${n}.service`))
    for (const one of asked) desk.request(one)
    await begun(12)
    for (const one of doing) one.end(done)
    await eventually("all on the disk", () => receipts.unacknowledged().length === 12)
    desk.attach((message) => told.push(message))
    await eventually("the first ones", () => results().length === 8)
    for (let n = 0; n < 12; n++) desk.acknowledge((await eventually("one more", () => results()[n])).commandId)
    await eventually("nothing is left", () => desk.idle() && receipts.unacknowledged().length === 0)
    assert.strictEqual(new Set(results().map((one) => one.commandId)).size, 12)
    desk.attach((message) => told.push(message))
    assert.lengthOf(results(), 12)
  })

  it("asks before it tells a result again whether that still holds", async () => {
    const asked = restart("sshd.service")
    desk.request(asked)
    ;(await begun(1)).end(done)
    assert.strictEqual((await resultOf(asked.commandId)).outcome, "succeeded")
    restored.add(asked.commandId)
    desk.attach((message) => told.push(message))
    await eventually("told again", () => results().length === 2)
    assert.deepStrictEqual([results()[1]?.outcome, results()[1]?.proven], ["rolled-back", false])
  })

  it("says that a guard is off, and where that came too late what became of the change", async () => {
    const [kept, late] = [restart("a.service"), restart("b.service")]
    for (const one of [kept, late]) {
      desk.request(one)
      ;(await eventually("it runs", () => doing.find(({ of }) => of.commandId === one.commandId))).end(done)
      await resultOf(one.commandId)
    }
    restored.add(late.commandId)
    for (const { commandId } of [kept, late])
      desk.release({
        _tag: "guard_released",
        commandId,
        signature: signRelease({ agentId: "a1", commandId }, privateKey)
      })
    await eventually("told again", () => results().length === 3)
    assert.deepStrictEqual([results()[2]?.commandId, results()[2]?.outcome], [late.commandId, "rolled-back"])
    assert.deepStrictEqual(
      told.filter((one) => one._tag === "guard_off"),
      [{ _tag: "guard_off", commandId: kept.commandId }]
    )
  })

  describe("after the answer of an act", () => {
    const relapse = { summary: "it fell over", data: { active: "failed" } }
    const relapses = () => told.filter((one) => one._tag === "command_relapsed")
    /** Answered, and looked after since; @returns its id, the signal of the look, and what ends it */
    const lookedAfter = async (unit: string) => {
      const asked = restart(unit)
      desk.request(asked)
      const running = await eventually("it runs", () => doing.find(({ of }) => of.commandId === asked.commandId))
      let signal: AbortSignal | undefined
      let fall: ((of: typeof relapse | undefined) => void) | undefined
      running.end({
        ...done,
        afterwards: (of) => {
          signal = of
          return new Promise((resolve) => (fall = resolve))
        }
      })
      const result = await resultOf(asked.commandId)
      assert.deepStrictEqual([result.outcome, "afterwards" in result], ["succeeded", false])
      return { id: asked.commandId, fall: (of?: typeof relapse) => fall?.(of), left: () => signal?.aborted === true }
    }

    it("tells that what was well fell over, when the hub has the result, until it has that as well", async () => {
      const { id, fall } = await lookedAfter("a.service")
      assert.isFalse(desk.idle())
      fall(relapse)
      desk.attach((message) => told.push(message))
      await eventually("the result again", () => results().length === 2)
      assert.deepStrictEqual(relapses(), []) // whoever does not have the result cannot make anything of it
      desk.acknowledge(id)
      await eventually("the relapse", () => relapses().length === 1)
      assert.deepInclude(relapses()[0], { commandId: id, ...relapse })
      desk.attach((message) => told.push(message))
      assert.lengthOf(relapses(), 2)
      desk.relapseHeard(id)
      desk.attach((message) => told.push(message))
      assert.lengthOf(relapses(), 2)
      await eventually("nothing is left", () => desk.idle())
    })

    it("looks no longer when the same is acted on anew, and the next act did not wait for the look", async () => {
      const first = await lookedAfter("a.service")
      const other = await lookedAfter("b.service")
      desk.acknowledge(first.id)
      const second = await lookedAfter("a.service")
      assert.deepStrictEqual([first.left(), other.left(), second.left()], [true, false, false])
      first.fall(relapse) // what it saw then was the second one's doing
      other.fall()
      second.fall()
      desk.acknowledge(second.id)
      desk.acknowledge(other.id)
      await eventually("nothing is left", () => desk.idle())
      assert.deepStrictEqual(relapses(), [])
    })
  })

  it("keeps the result of an act over its own end, and of a read not", async () => {
    const [act, read] = [restart("a.service"), command("log.query", {})]
    desk.request(act)
    desk.request(read)
    await begun(2)
    for (const one of doing) one.end(done)
    await eventually("both told", () => results().length === 2)
    await desk.stop()
    await receipts.close()
    await open()
    await eventually("the act's result again", () => results().length === 1)
    assert.strictEqual(results()[0]?.commandId, act.commandId)
    desk.request(read)
    await begun(1) // read anew
  })

  it("carries nothing out when no receipt can be written", async () => {
    await receipts.close()
    const asked = restart("a.service")
    desk.request(asked)
    const result = await resultOf(asked.commandId)
    assert.deepStrictEqual([result.outcome, reasonOf(result)], ["refused", "no-receipt"])
    assert.lengthOf(doing, 0)
    await open()
  })

  it("cuts what is too long for a frame and says so", async () => {
    const asked = command("log.query", {})
    desk.request(asked)
    ;(await begun(1)).end({ ...done, summary: "s".repeat(9_000), data: ['é"'.repeat(resultLimit)] })
    const result = await resultOf(asked.commandId)
    assert.isTrue(result.truncated)
    assert.isAtMost(Buffer.byteLength(JSON.stringify(result.data)), resultLimit)
    assert.lengthOf(result.summary, 2_000)
  })

  it("begins nothing more when it stops, and waits for what runs", async () => {
    desk.request(restart("a.service"))
    desk.request(restart("a.service"))
    const running = await begun(1)
    const stopped = desk.stop()
    desk.request(restart("b.service"))
    running.end(done)
    await stopped
    assert.lengthOf(doing, 1)
    assert.lengthOf(results(), 1)
  })
})
