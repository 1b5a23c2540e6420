import { once } from "node:events"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { WebSocket, WebSocketServer } from "ws"
import type { AgentMessage } from "@signalbox/core/agent/protocol.ts"
import { eventually } from "../../../../test/support/eventually.ts"
import { makeWire, type Wire, type WireLimits, wireLimits } from "./wire.ts"

let server: WebSocketServer
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false })
  await once(server, "listening")
})
afterEach(() => {
  for (const one of server.clients) one.terminate()
  server.close()
})

const hello = JSON.stringify({
  _tag: "hello",
  version: "1",
  hostname: "h",
  machineId: "m",
  bootId: "b",
  os: "o",
  kernel: "k",
  arch: "a",
  cpus: 1,
  memoryBytes: 1,
  virtualization: "none",
  allows: [],
  actions: []
} satisfies AgentMessage)

/** Both ends of one socket. */
const pair = async (
  limits: Partial<WireLimits>,
  hear: (wire: Wire, message: AgentMessage) => Promise<void>,
  autoPong = true
) => {
  const address = server.address()
  const client = new WebSocket(`ws://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, { autoPong })
  client.on("error", () => undefined)
  const [socket]: Array<WebSocket> = await once(server, "connection")
  if (socket === undefined) throw new Error("no connection")
  const ends: Array<string> = []
  const wire: Wire = makeWire(
    socket,
    (message) => hear(wire, message),
    (why) => void ends.push(why),
    { ...wireLimits, ...limits }
  )
  if (client.readyState !== WebSocket.OPEN) await once(client, "open")
  return { client, wire, ends }
}

describe("a wire", () => {
  it("lets an agent go that does not read what it is sent", async () => {
    const { client, wire, ends } = await pair({ backlog: 200_000 }, () => Promise.resolve())
    client.send(hello)
    client.pause()
    await eventually("it was let go", () => {
      for (let n = 0; n < 50; n++) wire.send({ _tag: "event_notification", text: "x".repeat(100_000) })
      return ends.length > 0
    })
    assert.deepStrictEqual(ends, ["it does not read what it is sent"])
  })

  it("hears the answer to its question also while it works on as much as it may", async () => {
    const answers: Array<boolean> = []
    const { client } = await pair({ busy: 1 }, async (wire) => {
      answers.push(await wire.answers(20_000))
    })
    client.send(hello)
    assert.isTrue(await eventually("it was answered", () => answers[0]))
  })

  it("takes no other pong for the answer", async () => {
    const { client, wire, ends } = await pair({}, () => Promise.resolve(), false)
    client.send(hello)
    client.on("ping", () => client.pong("not that one"))
    assert.isFalse(await wire.answers(500))
    assert.deepStrictEqual(ends, [])
  })

  it("counts pings as messages, for each is answered", async () => {
    const { client, ends } = await pair({ burst: 20, perSecond: 0.001 }, () => Promise.resolve())
    client.send(hello)
    client.on("pong", () => client.ping())
    client.ping()
    await eventually("it was let go", () => ends.length > 0)
    assert.deepStrictEqual(ends, ["too many messages"])
  })

  it("ends a socket that says nothing, and tells of its end once", async () => {
    const { ends } = await pair({ helloMillis: 30 }, () => Promise.resolve())
    await eventually("it has ended", () => ends.length > 0)
    assert.deepStrictEqual(ends, ["no hello in time"])
  })
})
