/** The relay over real sockets, with a TLS server of its own as the hub. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mkdtemp, rm } from "node:fs/promises"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it, vi } from "@effect/vitest"
import { makeCertificate, type Certificate } from "@signalbox/core/config/certificate.ts"
import { Effect, Result, Schema } from "effect"
import { eventually } from "../../../test/support/eventually.ts"
import { freePort } from "../../../test/support/free-port.ts"
import { dial } from "./dial.ts"
import { isPrivate, RelayConfig, whoMayCome } from "./relay-config.ts"
import { openRelay, type Relay, type RelayLimits } from "./relay.ts"

let directory = ""
let certificate: Certificate
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "relay-"))
  certificate = await Effect.runPromise(
    makeCertificate({ tls: directory }, { names: [], days: 2, replace: false }, Date.now())
  )
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}
const listening = async <S extends Server>(server: S): Promise<S> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return server
}

/** Answers with what it was told, in capitals. */
let hub: Server
let atHub: Array<Socket> = []
let url = ""
let relay: Relay
let port = 0
const clients: Array<Socket> = []
const open = async (config: Partial<RelayConfig> = {}, limits: Partial<RelayLimits> = {}): Promise<void> => {
  port = await freePort()
  relay = openRelay({ config: { listen: `127.0.0.1:${port}`, ...config }, hub: url, environment: {}, limits })
  await relay.listening
}
beforeEach(async () => {
  atHub = []
  hub = await listening(
    createTlsServer(certificate, (socket) => {
      socket.on("error", () => undefined)
      socket.on("data", (part: Buffer) => socket.write(part.toString().toUpperCase()))
    }).on("connection", (socket: Socket) => atHub.push(socket))
  )
  url = `https://127.0.0.1:${portOf(hub)}`
})
afterEach(async () => {
  for (const one of clients.splice(0)) one.destroy()
  await relay.close()
  for (const one of atHub) one.destroy()
  await new Promise((resolve) => hub.close(resolve))
})

interface Client {
  readonly socket: Socket
  readonly said: () => string
  readonly closed: () => boolean
}
const client = async (text = ""): Promise<Client> => {
  const socket = connect(port, "127.0.0.1")
  clients.push(socket)
  let said = ""
  let closed = false
  socket.on("data", (part: Buffer) => (said += part.toString("latin1")))
  socket.on("error", () => undefined)
  socket.on("close", () => (closed = true))
  await once(socket, "connect")
  if (text !== "") socket.write(text)
  return { socket, said: () => said, closed: () => closed }
}
const ask = (target: string, method = "CONNECT"): string => `${method} ${target} HTTP/1.1\r\nhost: x\r\n\r\n`
const refusal = async (text: string): Promise<string> => {
  const one = await client(text)
  await eventually("it is hung up on", one.closed)
  return one.said().split("\r\n")[0] ?? ""
}
const authority = () => `127.0.0.1:${portOf(hub)}`
const through = async (): Promise<Client> => {
  const one = await client(ask(authority()))
  await eventually("let through", () => one.said().startsWith("HTTP/1.1 200 "))
  return one
}

