/** The agent's processes as they are started on hosts, and a hub by hand that they talk to. */
import { execFile, spawn, type ChildProcess } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { makeCertificate, type Certificate } from "@signalbox/core/config/certificate.ts"
import { Effect } from "effect"
import { build } from "esbuild"
import { agentBundle } from "../../../scripts/agent-bundle.mjs"
import { AgentHub, inviteToken } from "../../../test/support/agent-hub.ts"
import { eventually } from "../../../test/support/eventually.ts"
import { nodeEnvironment, nodeFlags } from "./flags.ts"

const execute = promisify(execFile)
/** Takes away what Node 18 does not have. */
const likeNode18 = `
for (const [of, names] of [[Array.prototype, ["toSorted", "toReversed", "toSpliced", "with"]], [Array, ["fromAsync"]], [Object, ["groupBy"]],
  [Map, ["groupBy"]], [Promise, ["withResolvers", "try"]], [Set.prototype, ["union", "intersection", "difference", "isSubsetOf"]],
  [URL, ["canParse", "parse"]], [String.prototype, ["isWellFormed", "toWellFormed"]], [RegExp, ["escape"]], [globalThis, ["Iterator", "WebSocket", "navigator", "CustomEvent"]]])
  for (const name of names) delete of[name]
`

let bundled = ""
let bundle = ""
let preload = ""
let certificate: Certificate
beforeAll(async () => {
  bundled = await mkdtemp(join(tmpdir(), "agent-bundle-"))
  bundle = join(bundled, "signalbox-agent.cjs")
  preload = join(bundled, "node18.cjs")
  writeFileSync(preload, likeNode18)
  await build({ ...agentBundle, outdir: bundled })
  certificate = await Effect.runPromise(
    makeCertificate({ tls: join(bundled, "tls") }, { names: [], days: 2, replace: false }, Date.now())
  )
})
afterAll(() => rm(bundled, { recursive: true, force: true }))

let root = ""
let journal = ""
let hub: AgentHub
const children: Array<{ readonly child: ChildProcess; readonly ended: Promise<number | string> }> = []
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "agent-"))
  journal = join(root, "journal")
  mkdirSync(join(root, "gates"))
  hub = new AgentHub(certificate)
  await hub.listen()
})
afterEach(async () => {
  for (const { child } of children) child.kill("SIGKILL")
  await Promise.all(children.map(({ ended }) => ended))
  children.length = 0
  await hub.close()
  await rm(root, { recursive: true, force: true })
})

const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, [...args], {
    env: { PATH: process.env["PATH"], SIGNALBOX_AGENT_ROOT: root, NODE_NO_WARNINGS: "1", ...env },
    stdio: ["ignore", "ignore", "pipe"]
  })
  let said = ""
  child.stderr.on("data", (part: Buffer) => (said += part.toString()))
  const ended = new Promise<number | string>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code ?? -1))
  )
  children.push({ child, ended })
  return { child, ended, said: () => said }
}
const bundleRun = (env: Readonly<Record<string, string>> = {}) =>
  start([...nodeFlags, "-r", preload, bundle, "run"], { ...nodeEnvironment, ...env })
/** Root's helper or the unprivileged process, with acts that a test can look at. */
const startPart = (role: "run" | "helper") =>
  start([join(import.meta.dirname, "../../../test/support/children/agent.ts")], {
    CHILD: JSON.stringify({ role, root, journal, gates: join(root, "gates") })
  })
const enroll = (env: Readonly<Record<string, string>> = {}) =>
  execute(process.execPath, ["-r", preload, bundle, "enroll"], {
    env: {
      PATH: process.env["PATH"],
      SIGNALBOX_AGENT_ROOT: root,
      HUB_URL: hub.url,
      TOKEN: inviteToken,
      HUB_FINGERPRINT: certificate.fingerprint,
      ...env
    }
  })
