import { mkdtempSync, rmSync } from "node:fs"
import { request as plainRequest } from "node:http"
import { Agent, request } from "node:https"
import { connect } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { TLSSocket } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { makeCertificate } from "@signalbox/core/config/certificate.ts"
import { adminToken, hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { HubAddress } from "../HubAddress.ts"
import { serving } from "./served-certificate.ts"

const certificate = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "signalbox-tls-"))),
  (directory) =>
    makeCertificate({ tls: join(directory, "tls") }, { names: ["0.0.0.0"], days: 2, replace: false }, Date.now()),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)
const served = (host: string) =>
  Layer.unwrap(Effect.map(certificate, (made) => hubTest({ host, certificate: serving(made) }))).pipe(
    Layer.provideMerge(RoomsTest)
  )
/** This machine as others see it. */
const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find((one) => !one.internal && one.family === "IPv4")?.address

interface Answer {
  readonly status: number
  readonly text: string
  readonly fingerprint: string
  /** The port that it was asked from. */
  readonly from: number | undefined
}
const ask = (
  url: string,
  headers: { readonly [name: string]: string } = {},
  agent: Agent | false = false
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const secure = url.startsWith("https")
    const sent = (secure ? request : plainRequest)(
      url,
      { headers, ...(secure ? { rejectUnauthorized: false } : {}), agent },
      (response) => {
        const { socket } = response
        const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
        const fingerprint = shown?.fingerprint256 ?? ""
        const from = socket.localPort
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (part: string) => (text += part))
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text, fingerprint, from }))
      }
    )
    sent.on("error", reject)
    sent.end()
  })
const asking = (url: string, headers?: { readonly [name: string]: string }) =>
  Effect.promise(() => ask(url, headers ?? {}))
const authorization = `Bearer ${Redacted.value(adminToken)}`

describe("a hub that other machines reach", () => {
  for (const host of ["0.0.0.0", outside ?? "0.0.0.0"])
    it.live(`speaks TLS with its certificate to everybody, and plain HTTP to this machine only (${host})`, () =>
      Effect.gen(function* () {
        const { url, port, tls } = yield* HubAddress
        assert.strictEqual(url, `http://127.0.0.1:${port}`)
        assert.strictEqual((yield* asking(`${url}/health`)).status, 200)
        assert.strictEqual((yield* asking(`${url}/api/v1/tasks`, { authorization })).status, 200)
        assert.isNotNull(tls)
        const far = `https://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`
        const health = yield* asking(`${far}/health`)
        assert.strictEqual(health.status, 200)
        assert.strictEqual(health.fingerprint, tls?.fingerprint)
        assert.strictEqual((yield* asking(`${far}/api/v1/tasks`)).status, 401, "sign-in is needed")
        const signedIn = yield* asking(`${far}/api/v1/tasks`, { authorization, host: "hub.example" })
        assert.strictEqual(signedIn.status, 200)
        if (outside === undefined) return
        const open = yield* asking(`http://${outside}:${port}/health`)
        assert.strictEqual(open.status, 400)
        assert.match(open.text, /speaks TLS/u)
      }).pipe(Effect.provide(served(host)))
    )

  it.live(
    "shows a certificate that takes the place of the first to new connections, and goes on with those that are open",
    () =>
      Effect.gen(function* () {
        const [first, second] = [yield* certificate, yield* certificate]
        const shown = serving(first)
        yield* Effect.gen(function* () {
          const address = yield* HubAddress
          const far = `https://127.0.0.1:${address.port}/health`
          const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 })
          yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
          const open = () => Effect.promise(() => ask(far, {}, agent))
          const before = yield* open()
          assert.strictEqual(before.fingerprint, first.fingerprint)
          shown.replace(second)
          assert.deepInclude(yield* open(), { status: 200, from: before.from }, "the connection that is open")
          assert.deepInclude(yield* asking(far), { status: 200, fingerprint: second.fingerprint }, "one more")
          assert.strictEqual(address.tls?.fingerprint, second.fingerprint, "what an invite tells")
        }).pipe(Effect.provide(hubTest({ host: "0.0.0.0", certificate: shown })))
      }).pipe(Effect.provide(RoomsTest))
  )

  it.live("is not harmed by broken handshakes, silence and garbage", () =>
    Effect.gen(function* () {
      const { url, port } = yield* HubAddress
      const closed = (bytes: Buffer) =>
        Effect.callback<void>((resume) => {
          const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
          socket.on("error", () => {})
          socket.on("close", () => resume(Effect.void))
          socket.resume()
        })
      yield* closed(Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5]))
      yield* closed(Buffer.from("\u0000\u0001 nothing HTTP\r\n\r\n"))
      const silent = connect(port, "127.0.0.1")
      assert.strictEqual((yield* asking(`${url}/health`)).status, 200)
      silent.destroy()
    }).pipe(Effect.provide(served("0.0.0.0")))
  )

  it.live("streams events over TLS, and ends them when it stops", () =>
    Effect.gen(function* () {
      const { port } = yield* HubAddress
      const first = yield* Effect.callback<string>((resume) => {
        const stream = request(
          `https://127.0.0.1:${port}/api/v1/events`,
          { headers: { authorization }, rejectUnauthorized: false, agent: false },
          (response) => {
            response.setEncoding("utf8")
            response.once("data", (part: string) => {
              resume(Effect.succeed(part))
              stream.destroy()
            })
          }
        )
        stream.on("error", () => {})
        stream.end()
      })
      assert.match(first, /caught-up|retry|:/u)
    }).pipe(Effect.provide(served("0.0.0.0")))
  )

  it.live("does not begin without a certificate", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(Effect.provide(HubAddress, hubTest({ host: "0.0.0.0" })))
      assert.match(refused.message, /signalbox cert/u)
    }).pipe(Effect.provide(RoomsTest))
  )
})