describe("a relay", () => {
  it("leads an agent's TLS to the hub, and the pinned certificate is compared from end to end", async () => {
    await open()
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${port}` }
    const secure = await dial({ hub: url, fingerprint: certificate.fingerprint }, environment)
    secure.write("hello")
    const [answer] = await once(secure, "data")
    assert.strictEqual(String(answer), "HELLO")
    assert.deepStrictEqual(relay.counts(), { open: 1, passed: 1, refused: 0 })
    secure.destroy()
    await eventually("it is over at both ends", () => relay.counts().open === 0 && atHub[0]?.destroyed)
    const other = certificate.fingerprint.replace(/^../u, (two) => (two === "00" ? "01" : "00"))
    const refused = await dial({ hub: url, fingerprint: other }, environment).then(
      () => "taken",
      (cause: unknown) => String(cause)
    )
    assert.match(refused, /shows another certificate/u)
  })

  it("lets nothing through but CONNECT to the hub of its own configuration", async () => {
    await open()
    const elsewhere = await listening(createServer())
    const cases = [
      [ask(`127.0.0.1:${portOf(elsewhere)}`), "403 Forbidden"],
      [ask(`localhost:${portOf(hub)}`), "403 Forbidden"],
      [ask(`127.0.0.1:${portOf(hub)}@127.0.0.1:22`), "403 Forbidden"],
      [ask(`0:${portOf(hub)}`), "403 Forbidden"],
      [ask("169.254.169.254:80"), "403 Forbidden"],
      [ask(`https://${authority()}/`, "GET"), "405 Method Not Allowed"],
      [ask(`https://${authority()}/`, "POST"), "405 Method Not Allowed"],
      ["\x16\x03\x01\x02\r\n\r\n", "400 Bad Request"],
      [`CONNECT ${authority()}\r\n\r\n`, "400 Bad Request"],
      [`CONNECT ${authority()} HTTP/1.1\nhost: x\r\n\r\n`, "400 Bad Request"],
      [`CONNECT ${authority()} HTTP/1.1\r\nx: ${"y".repeat(5_000)}\r\n\r\n`, "431 Request Header Fields Too Large"],
      ["y".repeat(5_000), "431 Request Header Fields Too Large"]
    ] as const
    for (const [text, status] of cases) assert.strictEqual(await refusal(text), `HTTP/1.1 ${status}`, text.slice(0, 60))
    assert.deepStrictEqual(relay.counts(), { open: 0, passed: 0, refused: cases.length })
    assert.lengthOf(atHub, 0)
    await new Promise((resolve) => elsewhere.close(resolve))
  })

  it("takes a head in pieces, and hands on what came with its end", async () => {
    await open()
    const plain = await listening(createServer((socket) => void socket.pipe(socket)))
    await relay.close()
    url = `https://127.0.0.1:${portOf(plain)}` // what is said is nothing to a relay: here it is no TLS
    await open()
    const one = await client()
    for (const letter of `CONNECT 127.0.0.1:${portOf(plain)} HTTP/1.0\r\n`) one.socket.write(letter)
    one.socket.write("\r\nfirst")
    await eventually("it comes back", () => one.said().endsWith("\r\n\r\nfirst"))
    one.socket.end()
    await eventually("it is over", one.closed)
    await new Promise((resolve) => plain.close(resolve))
  })

  it("hangs up on who says nothing, on who stays silent later, and on more than it has room for", async () => {
    await open({}, { headMillis: 50 })
    assert.strictEqual(await refusal("CONNECT "), "HTTP/1.1 408 Request Timeout")
    await relay.close()
    await open({}, { idleMillis: 50 })
    const silent = await through()
    await eventually("hung up on", silent.closed)
    await eventually("at the hub too", () => atHub.at(-1)?.destroyed)
    await relay.close()
    await open({}, { unasked: 2 })
    const [first, second] = [await client(), await client()]
    await eventually("both are there", () => relay.counts().open === 2)
    const third = await client()
    await eventually("no room", third.closed)
    assert.strictEqual(third.said(), "")
    first.socket.destroy()
    second.socket.destroy()
    await eventually("both are gone", () => relay.counts().open === 0)
    await through()
    await relay.close()
    await open({}, { fromOne: 1 })
    await through()
    assert.strictEqual(await refusal(ask(authority())), "")
  })

  it("says so when the hub cannot be reached, and ends the far side when the hub does", async () => {
    await open()
    const far = await through()
    for (const one of atHub) one.destroy()
    await eventually("the far side is hung up on", far.closed)
    const at = authority()
    await new Promise((resolve) => hub.close(resolve))
    assert.strictEqual(await refusal(ask(at)), "HTTP/1.1 502 Bad Gateway")
    hub = await listening(createServer())
  })

  it("waits for its address when somebody else has it", async () => {
    const heard = vi.spyOn(process.stderr, "write")
    const taken = await freePort()
    const other = createServer().listen(taken, "127.0.0.1")
    await once(other, "listening")
    relay = openRelay({
      config: { listen: `127.0.0.1:${taken}` },
      hub: url,
      environment: {},
      limits: { retryMillis: 20 }
    })
    await eventually("it has tried", () => heard.mock.calls.some(([text]) => /cannot listen on/u.test(String(text))))
    await new Promise((resolve) => other.close(resolve))
    await relay.listening
    port = taken
    await through()
  })

  it("goes through a relay itself where its own way leads through one", async () => {
    await open()
    const [first, firstPort] = [relay, port]
    port = await freePort()
    relay = openRelay({
      config: { listen: `127.0.0.1:${port}` },
      hub: url,
      environment: { HTTPS_PROXY: `http://127.0.0.1:${firstPort}` }
    })
    await relay.listening
    const secure = await dial(
      { hub: url, fingerprint: certificate.fingerprint },
      { HTTPS_PROXY: `http://127.0.0.1:${port}` }
    )
    secure.write("far")
    assert.strictEqual(String((await once(secure, "data"))[0]), "FAR")
    secure.destroy()
    await first.close()
  })

  it("lets those come that its owner named, and refuses a hub without TLS", async () => {
    await open({ allow: ["10.0.0.0/8"] })
    assert.strictEqual(await refusal(ask(authority())), "")
    assert.strictEqual(relay.counts().refused, 1)
    assert.throws(
      () => openRelay({ config: { listen: "127.0.0.1:9999" }, hub: "http://127.0.0.1:1", environment: {} }),
      /needs a hub with TLS/u
    )
  })
})

