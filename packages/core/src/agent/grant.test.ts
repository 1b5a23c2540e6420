import { generateKeyPairSync } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { canonicalHash, canonicalJson } from "./canonical.ts"
import {
  argsHash,
  checkGrant,
  privateKeyFrom,
  publicKeyFrom,
  publicKeyText,
  releaseHolds,
  signGrant,
  signRelease
} from "./grant.ts"
import type { Grant } from "./protocol.ts"

const { privateKey, publicKey } = generateKeyPairSync("ed25519")
const at = Date.UTC(2026, 10, 21)
const args = { unit: "nginx.service" }
const commandId = "0198c9a2-0000-7000-8000-000000000001"
const grant: Grant = {
  v: 1,
  commandId,
  agentId: "a1",
  planId: "p-20261121-ABCDEF",
  planHash: "0".repeat(64),
  action: "service.restart",
  argsHash: argsHash(args),
  notBefore: at,
  expiresAt: at + 60_000,
  timeoutMs: 30_000
}
const request = {
  commandId,
  action: grant.action,
  args,
  timeoutMs: 30_000,
  grant,
  signature: signGrant(grant, privateKey)
}
const by = { agentId: "a1", hubKey: publicKey, now: at + 1 }

describe("canonical JSON", () => {
  it("is the same text whatever the order of keys, at every depth", () => {
    assert.strictEqual(
      canonicalJson({ b: [1, { d: null, c: "é\n" }], a: true }),
      '{"a":true,"b":[1,{"c":"é\\n","d":null}]}'
    )
    assert.strictEqual(canonicalHash({ a: 1, b: { c: 2, d: 3 } }), canonicalHash({ b: { d: 3, c: 2 }, a: 1 }))
  })
  it("tells values apart that look alike", () => {
    const texts = [{ a: 1 }, { a: "1" }, { a: [1] }, { a: null }, {}, [], "", null, { "a:1": 1 }, { a: { b: 1 } }].map(
      canonicalJson
    )
    assert.strictEqual(new Set(texts).size, texts.length)
  })
})

describe("a grant", () => {
  it("fits the command that it was given for, whatever the order of the arguments", () => {
    assert.isUndefined(checkGrant(request, by))
    const two = { unit: "a.service", lines: 3 }
    const granted = { ...grant, argsHash: argsHash(two) }
    const signed = {
      ...request,
      args: { lines: 3, unit: "a.service" },
      grant: granted,
      signature: signGrant(granted, privateKey)
    }
    assert.isUndefined(checkGrant(signed, by))
  })

  const changed = <K extends keyof Grant>(key: K, value: Grant[K]) => ({
    ...request,
    grant: { ...grant, [key]: value }
  })
  const cases = [
    ["not-signed", "a grant changed in its agent", changed("agentId", "a2"), by],
    ["not-signed", "a grant made to last longer", changed("expiresAt", at + 600_000), by],
    ["not-signed", "a grant for another plan", changed("planHash", "1".repeat(64)), by],
    ["not-signed", "a signature of nothing", { ...request, signature: "" }, by],
    [
      "not-signed",
      "a signature by another key",
      { ...request, signature: signGrant(grant, generateKeyPairSync("ed25519").privateKey) },
      by
    ],
    ["other-agent", "a grant replayed at another agent", request, { ...by, agentId: "a2" }],
    [
      "other-command",
      "a grant under a new command id",
      { ...request, commandId: "0198c9a2-0000-7000-8000-000000000002" },
      by
    ],
    ["other-action", "a grant for another action", { ...request, action: "service.stop" }, by],
    ["other-arguments", "a grant with other arguments", { ...request, args: { unit: "sshd.service" } }, by],
    ["other-arguments", "a grant with more arguments", { ...request, args: { ...args, force: true } }, by],
    ["other-arguments", "an act whose guard was taken away or added", { ...request, guardMillis: 1 }, by],
    ["other-arguments", "an act that would be ended sooner", { ...request, timeoutMs: 1 }, by],
    ["not-signed", "a grant with another time limit", changed("timeoutMs", 1), by],
    ["too-early", "a grant for later than clocks may differ", request, { ...by, now: at - 60_001 }]
  ] as const
  it.each(cases)("is refused as %s: %s", (reason, _, asked, at) => {
    assert.strictEqual(checkGrant(asked, at), reason)
  })
})

describe("a word that ends a guard", () => {
  const release = { agentId: "a1", commandId }
  const signature = signRelease(release, privateKey)
  it("holds for one command of one agent, signed by the hub", () => {
    assert.isTrue(releaseHolds(release, signature, publicKey))
    assert.isFalse(releaseHolds({ ...release, agentId: "a2" }, signature, publicKey))
    assert.isFalse(
      releaseHolds({ ...release, commandId: "0198c9a2-0000-7000-8000-000000000002" }, signature, publicKey)
    )
    assert.isFalse(releaseHolds(release, "", publicKey))
    assert.isFalse(releaseHolds(release, signRelease(release, generateKeyPairSync("ed25519").privateKey), publicKey))
  })
  it("is not what signs the command itself", () => {
    assert.isFalse(releaseHolds(release, request.signature, publicKey))
    assert.strictEqual(checkGrant({ ...request, signature }, by), "not-signed")
  })
})

describe("keys", () => {
  it("travel as text and are Ed25519 or nothing", () => {
    assert.isTrue(publicKeyFrom(publicKeyText(privateKey))?.equals(publicKey))
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString()
    assert.isTrue(privateKeyFrom(pem)?.equals(privateKey))
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 })
    assert.isUndefined(publicKeyFrom(rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64")))
    assert.isUndefined(privateKeyFrom(rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString()))
    assert.isUndefined(publicKeyFrom("no key"))
  })
})
