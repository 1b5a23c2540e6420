import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import ssh2 from "ssh2"
import { afterAll, beforeAll } from "vitest"
import { freePort } from "../../../../test/support/free-port.ts"
import { type Sshd, startSshd, testLog } from "../../../../test/support/sshd.ts"
import { forAnyLoginShell } from "./channel.ts"
import { fingerprint, parsePublicKey } from "./known-hosts.ts"
import type { SshOptions } from "./SshTransport.ts"
import { type HostError, Transport } from "./Transport.ts"
import { transportLayer } from "./TransportLive.ts"

let sshd: Sshd
const empty = mkdtempSync(join(tmpdir(), "nobody-"))
beforeAll(async () => {
  sshd = await startSshd(["MaxSessions 10"])
})
afterAll(async () => {
  await sshd.dispose()
  rmSync(empty, { recursive: true, force: true })
})

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8")
const using = (more: Partial<SshOptions> = {}) =>
  Effect.provide(
    transportLayer({
      log: testLog,
      ssh: { resolve: () => Effect.succeed(undefined), home: empty, env: {}, knownHosts: [sshd.knownHosts], ...more }
    })
  )
const refusal = (host: HostConfig, more: Partial<SshOptions> = {}) =>
  Effect.gen(function* () {
    const transport = yield* Transport
    return yield* Effect.flip(transport.exec(host, "true"))
  }).pipe(using(more))
const brief = (error: HostError): string => (error._tag === "HostRefused" ? error.problem : error._tag)
/** Waits on a condition of the outside world with a deadline. */
const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.flatMap((met) => (met ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds")
  )

describe("commands over SSH", () => {
  it.live("output, error output, exit code and signal come back; input is whole", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const host = sshd.host("web")
      const ran = yield* transport.exec(host, `cat; echo 'it''s "$HOME"' $(echo {a,b}) \\! >&2; exit 7`, {
        input: "Grüße 🚂\n"
      })
      assert.deepEqual([ran.code, text(ran.out), text(ran.err)], [7, "Grüße 🚂\n", 'its "$HOME" {a,b} !\n'])
      const killed = yield* transport.exec(host, "kill -s TERM $$")
      assert.deepEqual([killed.code, killed.signal], [undefined, "TERM"])
      const big = Buffer.alloc(3_000_000, "x\n")
      const counted = yield* transport.exec(host, "wc -c", { input: big })
      assert.strictEqual(text(counted.out).trim(), "3000000")
    }).pipe(using())
  )
  it("one line of harmless characters reaches the login shell, and means the same to each there is", () => {
    const command = `printf '%s|' "a b" 'it'"'"'s' '!x' '\\n' "$((1+1))" é 50%\nprintf '%s' '$HOME' -- \`echo tick\``
    const line = forAnyLoginShell(command)
    assert.match(line, /^exec \/bin\/sh -c '[A-Za-z0-9 _./=:,@+\\$();"{}#%-]*'$/u)
    const expected = execFileSync("/bin/sh", ["-c", command], { encoding: "utf8" })
    for (const shell of ["/bin/sh", "/bin/bash", "/usr/bin/fish", "/usr/bin/tcsh"].filter((one) => existsSync(one)))
      assert.strictEqual(execFileSync(shell, ["-c", line], { encoding: "utf8" }), expected, shell)
  })
  it.live("24 commands at once share one connection, and eight of them run", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const host = sshd.host("web")
      const before = sshd.connections()
      const all = yield* Effect.forEach(
        Array.from({ length: 24 }, (_, n) => n),
        (n) => transport.exec(host, `sleep 0.05; echo ${n}`),
        { concurrency: "unbounded" }
      )
      assert.deepEqual(
        all.map((ran) => text(ran.out)),
        all.map((_, n) => `${n}\n`)
      )
      assert.strictEqual(sshd.connections() - before, 1)
    }).pipe(using())
  )
  it.live("too much output ends the command and says so; unread error output never blocks", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const flood = yield* transport.exec(sshd.host("web"), "yes", { maxBytes: 100_000 })
      assert.deepEqual([flood.truncated, flood.code, flood.out.length], [true, undefined, 100_000])
      const both = yield* transport.exec(sshd.host("web"), "head -c 3000000 /dev/zero >&2; echo done")
      assert.deepEqual([both.code, text(both.out), both.err.length], [0, "done\n", 3_000_000])
    }).pipe(using())
  )
  it.live("a command that takes too long fails, and its process ends although its input was closed", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const mark = join(sshd.home, "slow.pid")
      yield* transport.exec(sshd.host("web"), "true") // connected
      const error = yield* Effect.flip(
        transport.exec(sshd.host("web"), `echo $$ >${mark}; exec sleep 300`, { timeoutMs: 3_000 })
      )
      assert.strictEqual(error.message, "web is not reachable: it did not finish what was asked within 3000 ms")
      const pid = execFileSync("cat", [mark], { encoding: "utf8" }).trim()
      yield* until(() => !existsSync(`/proc/${pid}`))
    }).pipe(using())
  )
  it.live("a stream gives what comes as it comes, to a slow reader too, and interruption ends its process", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const host = sshd.host("web")
      const sum = yield* transport.stream(host, "head -c 20000000 /dev/zero; echo end >&2").pipe(
        Stream.mapEffect((part) => Effect.as(Effect.yieldNow, part.length)),
        Stream.runFold(
          () => 0,
          (total, n) => total + n
        )
      )
      assert.strictEqual(sum, 20_000_000)
      const first = yield* Deferred.make<string>()
      const fiber = yield* Effect.forkChild(
        transport
          .stream(host, "echo $$; exec sleep 300")
          .pipe(Stream.runForEach((part) => Deferred.succeed(first, text(part))))
      )
      const pid = (yield* Deferred.await(first)).trim()
      assert.isTrue(existsSync(`/proc/${pid}`))
      yield* Fiber.interrupt(fiber)
      yield* until(() => !existsSync(`/proc/${pid}`))
    }).pipe(using())
  )
})