describe("what may be said of a relay", () => {
  const verdict = (config: object): string =>
    Result.match(Schema.decodeUnknownResult(RelayConfig)(config), {
      onSuccess: () => "fits",
      onFailure: ({ message }) => message
    })
  beforeEach(() => open())

  it("is a private address of this host, unless the owner says otherwise and names who may come", () => {
    for (const listen of ["10.0.0.5:8443", "192.168.1.1:1024", "[fd00::1]:8443", "127.0.0.1:65535"])
      assert.strictEqual(verdict({ listen }), "fits", listen)
    for (const listen of [
      "0.0.0.0:8443",
      "203.0.113.7:8443",
      "[::]:8443",
      "[2001:db8::1]:8443",
      "[::ffff:8.8.8.8]:8443"
    ])
      assert.match(verdict({ listen }), /private address/u, listen)
    for (const listen of [
      "10.0.0.5",
      "10.0.0.5:80",
      "10.0.0.5:99999",
      "host:8443",
      "10.0.0.256:8443",
      "fd00::1:8443",
      ""
    ])
      assert.match(verdict({ listen }), /address of this host with a port/u, listen)
    assert.match(verdict({ listen: "0.0.0.0:8443", public: true }), /private address/u)
    assert.strictEqual(verdict({ listen: "0.0.0.0:8443", public: true, allow: ["203.0.113.0/24"] }), "fits")
    for (const allow of [[], ["10.0.0.0/33"], ["everybody"], ["fd00::/129"]])
      assert.notStrictEqual(verdict({ listen: "10.0.0.5:8443", allow }), "fits")
  })

  it("compares addresses of both families, also as a socket for both writes them", () => {
    for (const address of ["10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", "172.31.0.1", "::1"])
      assert.isTrue(isPrivate(address), address)
    for (const address of ["8.8.8.8", "::ffff:8.8.8.8", "172.32.0.1", "2001:db8::1", "", "localhost"])
      assert.isFalse(isPrivate(address), address)
    const named = whoMayCome({ allow: ["10.0.0.0/24", "fd00::7", "192.0.2.9"] })
    for (const address of ["10.0.0.9", "::ffff:10.0.0.9", "fd00::7", "192.0.2.9"])
      assert.isTrue(named(address), address)
    for (const address of ["10.0.1.9", "fd00::8", "192.0.2.8", ""]) assert.isFalse(named(address), address)
  })
})