const failure = async (work: Promise<unknown>): Promise<string> =>
  String(
    await work.then(
      () => "nothing failed",
      (cause: unknown) => (cause instanceof Error && "stderr" in cause ? cause.stderr : cause)
    )
  )
const open = (unit: string): void => writeFileSync(join(root, "gates", unit), "")
const written = (): ReadonlyArray<string> =>
  existsSync(journal) ? readFileSync(journal, "utf8").split("\n").filter(Boolean) : []
const begins = (unit: string) => written().filter((line) => line.startsWith(`${unit} begins`))
const configPath = () => join(root, "etc/signalbox-agent/agent.json")

describe("the bundle", () => {
  it("is one file of at most 1 MB that runs on what Node 18 has, and says what it needs on an older one", async () => {
    assert.isAtMost(statSync(bundle).size, 1_000_000)
    assert.strictEqual((await execute(process.execPath, ["-r", preload, bundle, "version"])).stdout, "0.1.0\n")
    const old = join(bundled, "old.cjs")
    writeFileSync(old, `Object.defineProperty(process.versions, "node", { value: "16.20.2" })`)
    assert.match(
      await failure(execute(process.execPath, ["-r", old, bundle, "version"])),
      /needs Node 18\.15 or newer, and this is 16\.20\.2/u
    )
  })

  it("enrolls with its own key, signs in, says hello and beats, and answers a granted read", async () => {
    await enroll()
    const key = join(root, "var/lib/signalbox-agent/key.pem")
    assert.strictEqual(statSync(key).mode & 0o777, 0o600)
    assert.isFalse(readFileSync(configPath(), "utf8").includes("PRIVATE"))
    const { child, ended } = bundleRun()
    await hub.connection()
    const hello = hub.messages.find((one) => one._tag === "hello")
    assert.isTrue(
      hello?._tag === "hello" && hello.memoryBytes > 0 && hello.cpus > 0 && /^[0-9a-f]{64}$/u.test(hello.machineId)
    )
    const beat = await eventually("a heartbeat", () => hub.messages.find((one) => one._tag === "agent_heartbeat"))
    assert.isTrue(beat._tag === "agent_heartbeat" && beat.sample.memory > 0 && beat.sample.uptime > 0)
    assert.strictEqual((await hub.ask("system.info", {})).outcome, "succeeded")
    child.kill("SIGTERM")
    assert.strictEqual(await ended, 0)
  })

  it("holds little of the host's memory when its work is done and its garbage collected", async () => {
    await enroll()
    const { child } = bundleRun()
    await hub.connection()
    for (let n = 0; n < 50; n++) assert.strictEqual((await hub.ask("system.info", {})).outcome, "succeeded")
    // of its own, beside the program's file, which all processes share; 16 to 19 MB were measured, and bench tells what is resident
    await eventually(
      "at most 32 MB are its own",
      () => Number(/RssAnon:\s+(\d+)/u.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) <= 32 * 1024,
      60_000
    )
  }, 120_000)

  it("refuses a hub with another certificate, enrolled or not, before it says anything", async () => {
    assert.match(
      await failure(enroll({ HUB_FINGERPRINT: certificate.fingerprint.replace(/^../u, "00") })),
      /shows another certificate/u
    )
    assert.match(await failure(enroll({ HUB_FINGERPRINT: "" })), /self-signed/u)
    assert.isUndefined(hub.enrolled)
    assert.isFalse(existsSync(configPath()))
    await enroll()
    const other = await Effect.runPromise(
      makeCertificate({ tls: join(root, "tls") }, { names: [], days: 2, replace: false }, Date.now())
    )
    const port = hub.port
    await hub.close()
    hub = new AgentHub(other)
    await hub.listen(port)
    const agent = bundleRun()
    await eventually("it says so", () => agent.said().includes("shows another certificate"))
    assert.strictEqual(hub.signIns, 0)
  })

  it("is not enrolled twice, nor with a wrong invite, nor over a plain connection to elsewhere", async () => {
    assert.match(await failure(enroll({ TOKEN: "sbx_short" })), /is no invite/u)
    assert.match(await failure(enroll({ TOKEN: `sbx_${"b".repeat(43)}` })), /No such invite/u)
    assert.match(await failure(enroll({ HUB_URL: "http://192.0.2.1:1" })), /not encrypted and not on this machine/u)
    await enroll()
    assert.match(await failure(enroll()), /enrolled already.*--replace/u)
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
    await enroll({ HTTPS_PROXY })
    bundleRun({ HTTPS_PROXY })
    await hub.connection()
    assert.strictEqual((await hub.ask("system.info", {})).outcome, "succeeded")
    const credentials = Buffer.from("user:p@ss").toString("base64")
    assert.isAtLeast(seen.length, 4)
    assert.deepStrictEqual([...new Set(seen)], [`127.0.0.1:${hub.port} Basic ${credentials}`])
    proxy.close()
    proxy.closeAllConnections()
  })

  it("calls again after the hub was gone, and stops for good when it is revoked", async () => {
    await enroll()
    const { ended, said } = bundleRun()
    await hub.connection()
    const port = hub.port
    const { agentId, keys, enrolled } = hub
    await hub.close()
    hub = Object.assign(new AgentHub(certificate), { agentId, keys, enrolled })
    await hub.listen(port)
    await hub.connection()
    hub.revoked = true
    hub.cut()
    assert.strictEqual(await ended, 3)
    assert.match(said(), /has revoked this agent/u)
  })
})

