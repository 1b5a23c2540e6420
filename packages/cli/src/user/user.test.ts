/** `signalbox user`, and being somebody else than the home's owner, as real processes against a hub that speaks TLS. */
import { createServer } from "node:https"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Schema } from "effect"
import { pinnedFetch } from "@signalbox/core/api/pin.ts"
import { makeCertificate } from "@signalbox/core/config/certificate.ts"
import { ensureAdminToken } from "@signalbox/core/config/credentials.ts"
import { elsewhere, plainFingerprint } from "@signalbox/core/config/elsewhere.ts"
import { openHome } from "@signalbox/core/config/Home.ts"
import { writeHubFile } from "@signalbox/core/config/hub-file.ts"
import { serving } from "@signalbox/hub/edge/served-certificate.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { hubTest, RoomsTest } from "../../../../test/support/hub.ts"
import { Pane } from "../../../../test/support/pane.ts"
import { dispose, makeHome, signalboxWith } from "../../../../test/support/signalbox.ts"
import { askAt } from "../read/ask.ts"

const certificate = Effect.acquireUseRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "signalbox-user-"))),
  (directory) =>
    makeCertificate({ tls: join(directory, "tls") }, { names: ["0.0.0.0"], days: 2, replace: false }, Date.now()),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

const Made = Schema.Struct({ token: Schema.String, tokenId: Schema.String })
const Listed = Schema.Struct({
  accounts: Schema.Array(Schema.Struct({ name: Schema.String, role: Schema.String, password: Schema.Boolean }))
})