describe("broken connections", () => {
  it.live("a killed server fails what runs with HostUnreachable; afterwards the pool dials again", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const own = yield* Effect.acquireRelease(
        Effect.promise(() => startSshd()),
        (server) => Effect.promise(() => server.dispose())
      )
      const host = own.host("web", { hostKeys: [own.hostKey] })
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Effect.flip(
          transport
            .stream(host, "echo up; exec sleep 300")
            .pipe(Stream.runForEach(() => Deferred.succeed(started, undefined)))
        )
      )
      const exec = yield* Effect.forkChild(Effect.flip(transport.exec(host, "sleep 300")))
      yield* Deferred.await(started)
      yield* Effect.promise(() => own.kill())
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "HostUnreachable")
      assert.strictEqual((yield* Fiber.join(exec))._tag, "HostUnreachable")
      const down = yield* Effect.flip(transport.exec(host, "true"))
      assert.match(down.message, /^web is not reachable: nothing listens at 127\.0\.0\.1:\d+ \(is sshd running/u)
      const hammered = yield* Effect.flip(transport.exec(host, "true"))
      assert.match(hammered.message, /; tried again in \d+ s$/u)
      yield* Effect.promise(() => own.start())
      const back = yield* transport
        .exec(host, "echo back")
        .pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeout("60 seconds"))
      assert.strictEqual(text(back.out), "back\n")
    }).pipe(Effect.scoped, using())
  )
  it.live("a person who asks ends the wait after failures, and breaks nothing that runs", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const port = yield* Effect.promise(freePort)
      const nobody = { ...sshd.host("nobody"), port }
      yield* Effect.flip(transport.exec(nobody, "true"))
      assert.include((yield* Effect.flip(transport.exec(nobody, "true"))).message, "tried again in")
      yield* transport.retryNow("nobody")
      assert.notInclude((yield* Effect.flip(transport.exec(nobody, "true"))).message, "tried again in")

      const started = yield* Deferred.make<void>()
      const gate = join(sshd.home, "gate")
      const running = yield* Effect.forkChild(
        transport.stream(sshd.host("web"), `echo up; until [ -e ${gate} ]; do sleep 0.05; done; echo done`).pipe(
          Stream.tap(() => Deferred.succeed(started, undefined)),
          Stream.decodeText,
          Stream.mkString
        )
      )
      yield* Deferred.await(started)
      yield* transport.retryNow("web")
      const before = sshd.connections()
      yield* transport.exec(sshd.host("web"), `touch ${gate}`)
      assert.strictEqual(yield* Fiber.join(running), "up\ndone\n")
      assert.isAtMost(sshd.connections(), before, "no other connection was made")
    }).pipe(using())
  )
  it.live("a connection ends when its host is removed or reached otherwise, and no sooner", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const own = yield* Effect.acquireRelease(
        Effect.promise(() => startSshd()),
        (server) => Effect.promise(() => server.dispose())
      )
      const host = own.host("web", { hostKeys: [own.hostKey] })
      const other = own.host("db", { hostKeys: [own.hostKey] })
      const began = yield* Deferred.make<void>()
      const running = yield* Effect.forkChild(
        Effect.flip(
          transport
            .stream(host, "echo up; exec sleep 300")
            .pipe(Stream.runForEach(() => Deferred.succeed(began, undefined)))
        )
      )
      yield* Deferred.await(began)
      yield* transport.exec(other, "true")
      assert.strictEqual(own.connections(), 2)
      yield* transport.reconfigured("web", { ...host, tags: ["new"], defaults: { maxTasks: 3 } })
      yield* transport.exec(host, "true")
      assert.isUndefined(running.pollUnsafe(), "a change of something else breaks nothing")
      yield* transport.reconfigured("web", { ...host, user: "somebody" })
      assert.strictEqual((yield* Fiber.join(running))._tag, "HostUnreachable")
      yield* until(() => own.connections() === 1)
      yield* transport.exec(host, "true")
      yield* until(() => own.connections() === 2)
      yield* transport.reconfigured("web", undefined)
      yield* until(() => own.connections() === 1)
      yield* transport.exec(other, "true")
    }).pipe(Effect.scoped, using())
  )
  it.live("with a host goes the connection to a jump host that nobody else uses", () =>
    Effect.gen(function* () {
      const [bastion, inner] = yield* Effect.acquireRelease(
        Effect.promise(() => Promise.all([startSshd(), startSshd()])),
        (servers) => Effect.promise(() => Promise.all(servers.map((server) => server.dispose())))
      )
      const jump = `${userInfo().username}@127.0.0.1:${bastion.port}`
      const behind = (name: string) => bastion.host(name, { port: inner.port, jump, hostKeys: [inner.hostKey] })
      const trusts = { knownHosts: [bastion.knownHosts, inner.knownHosts] }
      writeFileSync(join(inner.dir, "authorized_keys"), readFileSync(join(bastion.dir, "authorized_keys")))
      yield* Effect.gen(function* () {
        const through = yield* Transport
        for (const name of ["a", "b"]) yield* through.exec(behind(name), "true")
        assert.deepStrictEqual([bastion.connections(), inner.connections()], [1, 2])
        yield* through.reconfigured("a", undefined)
        yield* until(() => inner.connections() === 1)
        yield* through.exec(behind("b"), "true")
        assert.strictEqual(bastion.connections(), 1)
        yield* through.reconfigured("b", undefined)
        yield* until(() => inner.connections() === 0 && bastion.connections() === 0)
      }).pipe(using(trusts))
    }).pipe(Effect.scoped)
  )
  it.live("a connection that falls silent is given up within the keepalive time", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const own = yield* Effect.acquireRelease(
        Effect.promise(() => startSshd()),
        (server) => Effect.promise(() => server.dispose())
      )
      const host = own.host("web", { hostKeys: [own.hostKey] })
      yield* transport.exec(host, "true")
      const exec = yield* Effect.forkChild(Effect.flip(transport.exec(host, "echo $$; exec sleep 300")), {
        startImmediately: true
      })
      own.freeze(true)
      const error = yield* Effect.timeout(Fiber.join(exec), "60 seconds")
      own.freeze(false)
      assert.strictEqual(error.message, "web is not reachable: it stopped answering")
    }).pipe(Effect.scoped, using({ keepaliveMs: 1_000, keepaliveCount: 3 }))
  )
})

