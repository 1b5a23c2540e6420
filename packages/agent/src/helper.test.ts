/** Root's helper and the unprivileged process together, with acts that leave a line in a journal. */
import { generateKeyPairSync, randomUUID } from "node:crypto"
import { chmodSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { withProcesses } from "../../../test/support/agent-hooks.ts"
import { AgentProcesses, execute } from "../../../test/support/agent-processes.ts"
import { eventually } from "../../../test/support/eventually.ts"

let host: AgentProcesses
withProcesses((one) => {
  host = one
})

describe("the agent with root's helper", () => {
  it("carries out an act at most once when the helper is killed in the middle: it is unknown", async () => {
    const { helper } = await host.both()
    const asked = host.hub.request("service.restart", { unit: "nginx.service" })
    host.hub.send(asked)
    await eventually("it began", () => host.begins("nginx.service").length === 1)
    helper.child.kill("SIGKILL")
    await helper.ended
    host.part("helper")
    const result = await host.hub.result(asked.commandId)
    assert.strictEqual(result.outcome, "unknown")
    host.open("nginx.service")
    host.hub.send(asked) // a hub that tells it again gets the same
    await eventually("the same again", () => host.hub.resultsOf(asked.commandId).length >= 2) // twice, if it was told again on the way
    for (const again of host.hub.resultsOf(asked.commandId)) assert.deepStrictEqual(again, result)
    assert.lengthOf(host.begins("nginx.service"), 1)
  })

  it("goes on when only the unprivileged process is killed, and the hub hears the end from the next one", async () => {
    const { agent } = await host.both()
    const asked = host.hub.request("service.restart", { unit: "nginx.service" })
    host.hub.send(asked)
    await eventually("it began", () => host.begins("nginx.service").length === 1)
    agent.child.kill("SIGKILL")
    await agent.ended
    host.open("nginx.service")
    await eventually("it ended", () => host.written().length === 2)
    assert.lengthOf(host.hub.resultsOf(asked.commandId), 0)
    host.part("run")
    assert.strictEqual((await host.hub.result(asked.commandId)).outcome, "succeeded")
    assert.lengthOf(host.begins("nginx.service"), 1)
  })

  it("repeats a result over reconnects until it is acknowledged, and then no more", async () => {
    await host.both()
    host.hub.acknowledges = false
    host.open("nginx.service")
    const asked = host.hub.request("service.restart", { unit: "nginx.service" })
    host.hub.send(asked)
    await eventually("told once", () => host.hub.resultsOf(asked.commandId).length === 1)
    host.hub.acknowledges = true
    host.hub.cut()
    await eventually("told again", () => host.hub.resultsOf(asked.commandId).length === 2)
    const other = await host.hub.ask("service.restart", { unit: "nginx.service" }) // its acknowledgment comes after the first one's
    host.hub.cut()
    await host.hub.connection(3)
    assert.strictEqual((await host.hub.ask("system.info", {})).outcome, "succeeded")
    const third = await host.hub.ask("service.restart", { unit: "nginx.service" }) // on the helper's new connection: what it repeats came before
    assert.deepStrictEqual([other.outcome, third.outcome], ["succeeded", "succeeded"])
    assert.lengthOf(host.hub.resultsOf(asked.commandId), 2)
    assert.lengthOf(host.begins("nginx.service"), 3)
  })

  it("refuses a stolen grant: at another agent, later, with other arguments, under another id", async () => {
    await host.both()
    host.open("nginx.service")
    const stolen = host.hub.request("service.restart", { unit: "nginx.service" })
    const tries = [
      host.hub.request("service.restart", { unit: "nginx.service" }, { grant: { agentId: "another" } }),
      host.hub.request("service.restart", { unit: "nginx.service" }, { grant: { expiresAt: Date.now() - 1 } }),
      { ...stolen, args: { unit: "sshd.service" } },
      { ...stolen, commandId: host.hub.request("system.info", {}).commandId },
      { ...stolen, guardMillis: 1 }
    ]
    const ends: Array<string> = []
    for (const one of tries) {
      const before = host.hub.messages.length
      host.hub.send(one)
      const result = await eventually("an answer", () =>
        host.hub.messages.slice(before).find((got) => got._tag === "command_result")
      )
      const data = result._tag === "command_result" ? result : undefined
      ends.push(`${data?.outcome} ${JSON.stringify(data?.data)}`)
    }
    assert.deepStrictEqual(ends, [
      'refused {"reason":"other-agent"}',
      "expired null",
      'refused {"reason":"other-arguments"}',
      'refused {"reason":"other-command"}',
      'refused {"reason":"other-arguments"}'
    ])
    assert.lengthOf(host.written(), 0)
  })

  it("carries an act's guard and its release to whoever performs it", async () => {
    await host.both()
    host.open("sshd.service")
    const asked = host.hub.request(
      "service.restart",
      { unit: "sshd.service" },
      { grant: { guardMillis: 90_000 }, after: { guardMillis: 90_000 } }
    )
    host.hub.send(asked)
    assert.strictEqual((await host.hub.result(asked.commandId)).outcome, "succeeded")
    assert.match(host.begins("sshd.service")[0] ?? "", /guard 90000$/u)
    host.hub.release(asked.commandId, generateKeyPairSync("ed25519").privateKey)
    host.hub.release(randomUUID()) // of another command: it is told after the one that is not believed
    await eventually("the other is released", () => host.written().some((line) => line.startsWith("released")))
    assert.isFalse(host.written().includes(`released ${asked.commandId}`))
    host.hub.release(asked.commandId)
    await eventually("the hub knows that it is off", () =>
      host.hub.messages.some((one) => one._tag === "guard_off" && one.commandId === asked.commandId)
    )
    assert.include(host.written(), `released ${asked.commandId}`)
  })

  it("does what its owner allowed and nothing else, and believes no configuration that others can write", async () => {
    host.hub.allows = []
    const { helper, agent } = await host.both()
    const refused = await host.hub.ask("shell.run", { command: "id" })
    assert.deepStrictEqual([refused.outcome, refused.data], ["refused", { reason: "not-allowed" }])
    for (const { child, ended } of [helper, agent]) {
      child.kill("SIGTERM")
      await ended
    }
    host.configure({ allows: ["shell.run"], actions: ["shell.run", "system.info"] })
    const again = host.part("helper")
    await eventually("the helper listens", () => again.said().includes("listens"))
    host.part("run")
    await host.hub.connection(2)
    assert.strictEqual((await host.hub.ask("shell.run", { command: "id" })).outcome, "succeeded")
    assert.strictEqual((await host.hub.ask("service.restart", { unit: "nginx.service" })).outcome, "refused")
    again.child.kill("SIGTERM")
    assert.strictEqual(await again.ended, 0)
    chmodSync(host.configPath, 0o666)
    const distrustful = host.part("helper")
    assert.notStrictEqual(await distrustful.ended, 0)
    assert.match(distrustful.said(), /can be changed by others than root/u)
  })

  it("is not ended by a message that is nested too deep, and what it does goes on", async () => {
    const { helper } = await host.both()
    const asked = host.hub.request("service.restart", { unit: "nginx.service" })
    host.hub.send(asked)
    await eventually("it began", () => host.begins("nginx.service").length === 1)
    const deep = JSON.stringify(host.hub.request("service.restart", { unit: "x.service" })).replace(
      '"x.service"',
      "[".repeat(100_000) + "]".repeat(100_000)
    )
    const raw = connect(join(host.root, "run/signalbox-agent/helper.sock"))
    const closed = new Promise((resolve) => raw.once("close", resolve))
    raw.on("error", () => undefined)
    raw.write(`${deep}\n`)
    await closed
    host.hub.sockets.at(-1)?.send(deep) // and from the hub's side: the connection ends, the agent does not
    await host.hub.connection(2)
    host.open("nginx.service")
    assert.strictEqual((await host.hub.result(asked.commandId)).outcome, "succeeded")
    assert.isNull(helper.child.exitCode)
    assert.lengthOf(host.begins("nginx.service"), 1)
  })

  it("on a disk that is full: what ended is told as it ended, written when there is room, and nothing new begins", async () => {
    await host.enroll()
    // no file may become longer than 512 bytes: the end of a first act does not fit, the beginning of a third one neither
    const helper = host.part("helper", "trap '' XFSZ; ulimit -S -f 1")
    await eventually("the helper listens", () => helper.said().includes("listens"))
    host.part("run")
    await host.hub.connection()
    host.open("nginx.service")
    const ends: Array<string> = []
    const ids: Array<string> = []
    for (let n = 0; n < 3; n++) {
      const { outcome, data, commandId } = await host.hub.ask("service.restart", { unit: "nginx.service" })
      ends.push(`${outcome} ${JSON.stringify(data)}`)
      ids.push(commandId)
    }
    assert.deepStrictEqual(ends, [
      'succeeded {"unit":"nginx.service"}',
      'succeeded {"unit":"nginx.service"}',
      'refused {"reason":"no-receipt"}'
    ])
    assert.lengthOf(host.begins("nginx.service"), 2)
    await execute("prlimit", ["--pid", String(helper.child.pid), "--fsize=unlimited:unlimited"])
    helper.child.kill("SIGTERM")
    assert.strictEqual(await helper.ended, 0)
    const again = host.part("helper")
    await eventually("the helper listens", () => again.said().includes("listens"))
    assert.strictEqual((await host.hub.ask("service.restart", { unit: "nginx.service" })).outcome, "succeeded")
    for (const id of ids) assert.lengthOf(host.hub.resultsOf(id), 1) // none of them has become unknown
    for (const commandId of ids.slice(0, 2))
      host.hub.send(host.hub.request("service.restart", { unit: "nginx.service" }, { grant: { commandId } }))
    await eventually("the old results again", () => ids.slice(0, 2).every((id) => host.hub.resultsOf(id).length === 2))
    for (const id of ids.slice(0, 2)) assert.deepStrictEqual(host.hub.resultsOf(id)[1], host.hub.resultsOf(id)[0])
    assert.lengthOf(host.begins("nginx.service"), 3)
  })

  it("says that nothing was done when there is no helper before the command's time is over", async () => {
    await host.enroll()
    host.part("run")
    await host.hub.connection()
    const asked = host.hub.request(
      "service.restart",
      { unit: "nginx.service" },
      { grant: { expiresAt: Date.now() + 300 } }
    )
    host.hub.send(asked)
    const result = await host.hub.result(asked.commandId)
    assert.deepStrictEqual([result.outcome, result.data], ["expired", { reason: "no-helper" }])
    assert.match(result.summary, /ENOENT.*signalbox-agent-helper/u)
  })
})