describe("signalbox user", () => {
  it.live(
    "makes accounts whose tokens open the hub from anywhere, until they are revoked",
    () =>
      Effect.gen(function* () {
        const home = yield* Effect.acquireRelease(
          Effect.promise(() => makeHome()),
          (made) => Effect.promise(() => dispose(made))
        )
        const paths = yield* openHome(home.env["SIGNALBOX_HOME"] ?? "")
        const adminToken = yield* ensureAdminToken(paths)
        const made = yield* certificate
        const hub = yield* Layer.build(hubTest({ adminToken, host: "0.0.0.0", certificate: serving(made) }))
        const { url, port, tls } = yield* Effect.provide(HubAddress, hub)
        yield* writeHubFile(paths, { url, pid: process.pid, startedAt: yield* DateTime.now, version: "1.2.3" })
        const as =
          (env: Readonly<Record<string, string>>, input = "") =>
          (...args: ReadonlyArray<string>) =>
            Effect.promise(() => signalboxWith(home, { env, input, timeoutMs: 120_000 }, ...args))
        const owner = as({})
        const password = "correct horse battery"

        const added = yield* as({}, `${password}\nsomething else\n`)(
          "user",
          "add",
          "ana",
          "--role",
          "operator",
          "--password-stdin"
        )
        assert.strictEqual(added.code, 0, added.stderr)
        assert.notInclude(added.stdout + added.stderr, password)
        const signedIn = yield* Effect.promise(() =>
          fetch(`${url}/api/v1/sign-in`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ name: "ana", password })
          })
        )
        assert.strictEqual(signedIn.status, 200, "the password is the first line")
        const again = yield* owner("user", "add", "ana", "--role", "admin")
        assert.deepStrictEqual([again.code, again.stdout], [1, ""])
        assert.match(again.stderr, /an account ana already/u)
        const wrong = yield* owner("user", "add", "An a", "--role", "admin")
        assert.strictEqual(wrong.code, 2)
        const { token, tokenId } = (yield* owner(
          "--json",
          "user",
          "token",
          "ana",
          "--label",
          "x",
          "--expires",
          "30d"
        )).json(Made)
        assert.deepInclude((yield* owner("user", "list", "--json")).json(Listed).accounts, {
          name: "ana",
          role: "operator",
          password: true
        })

        const ana = as({ SIGNALBOX_TOKEN: token })
        assert.strictEqual((yield* ana("user", "whoami")).stdout, "ana, operator\n")
        const forbidden = yield* ana("user", "role", "ana", "admin")
        assert.strictEqual(forbidden.code, 1)
        assert.match(forbidden.stderr, /Managing accounts is for accounts with the role admin; ana is operator\./u)

        const far = { SIGNALBOX_HOME: join(home.path, "elsewhere"), SIGNALBOX_HUB_URL: `https://127.0.0.1:${port}` }
        const pin = { SIGNALBOX_HUB_FINGERPRINT: tls?.fingerprint ?? "" }
        const afar = as({ ...far, ...pin, SIGNALBOX_TOKEN: token })
        assert.strictEqual((yield* afar("user", "whoami")).stdout, "ana, operator\n")
        const read = yield* afar("task", "list", "--json")
        assert.strictEqual(read.code, 0, read.stderr)
        const other = as({ ...far, SIGNALBOX_HUB_FINGERPRINT: "ab".repeat(32), SIGNALBOX_TOKEN: token })
        for (const words of [
          ["user", "whoami"],
          ["task", "list"]
        ]) {
          const refused = yield* other(...words)
          assert.strictEqual(refused.code, 2)
          assert.match(refused.stderr, /WRONG_CERTIFICATE/u)
        }
        const program = fileURLToPath(new URL("../../bin/signalbox.mjs", import.meta.url))
        const screen = (
          name: string,
          env: Readonly<Record<string, string>>,
          seen: RegExp,
          ...keys: ReadonlyArray<string>
        ) =>
          Effect.acquireUseRelease(
            Effect.sync(() => new Pane(name)),
            (pane) =>
              Effect.promise(async () => {
                await pane.start([process.execPath, program, "tui"], 100, 30, { ...home.env, ...env })
                await pane.until(seen)
                if (keys.length > 0) await pane.keys(...keys)
                return pane.ended()
              }),
            (pane) => Effect.promise(() => pane.stop())
          )
        const pinned = { ...far, ...pin, SIGNALBOX_TOKEN: token }
        assert.strictEqual(yield* screen("tui-afar", pinned, /● live/u, "q"), 0)
        const imposter = { ...pinned, SIGNALBOX_HUB_FINGERPRINT: "ab".repeat(32) }
        assert.strictEqual(yield* screen("tui-imposter", imposter, /is not the hub that was meant/u), 1)
        assert.strictEqual(yield* screen("tui-home", { SIGNALBOX_TOKEN: token }, /● live/u, "q"), 0)

        const unpinned = yield* as({ ...far, SIGNALBOX_TOKEN: token })("user", "whoami")
        assert.strictEqual(unpinned.code, 2, "no certificate is trusted by silence")
        const noToken = yield* as({ ...far, ...pin })("task", "list")
        assert.strictEqual(noToken.code, 2)
        assert.match(noToken.stderr, /give a token of it in SIGNALBOX_TOKEN/u)

        assert.strictEqual((yield* owner("user", "revoke", tokenId)).code, 0)
        for (const words of [
          ["user", "whoami"],
          ["task", "list"]
        ]) {
          const refused = yield* ana(...words)
          assert.strictEqual(refused.code, 1)
          assert.match(refused.stderr, /The token is not known to this hub, or it has ended\./u)
        }
        assert.strictEqual((yield* owner("user", "revoke", "ana")).code, 0)
        assert.strictEqual((yield* owner("user", "revoke", "ana")).code, 1)
      }).pipe(Effect.scoped, Effect.provide(RoomsTest)),
    { timeout: 240_000 }
  )
})

