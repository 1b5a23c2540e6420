import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { holdEarly } from "./listen.ts"

describe("a port that is open before its routes are there", () => {
  it("answers what came early as soon as it can", async () => {
    const server = holdEarly(createServer())
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`
    const connected = new Promise<void>((resolve) => server.once("connection", () => resolve()))
    const early = fetch(url, { signal: AbortSignal.timeout(60_000) }).then((response) => response.text())
    await connected
    server.on("request", (_, response) => response.end("here"))
    assert.strictEqual(await early, "here")
    assert.strictEqual(await (await fetch(url)).text(), "here")
    server.close()
    server.closeAllConnections()
  })
})
