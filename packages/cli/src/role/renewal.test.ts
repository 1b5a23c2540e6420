/** A certificate whose files change under a running server, as people and their tools change them. */
import { chmod, copyFile, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { generate } from "selfsigned"
import { certFile, keyFile, makeCertificate, readPair } from "@signalbox/core/config/certificate.ts"
import { serving } from "@signalbox/hub/edge/served-certificate.ts"
import { certificate as checkOf } from "../doctor/services.ts"
import { followFiles, type Shown } from "./renewal.ts"

const day = 86_400_000
const make = (directory: string, name: string) =>
  makeCertificate({ tls: join(directory, name) }, { names: [], days: 30, replace: false }, Date.now())

/** Two pairs of which the first is shown, files that hold it, and what is told of them. */
const followed = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-renewal-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const [first, second] = [yield* make(directory, "live"), yield* make(directory, "next")]
  const [live, next] = [{ tls: join(directory, "live") }, { tls: join(directory, "next") }]
  const [cert, key] = [certFile(live), keyFile(live)]
  const served = serving(first)
  const heard = yield* Queue.unbounded<Shown>()
  yield* Effect.forkScoped(
    followFiles({
      files: [cert, key],
      read: Effect.flatMap(readPair(cert, key, Date.now()), Effect.fromNullishOr).pipe(
        Effect.catchTag("NoSuchElementError", () => Effect.die("the files are never both gone here"))
      ),
      served,
      told: (shown) => Effect.asVoid(Queue.offer(heard, shown)),
      every: "2 millis"
    }),
    { startImmediately: true }
  )
  /** Files are seen while they are written, too: what is told until it is as wanted is passed over, and is never the same twice. */
  const told = (wanted: (shown: Shown) => boolean) =>
    Effect.gen(function* () {
      let before: Shown | undefined
      for (;;) {
        const shown = yield* Queue.take(heard)
        assert.notDeepEqual(shown, before)
        before = shown
        if (wanted(shown)) return shown
      }
    }).pipe(Effect.timeout("30 seconds"), Effect.orDie)
  return { first, second, cert, key, next, served, told }
})
const file = (work: () => Promise<unknown>) => Effect.promise(work)

it.live("is taken when both halves are there, and not before: with one of them the one before stays", () =>
  Effect.gen(function* () {
    const { first, second, cert, key, next, served, told } = yield* followed
    yield* file(() => copyFile(certFile(next), cert))
    const half = yield* told(({ problem }) => /does not belong to it/u.test(problem ?? ""))
    assert.strictEqual(half.fingerprint, first.fingerprint)
    assert.strictEqual(served.now().fingerprint, first.fingerprint)
    yield* file(() => copyFile(keyFile(next), key))
    const whole = yield* told(({ problem }) => problem === undefined)
    assert.deepStrictEqual(whole, { fingerprint: second.fingerprint, expiresAt: second.expiresAt })
    assert.strictEqual(served.now().key, second.key)
  })
)

it.live("that is cut off, nonsense, gone or open to others stays out, and what was there before is good again", () =>
  Effect.gen(function* () {
    const { first, cert, key, served, told } = yield* followed
    const good = yield* Effect.promise(() => readFile(cert, "utf8"))
    const weak = yield* Effect.promise(() => generate([], { keyType: "rsa", keySize: 512, algorithm: "sha256" }))
    const broken: ReadonlyArray<readonly [() => Promise<unknown>, RegExp]> = [
      [() => writeFile(cert, good.slice(0, 200)), /does not hold a certificate/u],
      [() => rename(cert, `${cert}.away`), /is missing/u],
      [() => writeFile(cert, good + good.slice(0, 200)), /does not hold a certificate/u],
      [() => writeFile(cert, weak.cert).then(() => writeFile(key, weak.private)), /cannot be served .*key too small/u],
      [
        () =>
          writeFile(cert, good)
            .then(() => writeFile(key, first.key))
            .then(() => chmod(key, 0o644)),
        /can be read by others/u
      ]
    ]
    for (const [spoil, why] of broken) {
      yield* file(spoil)
      const { fingerprint } = yield* told(({ problem }) => why.test(problem ?? ""))
      assert.strictEqual(fingerprint, first.fingerprint)
      assert.strictEqual(served.now().cert, first.cert)
    }
    yield* file(() => chmod(key, 0o600))
    const mended = yield* told(({ problem }) => problem === undefined)
    assert.deepStrictEqual(mended, { fingerprint: first.fingerprint, expiresAt: first.expiresAt })
  })
)

it("doctor says what is shown, what was not taken, and when it ends", () => {
  const shown = { fingerprint: "AB:CD", expiresAt: "2026-12-01T00:00:00.000Z" }
  const at = Date.parse(shown.expiresAt)
  assert.strictEqual(checkOf(shown, at - 30 * day).status, "ok")
  assert.deepInclude(checkOf(shown, at - 3 * day), { status: "warn", detail: "it holds until 2026-12-01 (AB:CD)" })
  assert.strictEqual(checkOf(shown, at).status, "fail")
  const broken = checkOf({ ...shown, problem: "It is cut off." }, at - 30 * day)
  assert.deepInclude(broken, { status: "warn" })
  assert.match(broken.detail, /not taken: It is cut off\. The one before holds until/u)
})