describe("host keys", () => {
  const other = () =>
    execFileSync("ssh-keygen", ["-lf", join(sshd.dir, "host_key.pub")], { encoding: "utf8" }).split(" ")[1] ?? ""
  const wrongKey = (): string => {
    const file = join(empty, `k${Math.random()}`)
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file])
    return execFileSync("cat", [`${file}.pub`], { encoding: "utf8" })
      .split(" ")
      .slice(0, 2)
      .join(" ")
  }
  it.live("unknown, changed and revoked never connect; the sentence shows the fingerprint and the mend", () =>
    Effect.gen(function* () {
      const unknown = yield* refusal(sshd.host("web"), { knownHosts: [] })
      assert.strictEqual(brief(unknown), "host-key-unknown")
      assert.include(unknown.message, other())
      assert.include(unknown.message, "signalbox host check web --accept-new")
      const changed = yield* refusal(sshd.host("web", { hostKeys: [wrongKey()] }))
      assert.strictEqual(brief(changed), "host-key-changed")
      assert.include(changed.message, other())
      assert.include(changed.message, "signalbox host check web --replace-key")
      const file = join(empty, "revoked")
      writeFileSync(file, `@revoked * ${sshd.hostKey}\n`)
      const revoked = yield* refusal(sshd.host("web", { hostKeys: [sshd.hostKey] }), { knownHosts: [file] })
      assert.strictEqual(brief(revoked), "host-key-revoked")
      const rsa = join(empty, "rsa-only")
      writeFileSync(rsa, `[127.0.0.1]:${sshd.port} ssh-rsa ${rsaBlob()}\n`)
      const otherType = yield* refusal(sshd.host("web"), { knownHosts: [rsa] })
      assert.strictEqual(brief(otherType), "host-key-changed")
      assert.include(otherType.message, other())
    })
  )
  it.live("the offered key can be seen without signing in, and pinned", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      const { keyFile: _none, ...bare } = sshd.host("web")
      const key = yield* transport.offeredKey(bare)
      assert.deepEqual(key, { type: "ssh-ed25519", key: sshd.hostKey, fingerprint: other() })
      assert.strictEqual(fingerprint(parsePublicKey(key.key)!.blob), key.fingerprint)
      const ran = yield* transport.exec(sshd.host("web", { hostKeys: [key.key] }), "echo in")
      assert.strictEqual(text(ran.out), "in\n")
    }).pipe(using({ knownHosts: [] }))
  )
})
const rsaBlob = (): string => {
  const file = join(empty, `r${Math.random()}`)
  execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", file])
  return execFileSync("cat", [`${file}.pub`], { encoding: "utf8" }).split(" ")[1] ?? ""
}

