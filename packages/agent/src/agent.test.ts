/** The agent's unprivileged process as it is started on hosts, and a hub by hand that it talks to. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { connect, createServer as createNetServer } from "node:net"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { withProcesses } from "../../../test/support/agent-hooks.ts"
import { AgentHub } from "../../../test/support/agent-hub.ts"
import { AgentProcesses, type Built, certificateIn, execute, failure } from "../../../test/support/agent-processes.ts"
import { eventually } from "../../../test/support/eventually.ts"
import { freePort } from "../../../test/support/free-port.ts"

let built: Built
let host: AgentProcesses
withProcesses((one, bundle) => {
  host = one
  built = bundle
})

describe("the bundle", () => {
  it("is one file of at most 1 MB that runs on what Node 18 has, and says what it needs on an older one", async () => {
    assert.isAtMost(statSync(built.bundle).size, 1_000_000)
    assert.strictEqual(
      (await execute(process.execPath, ["-r", built.preload, built.bundle, "version"])).stdout,
      "0.1.0\n"
    )
    const old = join(built.directory, "old.cjs")
    writeFileSync(old, `Object.defineProperty(process.versions, "node", { value: "16.20.2" })`)
    assert.match(
      await failure(execute(process.execPath, ["-r", old, built.bundle, "version"])),
      /needs Node 18\.15 or newer, and this is 16\.20\.2/u
    )
  })

  it("enrolls with its own key, signs in, says hello and beats, and answers a granted read", async () => {
    await host.enroll()
    const key = join(host.root, "var/lib/signalbox-agent/key.pem")
    assert.strictEqual(statSync(key).mode & 0o777, 0o600)
    assert.isFalse(readFileSync(host.configPath, "utf8").includes("PRIVATE"))
    const { child, ended } = host.run()
    await host.hub.connection()
    const hello = host.hub.messages.find((one) => one._tag === "hello")
    assert.isTrue(
      hello?._tag === "hello" && hello.memoryBytes > 0 && hello.cpus > 0 && /^[0-9a-f]{64}$/u.test(hello.machineId)
    )
    const beat = await eventually("a heartbeat", () => host.hub.messages.find((one) => one._tag === "agent_heartbeat"))
    assert.isTrue(beat._tag === "agent_heartbeat" && beat.sample.memory > 0 && beat.sample.uptime > 0)
    assert.strictEqual((await host.hub.ask("system.info", {})).outcome, "succeeded")
    child.kill("SIGTERM")
    assert.strictEqual(await ended, 0)
  })

  it("holds little of the host's memory when its work is done and its garbage collected", async () => {
    await host.enroll()
    const { child } = host.run()
    await host.hub.connection()
    for (let n = 0; n < 50; n++) assert.strictEqual((await host.hub.ask("system.info", {})).outcome, "succeeded")
    // of its own, beside the program's file, which all processes share; 16 to 19 MB were measured, and bench tells what is resident
    await eventually(
      "at most 32 MB are its own",
      () => Number(/RssAnon:\s+(\d+)/u.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) <= 32 * 1024,
      60_000
    )
  }, 120_000)

  it("signs in at a hub that hangs up after every answer", async () => {
    host.hub.hangsUp = true
    await host.enroll()
    host.run()
    await host.hub.connection()
    assert.strictEqual(host.hub.signIns, 1)
  })

  it("refuses a hub with another certificate, enrolled or not, before it says anything", async () => {
    assert.match(
      await failure(host.enroll({ HUB_FINGERPRINT: built.certificate.fingerprint.replace(/^../u, "00") })),
      /shows another certificate/u
    )
    assert.match(await failure(host.enroll({ HUB_FINGERPRINT: "" })), /self-signed/u)
    assert.isUndefined(host.hub.enrolled)
    assert.isFalse(existsSync(host.configPath))
    await host.enroll()
    const other = await certificateIn(host.root)
    const port = host.hub.port
    await host.hub.close()
    host.hub = new AgentHub(other)
    await host.hub.listen(port)
    const agent = host.run()
    await eventually("it says so", () => agent.said().includes("shows another certificate"))
    assert.strictEqual(host.hub.signIns, 0)
  })

  it("is not enrolled twice, nor with a wrong invite, nor over a plain connection to elsewhere", async () => {
    assert.match(await failure(host.enroll({ TOKEN: "sbx_short" })), /is no invite/u)
    assert.match(await failure(host.enroll({ TOKEN: `sbx_${"b".repeat(43)}` })), /No such invite/u)
    assert.match(
      await failure(host.enroll({ HUB_URL: "http://192.0.2.1:1" })),
      /not encrypted and not on this machine/u
    )
    await host.enroll()
    assert.match(await failure(host.enroll()), /enrolled already.*--replace/u)
  })

  it("goes through a proxy by CONNECT, with its password, and the proxy sees nothing but TLS", async () => {
    const seen: Array<string> = []
    const proxy: Server = createServer((_, response) => response.writeHead(405).end())
    proxy.on("connect", (request, client, head) => {
      seen.push(`${request.url} ${request.headers["proxy-authorization"]}`)
      const [host, port] = String(request.url).split(":")
      const up = connect(Number(port), host ?? "")
      client.write("HTTP/1.1 200 OK\r\n\r\n")
      up.write(head)
      client.on("data", (part: Buffer) => {
        if (part.includes("signalbox") || part.includes("POST")) seen.push("plain text")
        up.write(part)
      })
      up.pipe(client)
      for (const one of [client, up]) one.on("error", () => one.destroy())
      client.on("close", () => up.destroy())
      up.on("close", () => client.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
    const address = proxy.address()
    const HTTPS_PROXY = `http://user:p%40ss@127.0.0.1:${typeof address === "object" ? address?.port : 0}`
    await host.enroll({ HTTPS_PROXY })
    host.run({ HTTPS_PROXY })
    await host.hub.connection()
    assert.strictEqual((await host.hub.ask("system.info", {})).outcome, "succeeded")
    const credentials = Buffer.from("user:p@ss").toString("base64")
    assert.isAtLeast(seen.length, 3) // to enroll, to sign in, the socket
    assert.deepStrictEqual([...new Set(seen)], [`127.0.0.1:${host.hub.port} Basic ${credentials}`])
    proxy.close()
    proxy.closeAllConnections()
  })

  it("calls again after the hub was gone, and stops for good when it is revoked", async () => {
    await host.enroll()
    const { ended, said } = host.run()
    await host.hub.connection()
    const port = host.hub.port
    const { agentId, keys, enrolled } = host.hub
    await host.hub.close()
    host.hub = Object.assign(new AgentHub(built.certificate), { agentId, keys, enrolled })
    await host.hub.listen(port)
    await host.hub.connection()
    host.hub.refuses = { status: 403, body: { detail: "No way." } } // of whoever is in between: not the hub's own word
    host.hub.cut()
    await eventually("it says so and goes on", () => /No way\. Calling again/u.test(said()))
    host.hub.refuses = undefined
    await host.hub.connection(2)
    host.hub.revoked = true
    host.hub.cut()
    assert.strictEqual(await ended, 3)
    assert.match(said(), /has revoked this agent/u)
  })

  it("stops for good when it is told at the door that it was revoked, and at once when it is told to while it calls", async () => {
    await host.enroll()
    host.hub.refuses = { status: 403, body: { type: "urn:signalbox:forbidden", detail: "This agent was revoked." } }
    assert.strictEqual(await host.run().ended, 3)
    const deaf = createNetServer().listen(0, "127.0.0.1") // takes the connection and says nothing
    await once(deaf, "listening")
    const address = deaf.address()
    host.configure({ hub: `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}` })
    const calling = host.run()
    const [held] = await once(deaf, "connection")
    const asked = performance.now()
    calling.child.kill("SIGTERM")
    assert.strictEqual(await calling.ended, 0)
    assert.isBelow(performance.now() - asked, 15_000) // the call itself would be waited for twenty seconds
    held.destroy()
    deaf.close()
  })

  it("lets another agent through to its hub, and both say so", async () => {
    await host.enroll()
    const port = await freePort()
    host.configure({ relay: { listen: `127.0.0.1:${port}` } })
    const near = host.run()
    await host.hub.connection()
    await eventually("it listens", () => near.said().includes("Other agents may reach"))
    const HTTPS_PROXY = `http://127.0.0.1:${port}`
    const far = await mkdtemp(join(tmpdir(), "agent-far-"))
    try {
      await host.enroll({ HTTPS_PROXY, SIGNALBOX_AGENT_ROOT: far })
      host.run({ HTTPS_PROXY, SIGNALBOX_AGENT_ROOT: far })
      await host.hub.connection(2)
      const hellos = host.hub.messages.flatMap((one) => (one._tag === "hello" ? [one] : []))
      assert.deepStrictEqual(
        hellos.map(({ relay, through }) => [relay?.listen, through]),
        [
          [`127.0.0.1:${port}`, undefined],
          [undefined, `127.0.0.1:${port}`]
        ]
      )
      assert.strictEqual((await host.hub.ask("system.info", {})).outcome, "succeeded")
      near.child.kill("SIGKILL")
      await near.ended
      const count = host.hub.sockets.length
      host.run()
      await host.hub.connection(count + 2) // the relay itself, and through it the other once more
      await eventually("it tells how many it lets through", () =>
        host.hub.messages.some((one) => one._tag === "agent_heartbeat" && (one.sample.relay?.open ?? 0) >= 1)
      )
    } finally {
      await rm(far, { recursive: true, force: true })
    }
  }, 180_000)
})

describe("enrolling", () => {
  const files = () => [
    readFileSync(host.configPath, "utf8"),
    readFileSync(join(host.root, "var/lib/signalbox-agent/key.pem"), "utf8")
  ]
  const replace = () => host.enroll({}, "--replace")

  it("anew changes nothing while the hub says no, and what the host's owner has set stays", async () => {
    await host.enroll()
    const wishes = { actions: ["system.info"], relay: { listen: "127.0.0.1:8443" } }
    host.configure(wishes)
    const before = files()
    host.hub.refuses = { status: 409, body: { detail: "This invite does not hold." } }
    assert.match(await failure(replace()), /does not hold/u)
    assert.deepStrictEqual(files(), before)
    host.hub.refuses = undefined
    await replace()
    const [after = "", key] = files()
    assert.notStrictEqual(key, before[1])
    assert.deepInclude(JSON.parse(after), wishes)
  })

  it("once more after a lost answer shows the same key, and then no more", async () => {
    host.hub.loses = 1
    assert.match(await failure(host.enroll()), /does not answer/u)
    const first = host.hub.enrolled
    assert.isDefined(first)
    assert.isFalse(existsSync(host.configPath))
    await host.enroll()
    assert.strictEqual(host.hub.enrolled, first)
    await replace()
    assert.notStrictEqual(host.hub.enrolled, first)
  })
})
