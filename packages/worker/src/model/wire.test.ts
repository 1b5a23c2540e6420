import { once } from "node:events"
import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { openWire } from "./wire.ts"

const patience = { firstMs: 60_000, silenceMs: 60_000 }

const serve = async () => {
  const paths: Array<string> = []
  const server = createServer((req, res) => {
    paths.push(req.url ?? "")
    res.end("heard")
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, "close")
  }
  return { url, paths, close }
}

describe("a request on the wire", () => {
  it("is not sent before it may go", async () => {
    const { url, paths, close } = await serve()
    const { promise, resolve: go } = Promise.withResolvers<void>()
    const wire = openWire(patience, Date.now, promise)
    const answer = wire.fetch(`${url}/held`)
    await (await fetch(`${url}/other`)).text()
    assert.deepStrictEqual(paths, ["/other"])
    go()
    assert.strictEqual(await (await answer).text(), "heard")
    assert.deepStrictEqual(paths, ["/other", "/held"])
    wire.close()
    await close()
  })

  it("is never sent when it was given up before it could go", async () => {
    const { url, paths, close } = await serve()
    const { promise, resolve: go } = Promise.withResolvers<void>()
    const wire = openWire(patience, Date.now, promise)
    const refused = wire.fetch(`${url}/held`).then(
      () => "sent",
      () => "given up"
    )
    wire.close()
    go()
    assert.strictEqual(await refused, "given up")
    await (await fetch(`${url}/other`)).text()
    assert.deepStrictEqual(paths, ["/other"])
    await close()
  })
})