describe("signing in", () => {
  it.live("a key file that is missing, open to others, locked or no key is one sentence with the mend", () =>
    Effect.gen(function* () {
      const open = join(empty, "open")
      copyFileSync(sshd.keyFile, open)
      chmodSync(open, 0o644)
      const locked = join(empty, "locked")
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", locked])
      const junk = join(empty, "junk")
      writeFileSync(junk, "no key\n", { mode: 0o600 })
      const cases: ReadonlyArray<readonly [string, RegExp]> = [
        [
          join(empty, "none"),
          /none does not exist: create it, or name another with signalbox host edit web --key FILE$/u
        ],
        [open, /can be read by others \(mode 0644\), so it is not used: chmod 600 /u],
        [locked, /is protected by a passphrase: add it to the agent \(ssh-add /u],
        [junk, /is not a private key that can be read/u],
        [empty, /is not a file/u]
      ]
      for (const [keyFile, sentence] of cases) {
        const error = yield* refusal(sshd.host("web", { keyFile }))
        assert.strictEqual(brief(error), "key-file")
        assert.match(error.message, sentence)
      }
    })
  )
  it.live("a refused key, no agent and nothing to sign in with are told apart", () =>
    Effect.gen(function* () {
      const mine = join(empty, "mine")
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", mine])
      const refused = yield* refusal(sshd.host("web", { keyFile: mine }))
      assert.strictEqual(brief(refused), "authentication")
      assert.include(refused.message, "authorized_keys")
      const { keyFile: _none, ...bare } = sshd.host("web")
      assert.include((yield* refusal({ ...bare, agent: true })).message, "SSH_AUTH_SOCK is not set")
      assert.include((yield* refusal(bare)).message, "there is nothing to sign in to web with")
      assert.include((yield* refusal({ ...bare, passwordRef: "WEB_PASSWORD" })).message, "WEB_PASSWORD is not set")
    })
  )
  it.live("default keys and the agent sign in", () =>
    Effect.gen(function* () {
      const home = mkdtempSync(join(tmpdir(), "keys-"))
      const { keyFile: _none, ...bare } = sshd.host("web")
      execFileSync("mkdir", [join(home, ".ssh")])
      copyFileSync(sshd.keyFile, join(home, ".ssh", "id_ed25519"))
      chmodSync(join(home, ".ssh", "id_ed25519"), 0o600)
      const run = (host: HostConfig, more: Partial<SshOptions>) =>
        Effect.flatMap(Transport, (transport) => transport.exec(host, "echo in")).pipe(using(more))
      assert.strictEqual((yield* run(bare, { home })).code, 0)
      const said = execFileSync("ssh-agent", ["-a", join(home, "agent"), "-s"], { encoding: "utf8" })
      const env = { SSH_AUTH_SOCK: join(home, "agent") }
      const agentPid = Number(/SSH_AGENT_PID=(\d+)/u.exec(said)?.[1])
      execFileSync("ssh-add", ["-q", sshd.keyFile], { env: { ...process.env, ...env } })
      assert.strictEqual((yield* run({ ...bare, agent: true }, { env })).code, 0)
      process.kill(agentPid)
      rmSync(home, { recursive: true })
    })
  )
  it.live("a password comes from the environment or a file, and never shows in a message", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const server = new ssh2.Server({ hostKeys: [execFileSync("cat", [join(sshd.dir, "host_key")])] }, (client) => {
        client
          .on("authentication", (context) => {
            if (context.method !== "password") return context.reject(["password"])
            seen.push(context.password)
            if (context.password === "pa ss") context.accept()
            else context.reject()
          })
          .on("error", () => undefined)
          .on("session", (accept) =>
            accept().on("exec", (acceptExec) => {
              const stream = acceptExec()
              stream.exit(0)
              stream.end("in\n")
            })
          )
      })
      const port = yield* Effect.promise(freePort)
      yield* Effect.promise(() => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve())))
      const file = join(empty, "password")
      writeFileSync(file, "pa ss\n", { mode: 0o600 })
      const { keyFile: _none, ...bare } = sshd.host("web", { port, hostKeys: [sshd.hostKey] })
      const run = (passwordRef: string, password: string) =>
        Effect.flatMap(Transport, (transport) => transport.exec({ ...bare, passwordRef }, "true")).pipe(
          using({ env: { WEB_PASSWORD: password } })
        )
      assert.strictEqual(text((yield* run("WEB_PASSWORD", "pa ss")).out), "in\n")
      assert.strictEqual(text((yield* run(`file:${file}`, "")).out), "in\n")
      const error = yield* Effect.flip(run("WEB_PASSWORD", "hunter2"))
      assert.strictEqual(brief(error), "authentication")
      assert.notInclude(error.message, "hunter2")
      assert.includeMembers(seen, ["pa ss", "hunter2"])
      server.close()
    })
  )
})

describe("jump hosts", () => {
  it.live("by name, by user@address:port, unknown, and in a circle", () =>
    Effect.gen(function* () {
      const hop = sshd.host("hop")
      const resolve = (name: string) =>
        Effect.succeed(name === "hop" ? hop : name === "loop" ? sshd.host("loop", { jump: "loop" }) : undefined)
      const run = (jump: string) =>
        Effect.flatMap(Transport, (transport) => transport.exec(sshd.host("inner", { jump }), "echo in")).pipe(
          using({ resolve })
        )
      assert.strictEqual(text((yield* run("hop")).out), "in\n")
      assert.strictEqual(text((yield* run(`${hop.user}@127.0.0.1:${sshd.port}`)).out), "in\n")
      assert.include((yield* Effect.flip(run("nobody"))).message, `the jump host "nobody" of inner is not known`)
      const circle = yield* Effect.timeout(Effect.flip(run("loop")), "60 seconds")
      assert.include(circle.message, "in a circle")
    })
  )
})