describe("the agent with root's helper", () => {
  const both = async () => {
    if (!existsSync(configPath())) await enroll()
    const helper = startPart("helper")
    await eventually("the helper listens", () => helper.said().includes("listens"))
    const agent = startPart("run")
    await hub.connection()
    return { helper, agent }
  }

  it("carries out an act at most once when the helper is killed in the middle: it is unknown", async () => {
    const { helper } = await both()
    const asked = hub.request("service.restart", { unit: "nginx.service" })
    hub.send(asked)
    await eventually("it began", () => begins("nginx.service").length === 1)
    helper.child.kill("SIGKILL")
    await helper.ended
    startPart("helper")
    const result = await hub.result(asked.commandId)
    assert.strictEqual(result.outcome, "unknown")
    open("nginx.service")
    hub.send(asked) // a hub that tells it again gets the same
    await eventually("the same again", () => hub.resultsOf(asked.commandId).length >= 2) // twice, if it was told again on the way
    for (const again of hub.resultsOf(asked.commandId)) assert.deepStrictEqual(again, result)
    assert.lengthOf(begins("nginx.service"), 1)
  })

  it("goes on when only the unprivileged process is killed, and the hub hears the end from the next one", async () => {
    const { agent } = await both()
    const asked = hub.request("service.restart", { unit: "nginx.service" })
    hub.send(asked)
    await eventually("it began", () => begins("nginx.service").length === 1)
    agent.child.kill("SIGKILL")
    await agent.ended
    open("nginx.service")
    await eventually("it ended", () => written().length === 2)
    assert.lengthOf(hub.resultsOf(asked.commandId), 0)
    startPart("run")
    assert.strictEqual((await hub.result(asked.commandId)).outcome, "succeeded")
    assert.lengthOf(begins("nginx.service"), 1)
  })

  it("repeats a result over reconnects until it is acknowledged, and then no more", async () => {
    await both()
    hub.acknowledges = false
    open("nginx.service")
    const asked = hub.request("service.restart", { unit: "nginx.service" })
    hub.send(asked)
    await eventually("told once", () => hub.resultsOf(asked.commandId).length === 1)
    hub.acknowledges = true
    hub.cut()
    await eventually("told again", () => hub.resultsOf(asked.commandId).length === 2)
    const other = await hub.ask("service.restart", { unit: "nginx.service" }) // its acknowledgment comes after the first one's
    hub.cut()
    await hub.connection(3)
    assert.strictEqual((await hub.ask("system.info", {})).outcome, "succeeded")
    const third = await hub.ask("service.restart", { unit: "nginx.service" }) // on the helper's new connection: what it repeats came before
    assert.deepStrictEqual([other.outcome, third.outcome], ["succeeded", "succeeded"])
    assert.lengthOf(hub.resultsOf(asked.commandId), 2)
    assert.lengthOf(begins("nginx.service"), 3)
  })

  it("refuses a stolen grant: at another agent, later, with other arguments, under another id", async () => {
    await both()
    open("nginx.service")
    const stolen = hub.request("service.restart", { unit: "nginx.service" })
    const tries = [
      hub.request("service.restart", { unit: "nginx.service" }, { grant: { agentId: "another" } }),
      hub.request("service.restart", { unit: "nginx.service" }, { grant: { expiresAt: Date.now() - 1 } }),
      { ...stolen, args: { unit: "sshd.service" } },
      { ...stolen, commandId: hub.request("system.info", {}).commandId },
      { ...stolen, guardMillis: 1 }
    ]
    const ends: Array<string> = []
    for (const one of tries) {
      const before = hub.messages.length
      hub.send(one)
      const result = await eventually("an answer", () =>
        hub.messages.slice(before).find((got) => got._tag === "command_result")
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
    assert.lengthOf(written(), 0)
  })

  it("carries an act's guard and its release to whoever performs it", async () => {
    await both()
    open("sshd.service")
    const asked = hub.request(
      "service.restart",
      { unit: "sshd.service" },
      { grant: { guardMillis: 90_000 }, after: { guardMillis: 90_000 } }
    )
    hub.send(asked)
    assert.strictEqual((await hub.result(asked.commandId)).outcome, "succeeded")
    assert.match(begins("sshd.service")[0] ?? "", /guard 90000$/u)
    hub.send({ _tag: "guard_released", commandId: asked.commandId })
    await eventually("the hub knows that it is off", () =>
      hub.messages.some((one) => one._tag === "guard_off" && one.commandId === asked.commandId)
    )
    assert.include(written(), `released ${asked.commandId}`)
  })

  it("does what its owner allowed and nothing else, and believes no configuration that others can write", async () => {
    hub.allows = []
    const { helper, agent } = await both()
    const refused = await hub.ask("shell.run", { command: "id" })
    assert.deepStrictEqual([refused.outcome, refused.data], ["refused", { reason: "not-allowed" }])
    for (const { child, ended } of [helper, agent]) {
      child.kill("SIGTERM")
      await ended
    }
    const config = JSON.parse(readFileSync(configPath(), "utf8"))
    writeFileSync(
      configPath(),
      JSON.stringify({ ...config, allows: ["shell.run"], actions: ["shell.run", "system.info"] })
    )
    const again = startPart("helper")
    await eventually("the helper listens", () => again.said().includes("listens"))
    startPart("run")
    await hub.connection(2)
    assert.strictEqual((await hub.ask("shell.run", { command: "id" })).outcome, "succeeded")
    assert.strictEqual((await hub.ask("service.restart", { unit: "nginx.service" })).outcome, "refused")
    again.child.kill("SIGTERM")
    assert.strictEqual(await again.ended, 0)
    chmodSync(configPath(), 0o666)
    const distrustful = startPart("helper")
    assert.notStrictEqual(await distrustful.ended, 0)
    assert.match(distrustful.said(), /can be changed by others than root/u)
  })

  it("says that nothing was done when there is no helper before the command's time is over", async () => {
    await enroll()
    startPart("run")
    await hub.connection()
    const asked = hub.request("service.restart", { unit: "nginx.service" }, { grant: { expiresAt: Date.now() + 300 } })
    hub.send(asked)
    const result = await hub.result(asked.commandId)
    assert.deepStrictEqual([result.outcome, result.data], ["expired", { reason: "no-helper" }])
    assert.match(result.summary, /ENOENT.*signalbox-agent-helper/u)
  })
})