describe("another hub in the environment", () => {
  it("is understood, or refused with a sentence", () => {
    const pin = "AB:".repeat(31) + "AB"
    assert.deepStrictEqual(
      elsewhere({
        SIGNALBOX_HUB_URL: "https://hub.example:49152/",
        SIGNALBOX_TOKEN: " t ",
        SIGNALBOX_HUB_FINGERPRINT: pin
      }),
      { url: "https://hub.example:49152", token: "t", fingerprint: "ab".repeat(32) }
    )
    assert.deepStrictEqual(elsewhere({ SIGNALBOX_TOKEN: "" }), {
      url: undefined,
      token: undefined,
      fingerprint: undefined
    })
    assert.strictEqual(plainFingerprint(`SHA256:${pin}`), "ab".repeat(32))
    const table: ReadonlyArray<readonly [NodeJS.ProcessEnv, RegExp]> = [
      [{ SIGNALBOX_TOKEN: "a b" }, /does not hold a token/u],
      [{ SIGNALBOX_TOKEN: "a\r\nx-evil: 1" }, /does not hold a token/u],
      [{ SIGNALBOX_HUB_FINGERPRINT: "abc" }, /no fingerprint/u],
      [{ SIGNALBOX_HUB_URL: "https://hub" }, /SIGNALBOX_TOKEN/u],
      [{ SIGNALBOX_HUB_URL: "hub:1", SIGNALBOX_TOKEN: "t" }, /no address/u],
      [{ SIGNALBOX_HUB_URL: "file:///etc/passwd", SIGNALBOX_TOKEN: "t" }, /no address/u],
      [{ SIGNALBOX_HUB_URL: "https://me:pw@hub", SIGNALBOX_TOKEN: "t" }, /no address/u],
      [{ SIGNALBOX_HUB_URL: "http://hub.example", SIGNALBOX_TOKEN: "t" }, /https only/u],
      [{ SIGNALBOX_HUB_URL: "http://127.0.0.1.evil.example", SIGNALBOX_TOKEN: "t" }, /https only/u]
    ]
    for (const [environment, wanted] of table) {
      const found = elsewhere(environment)
      assert.match("problem" in found ? found.problem : "", wanted, JSON.stringify(environment))
    }
  })

  it.live("gets nothing before its certificate is the pinned one, and then everything", () =>
    Effect.gen(function* () {
      const made = yield* certificate
      const heard: Array<string> = []
      const server = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<ReturnType<typeof createServer>>((resolve) => {
              const one = createServer({ cert: made.cert, key: made.key }, (request, response) => {
                let body = ""
                request.on("data", (part: Buffer) => (body += part.toString()))
                request.on("end", () => {
                  heard.push(`${request.method} ${request.headers.authorization} ${body}`)
                  response.setHeader("content-type", "application/json")
                  response.statusCode = request.method === "POST" ? 201 : 200
                  response.end(`{"said":${JSON.stringify(body)}}`)
                })
              })
              one.listen(0, "127.0.0.1", () => resolve(one))
            })
        ),
        (one) => Effect.sync(() => one.close())
      )
      const address = server.address()
      const url = `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/x`
      const right = plainFingerprint(made.fingerprint) ?? ""
      const post = (fingerprint: string) =>
        Effect.promise(() =>
          pinnedFetch(fingerprint)(url, { method: "POST", headers: { authorization: "Bearer t" }, body: "hello" }).then(
            async (response) => `${response.status} ${await response.text()}`,
            (error: unknown) => String(error)
          )
        )
      assert.match(yield* post("0".repeat(64)), /another certificate/u)
      const asked = (fingerprint: string | undefined) =>
        Effect.promise(() =>
          askAt({ url, token: "t", fingerprint })
            .get("/x", {}, (answer): answer is object => typeof answer === "object")
            .then(JSON.stringify, (error: unknown) => String(error))
        )
      assert.match(yield* asked("0".repeat(64)), /WRONG_CERTIFICATE/u)
      assert.match(yield* asked(undefined), /does not answer/u)
      assert.deepStrictEqual(heard, [])
      assert.strictEqual(yield* post(right), '201 {"said":"hello"}')
      assert.strictEqual(yield* asked(right), '{"said":""}')
      assert.deepStrictEqual(heard, ["POST Bearer t hello", "GET Bearer t "])
    }).pipe(Effect.scoped)
  )
})
