import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { afterAll } from "vitest"
import { importSshConfig, parseSshConfig } from "./ssh-config.ts"

const home = mkdtempSync(join(tmpdir(), "ssh-config-"))
mkdirSync(join(home, ".ssh", "conf.d"), { recursive: true })
const main = join(home, ".ssh", "config")
afterAll(() => rmSync(home, { recursive: true, force: true }))

const text = `
# mine
Host web web-old
  HostName 10.0.0.7
  Port=2222
  user deploy
  IdentityFile "~/.ssh/my key"
  IdentitiesOnly yes

Host db
  HostName %h.internal
  ProxyJump web
Host far
  ProxyJump hop.example.org:2200
Host two
  ProxyJump a,b
Host odd
  ProxyCommand nc %h %p
Host bad_name!x *.lan !web
Host ünicode
Host broken
  Port 99999
Match host web exec "touch ${home}/ran"
  User never
Host *
  User everyone
  IdentityFile ~/.ssh/id_all
`

describe("~/.ssh/config", () => {
  it("gives the aliases with their settings, and says what it left out", () => {
    const { hosts, notes } = parseSshConfig(text, "me")
    assert.deepEqual(
      hosts.map(({ name, address, port, user, keyFile, jump }) => ({ name, address, port, user, keyFile, jump })),
      [
        { name: "web", address: "10.0.0.7", port: 2222, user: "deploy", keyFile: "~/.ssh/my key", jump: undefined },
        { name: "web-old", address: "10.0.0.7", port: 2222, user: "deploy", keyFile: "~/.ssh/my key", jump: undefined },
        { name: "db", address: "db.internal", port: 22, user: "everyone", keyFile: "~/.ssh/id_all", jump: "web" },
        {
          name: "far",
          address: "far",
          port: 22,
          user: "everyone",
          keyFile: "~/.ssh/id_all",
          jump: "me@hop.example.org:2200"
        }
      ]
    )
    assert.isFalse(existsSync(join(home, "ran")))
    assert.deepEqual(
      notes.map((note) => note.split(":")[0]),
      [
        "Match exec blocks were left out",
        "two was left out",
        "odd was left out",
        "ünicode was left out",
        "broken was left out"
      ]
    )
  })
  it("agrees with ssh -G on every host it takes over", () => {
    writeFileSync(main, text.replace(/Match[^]*never\n/u, "").replace("Port 99999", "Port 99"))
    const { hosts } = parseSshConfig(text, "me")
    for (const host of hosts) {
      const said = execFileSync("ssh", ["-G", "-F", main, host.name], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"]
      })
      const of = (key: string) => new RegExp(`^${key} (.*)$`, "mu").exec(said)?.[1]
      assert.deepEqual([of("hostname"), of("port"), of("user")], [host.address, String(host.port), host.user])
      assert.strictEqual(of("identityfile"), host.keyFile)
    }
  })
  it.effect("follows Include with patterns and stops at a circle", () =>
    Effect.gen(function* () {
      writeFileSync(main, "Include conf.d/*.conf\nHost last\n")
      writeFileSync(join(home, ".ssh", "conf.d", "b.conf"), "Host b\n")
      writeFileSync(join(home, ".ssh", "conf.d", "a.conf"), "Host a\n  HostName one\n")
      const { hosts } = yield* importSshConfig(main, home, "me")
      assert.deepEqual(
        hosts.map((host) => host.name),
        ["a", "b", "last"]
      )
      writeFileSync(join(home, ".ssh", "conf.d", "c.conf"), "Include ~/.ssh/config\n")
      const circle = yield* Effect.flip(importSshConfig(main, home, "me"))
      assert.include(circle.message, "round in a circle")
    })
  )
  it.effect("a file that is missing or broken is one sentence", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(importSshConfig(join(home, "none"), home, "me"))
      assert.strictEqual(
        missing.message,
        `${join(home, "none")} cannot be imported: it does not exist: name the right file`
      )
      assert.include((yield* Effect.flip(importSshConfig(home, home, "me"))).message, "it is not a file")
    })
  )
})
