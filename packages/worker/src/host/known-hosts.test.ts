import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { fingerprint, formatPublicKey, judge, judgePinned, matchesPattern, parsePublicKey } from "./known-hosts.ts"

const dir = mkdtempSync(join(tmpdir(), "known-hosts-"))
const make = (name: string, ...args: ReadonlyArray<string>) => {
  execFileSync("ssh-keygen", ["-q", "-N", "", "-C", name, "-f", join(dir, name), ...args])
  const line = readFileSync(join(dir, `${name}.pub`), "utf8")
  const key = parsePublicKey(line)
  assert.isDefined(key)
  return { line: line.split(" ").slice(0, 2).join(" "), blob: key!.blob }
}
let ed: ReturnType<typeof make>
let other: ReturnType<typeof make>
let ec: ReturnType<typeof make>
let rsa: ReturnType<typeof make>
beforeAll(() => {
  ed = make("ed", "-t", "ed25519")
  other = make("other", "-t", "ed25519")
  ec = make("ec", "-t", "ecdsa")
  rsa = make("rsa", "-t", "rsa", "-b", "2048")
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe("known_hosts", () => {
  it("judges names, ports, patterns, negation and marks", () => {
    const at = (names: string, host: string, port = 22) => judge(`${names} ${ed.line}\n`, host, port, ed.blob).verdict
    assert.deepEqual(
      [
        at("web", "web"),
        at("WEB", "web"),
        at("web", "Web"),
        at("a,web,b", "web"),
        at("web", "web2"),
        at("[web]:2222", "web", 2222),
        at("[web]:2222", "web"),
        at("web", "web", 2222),
        at("[web]:2222", "web", 2223),
        at("*.lan", "a.lan"),
        at("w?b", "web"),
        at("*.lan,!b.lan", "b.lan"),
        at("!b.lan,*.lan", "b.lan"),
        at("*", "x"),
        at("#web", "web"),
        at("@cert-authority web", "web"),
        at("@revoked web", "web"),
        at("@strange web", "web"),
        at("w.b", "web")
      ],
      [
        "ok",
        "ok",
        "ok",
        "ok",
        "unknown",
        "ok",
        "unknown",
        "ok",
        "unknown",
        "ok",
        "ok",
        "unknown",
        "unknown",
        "ok",
        "unknown",
        "unknown",
        "revoked",
        "unknown",
        "unknown"
      ]
    )
  })
  it("tells a changed key from an unknown type, and which types to ask for", () => {
    assert.deepEqual(judge(`web ${other.line}`, "web", 22, ed.blob), { verdict: "changed", types: ["ssh-ed25519"] })
    assert.deepEqual(judge(`web ${ec.line}`, "web", 22, ed.blob), {
      verdict: "unknown",
      types: ["ecdsa-sha2-nistp256"]
    })
    assert.deepEqual(judge(`web ${rsa.line}`, "web", 22), {
      verdict: "unknown",
      types: ["rsa-sha2-512", "rsa-sha2-256"]
    })
    assert.deepEqual(judge(`web ${other.line}\nweb ${ed.line}`, "web", 22, ed.blob).verdict, "ok")
    assert.deepEqual(judge(`web ${ed.line}\n@revoked * ${ed.line}`, "web", 22, ed.blob), {
      verdict: "revoked",
      types: []
    })
    assert.deepEqual(judge(`@revoked * ${ed.line}`, "web", 2222, ed.blob).verdict, "revoked")
  })
  it("skips damaged lines", () => {
    for (const line of [
      "web",
      "web ssh-ed25519",
      "web ssh-ed25519 !!!!",
      `web ssh-rsa ${ed.line.split(" ")[1]}`,
      "|1|x ssh-ed25519 AAAA",
      "\0\0 \0 \0"
    ])
      assert.deepEqual(judge(line, "web", 22, ed.blob), { verdict: "unknown", types: [] }, line)
  })
  it("agrees with ssh-keygen -F on plain and hashed files", () => {
    const names = ["web", "[web]:2222", "a.lan", "10.0.0.7", "[10.0.0.7]:22022", "x-1.example.org"]
    const lists = ["web", "web,a.lan", "*.lan", "*.lan,!a.lan", "[web]:2222", "10.0.0.?", "[10.0.0.7]:22022,x-*", "*"]
    for (const list of lists)
      for (const hashed of [false, true]) {
        const file = join(dir, "kh")
        writeFileSync(file, `${list} ${ed.line}\n`)
        if (hashed) execFileSync("ssh-keygen", ["-H", "-f", file], { stdio: "ignore" })
        const text = readFileSync(file, "utf8")
        for (const name of names) {
          const [, host = name, port = "22"] = /^\[(.+)\]:(\d+)$/u.exec(name) ?? []
          const found = (one: string) => {
            try {
              execFileSync("ssh-keygen", ["-F", one, "-f", file], { stdio: "ignore" })
              return true
            } catch {
              return false
            }
          }
          const expected = found(name) || (port !== "22" && found(host))
          assert.strictEqual(
            judge(text, host, Number(port), ed.blob).verdict,
            expected ? "ok" : "unknown",
            `${name} in ${text}`
          )
        }
      }
  })
  it("a hostile pattern takes no time", () => {
    assert.isFalse(matchesPattern("*a".repeat(200) + "b", "a".repeat(5000)))
    assert.isTrue(matchesPattern("*a".repeat(200), "a".repeat(5000)))
  })
})

describe("pinned keys", () => {
  it("prints fingerprints as OpenSSH does and reads back what it writes", () => {
    for (const [name, key] of [
      ["ed", ed],
      ["ec", ec],
      ["rsa", rsa]
    ] as const) {
      const told = execFileSync("ssh-keygen", ["-lf", join(dir, `${name}.pub`)], { encoding: "utf8" }).split(" ")[1]
      assert.strictEqual(fingerprint(key.blob), told)
      assert.strictEqual(formatPublicKey(key.blob), key.line)
    }
  })
  it("only pinned keys are good", () => {
    assert.strictEqual(judgePinned([ec.line, ed.line + " me@here"], ed.blob).verdict, "ok")
    assert.deepEqual(judgePinned([other.line], ed.blob), { verdict: "changed", types: ["ssh-ed25519"] })
    assert.strictEqual(judgePinned(["nonsense"], ed.blob).verdict, "changed")
    assert.strictEqual(judgePinned([], ed.blob).verdict, "unknown")
  })
})
