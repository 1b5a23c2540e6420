import { execFile } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer, type Server } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, beforeEach, expect, it } from "vitest"
import { trust } from "./trust.ts"

let directory: string
let server: Server
let url: string
let fingerprint: string
let requests: number

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "signalbox-trust-"))
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
  const subject = ["-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1"]
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  await promisify(execFile)("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject])
  const pem = await readFile(cert)
  fingerprint = new X509Certificate(pem).fingerprint256
  requests = 0
  server = createServer({ key: await readFile(key), cert: pem }, (_request, response) => {
    requests++
    response.end("hello")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  url = `https://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(directory, { recursive: true })
})

it("lets fetch reach a hub with its own certificate, and only with the right fingerprint", async () => {
  await expect(fetch(url)).rejects.toThrow()
  await expect(trust(url, "ab".repeat(32))).rejects.toThrow(
    /shows a certificate with the fingerprint .* Nothing was sent/u
  )
  await expect(fetch(url)).rejects.toThrow()
  expect(requests).toBe(0)
  await trust(url, fingerprint.toLowerCase().replaceAll(":", ""))
  expect(await (await fetch(url)).text()).toBe("hello")
})

it("says what happened when there is nobody", async () => {
  server.close()
  await expect(trust("https://127.0.0.1:1", fingerprint)).rejects.toThrow(
    /The certificate of 127.0.0.1:1 could not be looked at: .*ECONNREFUSED/u
  )
  await trust("http://127.0.0.1:1", fingerprint) // nothing to trust without TLS
})
