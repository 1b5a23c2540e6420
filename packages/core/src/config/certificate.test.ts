import { spawnSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { makeCertificate, readCertificate, readPair } from "./certificate.ts"

const now = Date.UTC(2026, 10, 21)
const home = Effect.acquireRelease(
  Effect.promise(async () => ({ tls: join(await mkdtemp(join(tmpdir(), "signalbox-tls-")), "tls") })),
  ({ tls }) => Effect.promise(() => rm(join(tls, ".."), { recursive: true, force: true }))
)
const wanted = { names: ["box.example.com", "192.0.2.7"], days: 30, replace: false }

describe("the certificate of a home", () => {
  it.live("is made once, private, and read back with its names and fingerprint", () =>
    Effect.gen(function* () {
      const at = yield* home
      assert.isUndefined(yield* readCertificate(at, now))
      const made = yield* makeCertificate(at, wanted, now)
      const read = yield* readCertificate(at, now)
      assert.deepStrictEqual(read, made)
      for (const name of ["box.example.com", "192.0.2.7", "localhost", "127.0.0.1"]) assert.include(made.names, name)
      assert.strictEqual(made.fingerprint, new X509Certificate(made.cert).fingerprint256)
      assert.strictEqual(made.expiresAt, "2026-12-21T00:00:00.000Z")
      assert.strictEqual((yield* Effect.promise(() => stat(join(at.tls, "key.pem")))).mode & 0o777, 0o600)
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(at.tls, ".."))), ["tls"])
    })
  )

  it.live("is replaced only when that is said", () =>
    Effect.gen(function* () {
      const at = yield* home
      const made = yield* makeCertificate(at, wanted, now)
      const refused = yield* Effect.flip(makeCertificate(at, wanted, now))
      assert.match(refused.message, /already.*--replace/u)
      assert.strictEqual((yield* readCertificate(at, now))?.fingerprint, made.fingerprint)
      const again = yield* makeCertificate(at, { ...wanted, replace: true }, now)
      assert.notStrictEqual(again.fingerprint, made.fingerprint)
      assert.strictEqual((yield* readCertificate(at, now))?.fingerprint, again.fingerprint)
    })
  )

  it.live("is the one before when a replacement was cut off between its steps, and nothing of that stays", () =>
    Effect.gen(function* () {
      const at = yield* home
      const made = yield* makeCertificate(at, wanted, now)
      const other = yield* home
      yield* makeCertificate(other, wanted, now)
      const dead = spawnSync("true").pid
      yield* Effect.promise(async () => {
        await rename(at.tls, `${at.tls}.${dead}-0badcafe.old`)
        await rename(other.tls, `${at.tls}.${dead}-0badcafe`)
      })
      // all who look at this moment see the same
      const seen = yield* Effect.all(
        Array.from({ length: 10 }, () => readCertificate(at, now)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(seen.map((one) => one?.fingerprint)), new Set([made.fingerprint]))
      const again = yield* makeCertificate(at, { ...wanted, replace: true }, now)
      assert.strictEqual((yield* readCertificate(at, now))?.fingerprint, again.fingerprint)
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(at.tls, ".."))), ["tls"])
    })
  )

  it.live("is one of those that were made at the same moment, and whole at every moment", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* makeCertificate(at, wanted, now)
      const reading = yield* readCertificate(at, now).pipe(Effect.repeat({ times: 200 }), Effect.forkChild)
      const made = yield* Effect.all(
        Array.from({ length: 8 }, () => makeCertificate(at, { ...wanted, replace: true }, now)),
        { concurrency: "unbounded" }
      )
      yield* Fiber.join(reading)
      const last = yield* readCertificate(at, now)
      assert.include(
        made.map((one) => one.fingerprint),
        last?.fingerprint
      )
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(join(at.tls, ".."))), ["tls"])
    })
  )

  it.live("is refused with the mend when it expired, is garbage, is half, fits another key or is open to others", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* makeCertificate(at, wanted, now)
      const [cert, key] = [join(at.tls, "cert.pem"), join(at.tls, "key.pem")]
      const problem = (when = now) => Effect.map(Effect.flip(readPair(cert, key, when)), (error) => error.message)
      assert.match(yield* problem(now + 31 * 86_400_000), /expired on 2026-12-21.*--replace/u)
      yield* Effect.promise(() => chmod(key, 0o644))
      assert.match(yield* problem(), /can be read by others \(mode 0644\)/u)
      yield* Effect.promise(() => chmod(key, 0o600))
      const other = yield* home
      const foreign = yield* makeCertificate(other, wanted, now)
      const own = yield* Effect.promise(() => readFile(key, "utf8"))
      yield* Effect.promise(() => writeFile(key, foreign.key))
      assert.match(yield* problem(), /does not belong to it/u)
      yield* Effect.promise(() => writeFile(key, own))
      yield* Effect.promise(() => writeFile(cert, "-----BEGIN CERTIFICATE-----\nnonsense"))
      assert.match(yield* problem(), /does not hold a certificate/u)
      yield* Effect.promise(() => rm(cert))
      assert.match(yield* problem(), /cert\.pem is missing/u)
    })
  )
})
