import { assert, describe, it } from "@effect/vitest"
import { redact, redactJson } from "./redact.ts"

const secrets: ReadonlyArray<readonly [string, string]> = [
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKC\nAQEA7\n-----END RSA PRIVATE KEY-----", "MIIEpAIBAAKC"],
  ["app: -----BEGIN OPENSSH PRIVATE KEY-----\napp: b3BlbnNzaC1rZXk\napp: and the rest was cut", "b3BlbnNzaC1rZXk"],
  ["Authorization: Bearer abcdef0123456789", "abcdef0123456789"],
  ["authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"],
  ["token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl accepted", "eyJzdWIiOiIxIn0"],
  ["aws key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"],
  ["key sk-proj-abcdefghijklmnop1234 refused", "abcdefghijklmnop1234"],
  ["clone with ghp_0123456789abcdefghijABCDEFGHIJ0123", "0123456789abcdefghij"],
  ["github_pat_11ABCDEFG0abcdefghijkl_xyz", "11ABCDEFG0"],
  ["postgres://app:hunter2secret@db1/app", "hunter2secret"],
  ["DB_PASSWORD=hunter2", "hunter2"],
  ['{"password": "hunter 2 with spaces", "user": "ana"}', "hunter 2"],
  ["client_secret: 'q w e r'", "q w e r"],
  ["mysql --password hunter2 -u root", "hunter2"],
  ["?api_key=0f0f0f0f&x=1", "0f0f0f0f"],
  ["Set-Cookie: sid=31d4d96e407aad42; Path=/", "31d4d96e407aad42"]
]
const ordinary = [
  "nginx.service: Main process exited, code=exited, status=1/FAILURE",
  "Failed password for root from 203.0.113.9 port 4711 ssh2",
  "connect() failed (111: Connection refused) while connecting to upstream http://127.0.0.1:8080/",
  "Out of memory: Killed process 4242 (java) total-vm:8123456kB",
  "task-20261121-101500-abc123 took 5 s"
]

describe("redaction", () => {
  it.each(secrets)("takes the secret out of %j", (text, secret) => {
    assert.include(text, secret)
    assert.notInclude(redact(text), secret)
    assert.include(redact(text), "[redacted]")
  })
  it.each(ordinary)("leaves %j as it is", (text) => {
    assert.strictEqual(redact(text), text)
  })
  it("keeps who it was about", () => {
    assert.strictEqual(redact("user=ana password=x1 host=db1"), "user=ana password=[redacted] host=db1")
    assert.strictEqual(redact("a\n-----BEGIN X-----\nb\n-----END X-----\nc"), "a\n[redacted]\nc")
  })
  it("takes a time that grows with the text and not with its square", () => {
    const took = (text: string) => {
      const began = performance.now()
      redact(text)
      return performance.now() - began
    }
    for (const hostile of ["password", "a", "-----BEGIN A-----", "token=", "://a:", "-- ", "bearer ", "eyJ"])
      assert.isBelow(took(hostile.repeat(100_000 / hostile.length)), 5_000, hostile)
  })
})

describe("redacting data", () => {
  const at = "2026-11-21T10:00:00.000Z"
  const line = (text: string) => ({ at, unit: "app.service", text })

  it("takes a key out that comes line by line, and nothing behind it", () => {
    const key = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0", "BAQEFAASCBKcwggSj", "AgEA=="]
    const end = "-----END PRIVATE KEY-----"
    const clean = redactJson({ lines: [...key, end, "connect() failed: Connection refused"].map(line) })
    const text = JSON.stringify(clean)
    for (const part of key.slice(1)) assert.notInclude(text, part)
    assert.include(text, "connect() failed: Connection refused")
    assert.include(text, at)
    assert.deepStrictEqual(redactJson({ lines: [line("fine"), line("MIIEvQIBADANBgkqhkiG9w0 is a checksum")] }), {
      lines: [line("fine"), line("MIIEvQIBADANBgkqhkiG9w0 is a checksum")]
    })
    const cut = JSON.stringify(redactJson([...key, "nginx.service: started", "x MIIEvQIBADANBgkqhkiG9w0"]))
    assert.include(cut, "nginx.service: started")
    assert.notInclude(cut, "MIIEvQIBADANBgkqhkiG9w0")
  })

  it("takes out what a field holds whose name says that it is a secret", () => {
    assert.deepStrictEqual(redactJson({ api_key: "0f0f", name: "web1", tokens: 12 }), {
      api_key: "[redacted]",
      name: "web1",
      tokens: 12
    })
  })
})
