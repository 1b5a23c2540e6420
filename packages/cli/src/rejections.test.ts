import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const source = new URL("./rejections.ts", import.meta.url).href
const driver =
  import.meta.resolve?.("postgres") ??
  fileURLToPath(new URL("../../../node_modules/postgres/src/index.js", import.meta.url))

/** Runs a program with the guard; answers its exit code and what it said. */
const guarded = (program: string) =>
  new Promise<{ code: number | null; said: string }>((resolve) => {
    const text = `import { guardRejections } from ${JSON.stringify(source)}; guardRejections(); ${program}`
    const child = spawn(process.execPath, ["--input-type=module", "-e", text])
    let said = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()))
    child.once("close", (code) => resolve({ code, said }))
  })

describe("a rejection that nobody awaits", () => {
  it("does not end the process when it is the driver's question for array types, cut by a dying server", async () => {
    // a server that lets in, and resets the connection at the first question, as the kernel does for a killed one
    const server = createServer((socket) => {
      let begun = false
      socket.on("error", () => {})
      socket.on("data", () => {
        if (begun) return socket.resetAndDestroy()
        begun = true
        return socket.write(Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 0, 90, 0, 0, 0, 5, 73]))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const { code, said } = await guarded(`
      const { default: postgres } = await import(${JSON.stringify(driver)});
      const sql = postgres("postgres://u:p@127.0.0.1:${port}/x", { max: 1 });
      process.on("unhandledRejection", (reason) => setImmediate(() => { console.log("survived", reason.code); process.exit(0) }));
      sql\`select 1\`.catch(() => {})`)
    server.close()
    assert.include(said, "survived ECONNRESET")
    assert.strictEqual(code, 0)
  })

  it("ends it with exit code 1 when it is anything else", async () => {
    const { code, said } = await guarded(
      "Promise.reject(new Error('forgotten')); setTimeout(() => process.exit(0), 5000)"
    )
    assert.strictEqual(code, 1)
    assert.include(said, "error: Error: forgotten")
  })
})
