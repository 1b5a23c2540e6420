import { createHash } from "node:crypto"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { Effect, Fiber, Schedule, Stream } from "effect"
import { afterAll, beforeAll } from "vitest"
import { type Sshd, startSshd, stopTmux, testLog } from "../../../../test/support/sshd.ts"
import { framed } from "./reply.ts"
import { kill, launch, parseState, prune, settle, state, type TaskState } from "./Runner.ts"
import { scripts, scriptsVersion } from "./script/all.ts"
import { transportLayer } from "./TransportLive.ts"
import { type Cursor, watch } from "./watch.ts"
import type { WatchRecord } from "./watch-record.ts"

const localHome = mkdtempSync(join(tmpdir(), "local-"))
let sshd: Sshd
beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(async () => {
  await sshd.dispose()
  stopTmux(localHome)
  rmSync(localHome, { recursive: true, force: true })
})

const using = (home = localHome, env: Record<string, string | undefined> = process.env) =>
  Effect.provide(
    transportLayer({
      log: testLog,
      ssh: { resolve: () => Effect.succeed(undefined), home: localHome, env: {}, knownHosts: [sshd.knownHosts] },
      local: { home, env }
    })
  )
let number = 0
const newId = (): string => `task-20261120-143022-${String((number += 1)).padStart(6, "0")}`
const one = (host: HostConfig, id: string) => Effect.map(state(host, [id]), (states) => states.get(id))
const stateIs = (host: HostConfig, id: string, tag: TaskState["_tag"]) =>
  one(host, id).pipe(
    Effect.flatMap((now) => (now?._tag === tag ? Effect.succeed(now) : Effect.fail(`still ${now?._tag}` as const))),
    Effect.retry(Schedule.spaced("30 millis")),
    Effect.timeout("60 seconds")
  )
const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.flatMap((met) => (met ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds")
  )
const watchers = [
  ["by what the kernel says", {}],
  ["by looking", { withoutNews: true }],
  ["without perl", { withoutPerl: true }]
] as const
const sha = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

for (const kind of ["local", "ssh"] as const) {
  const where = () =>
    kind === "local" ? { host: local, home: localHome } : { host: sshd.host("web"), home: sshd.home }
  const file = (id: string, name: string): string => join(where().home, ".signalbox", "tasks", id, name)

  describe(`a task on a host by ${kind}`, () => {
    it.live("what a person wrote arrives byte for byte, and only as files", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        const nasty = `'"\`$(touch \${HOME}/pwned)\` ; rm -rf / \\n %s \n\t$HOME é 🚂\n`
        const stdin = nasty + "ü🙂x".repeat(30_000)
        const command = `# ${nasty.replaceAll("\n", " ")}\ncat; printf '%s' "$WORD" >&2; pwd >&2; exit 3\n`
        const launched = yield* launch(host, id, { command, stdin, env: { WORD: nasty }, cwd: "~/" })
        assert.strictEqual(launched.outcome, "launched")
        assert.match(launched.bootId, /^[0-9a-f-]{36}$/u)
        const end = yield* stateIs(host, id, "exited")
        assert.deepInclude(end, { _tag: "exited", code: 3 })
        assert.strictEqual(sha(readFileSync(file(id, "command"))), sha(command))
        assert.strictEqual(sha(readFileSync(file(id, "out"))), sha(stdin))
        assert.strictEqual(readFileSync(file(id, "err"), "utf8"), `${nasty}${where().home}\n`)
        assert.isFalse(existsSync(file(id, "env")))
        assert.isFalse(existsSync(join(where().home, "pwned")))
      }).pipe(using())
    )
    it.live("launched twice, also at the same moment, it runs once", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        const go = launch(host, id, { command: "echo ran; exec sleep 300", merge: true })
        const both = yield* Effect.all([go, go, go], { concurrency: 3 })
        assert.strictEqual(both.filter((one) => one.outcome === "launched").length, 1)
        const running = yield* stateIs(host, id, "running")
        const again = yield* go
        assert.deepEqual([again.outcome, again.state], ["already", running])
        assert.strictEqual(readFileSync(file(id, "out"), "utf8"), "ran\n")
        assert.deepInclude(yield* kill(host, id, 10), { _tag: "exited", code: 143 })
      }).pipe(using())
    )
    it.live("kill: TERM is enough, TERM is ignored, a child has left the group", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const stubborn = newId()
        yield* launch(host, stubborn, { command: "trap '' TERM; echo up; while :; do sleep 0.1; done" })
        yield* until(() => existsSync(file(stubborn, "out")) && readFileSync(file(stubborn, "out"), "utf8") === "up\n")
        assert.deepInclude(yield* kill(host, stubborn, 2), { _tag: "exited", code: 137 })
        const leaver = newId()
        yield* launch(host, leaver, { command: `setsid sh -c 'echo $$ >${home}/left; exec sleep 300' & wait` })
        yield* until(() => existsSync(join(home, "left")) && readFileSync(join(home, "left"), "utf8").endsWith("\n"))
        const pid = readFileSync(join(home, "left"), "utf8").trim()
        assert.isTrue(existsSync(`/proc/${pid}`))
        assert.deepInclude(yield* kill(host, leaver, 10), { _tag: "exited", code: 143 })
        yield* until(() => !existsSync(`/proc/${pid}`))
      }).pipe(using())
    )
    it.live("killed before its start it never starts", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        assert.deepEqual(yield* one(host, id), { _tag: "absent" })
        assert.deepEqual(yield* kill(host, id, 10), { _tag: "never-started" })
        assert.deepEqual(yield* kill(host, id, 10), { _tag: "never-started" })
        const late = yield* launch(host, id, { command: "echo ran" })
        assert.deepEqual([late.outcome, late.state], ["already", { _tag: "absent" }])
        assert.isFalse(existsSync(file(id, "out")))
      }).pipe(using())
    )
    it.live("it survives the end of tmux, and of the connection that started it", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const id = newId()
        yield* launch(host, id, { command: `while [ ! -f ${home}/go ]; do sleep 0.05; done; echo late; exit 5` })
        const before = yield* stateIs(host, id, "running")
        execFileSync("tmux", ["-L", "sbx", "kill-server"], {
          env: { ...process.env, TMUX_TMPDIR: join(home, ".signalbox", "tmux") }
        })
        if (kind === "ssh") {
          yield* Effect.promise(() => sshd.kill())
          yield* Effect.promise(() => sshd.start())
        }
        assert.deepEqual(
          yield* one(host, id).pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeout("60 seconds")),
          before
        )
        writeFileSync(join(home, "go"), "")
        assert.deepInclude(yield* stateIs(host, id, "exited"), { code: 5 })
        assert.strictEqual(readFileSync(file(id, "out"), "utf8"), "late\n")
        const next = newId()
        assert.strictEqual((yield* launch(host, next, { command: "true" })).outcome, "launched")
        assert.deepInclude(yield* stateIs(host, next, "exited"), { code: 0 })
      }).pipe(using())
    )
    it.live(
      "another boot makes it interrupted, and its pid is nobody's to kill; killed with its runner it is lost",
      () =>
        Effect.gen(function* () {
          const { host } = where()
          const id = newId()
          yield* launch(host, id, { command: "exec sleep 300" })
          const now = yield* stateIs(host, id, "running")
          const pid = now._tag === "running" ? now.pid : 0
          const [, start, boot, runner] = readFileSync(file(id, "pid"), "utf8").trim().split(" ")
          writeFileSync(file(id, "pid"), `${pid} ${start} 00000000-0000-0000-0000-000000000000 ${runner}\n`)
          assert.deepEqual(yield* one(host, id), { _tag: "interrupted" })
          assert.deepEqual(yield* kill(host, id, 10), { _tag: "interrupted" })
          assert.isTrue(existsSync(`/proc/${pid}`))
          // The command is gone, and its number is somebody else's: lost only when nobody is left to write the exit code down.
          writeFileSync(file(id, "pid"), `${pid} ${Number(start) + 1} ${boot} ${runner}\n`)
          assert.deepInclude(yield* one(host, id), { _tag: "running" })
          writeFileSync(file(id, "pid"), `${pid} ${Number(start) + 1} ${boot} ${2 ** 22 + 1}\n`)
          assert.deepEqual(yield* one(host, id), { _tag: "lost" })
          writeFileSync(file(id, "pid"), `${pid} ${start} ${boot} ${runner}\n`)
          rmSync(file(id, "pid"))
          assert.deepEqual(yield* one(host, id), { _tag: "starting" })
          writeFileSync(file(id, "once/runner"), `${runner} 00000000-0000-0000-0000-000000000000\n`)
          assert.deepEqual(yield* one(host, id), { _tag: "interrupted" })
          writeFileSync(file(id, "pid"), `${pid} ${start} ${boot} ${runner}\n`)
          process.kill(Number(runner), "SIGKILL")
          process.kill(pid, "SIGKILL")
          assert.deepEqual(yield* stateIs(host, id, "lost"), { _tag: "lost" })
        }).pipe(using())
    )
    for (const [how, options] of watchers)
      it.live(`watching ${how} gives every byte once, and resumes inside a character`, () =>
        Effect.gen(function* () {
          const { host } = where()
          const id = newId()
          const body = "zug 🚂 é\n".repeat(20_000)
          yield* launch(host, id, { command: `cat; echo oops >&2; exit 4`, stdin: body })
          yield* stateIs(host, id, "exited")
          const collectFrom = (cursors: ReadonlyArray<Cursor>) =>
            watch(host, cursors, { ...options, tickSeconds: 0.02 }).pipe(
              Stream.filter((record) => record._tag !== "Beat" && record.id === id),
              Stream.takeUntil((record) => record._tag === "Exited"),
              Stream.runCollect,
              Effect.timeout("60 seconds")
            )
          const out = (records: ReadonlyArray<WatchRecord>, stream: "out" | "err") =>
            Buffer.concat(records.flatMap((one) => (one._tag === "Output" && one.stream === stream ? [one.bytes] : [])))
          const all = yield* collectFrom([])
          assert.strictEqual(sha(out(all, "out")), sha(body))
          assert.strictEqual(out(all, "err").toString(), "oops\n")
          assert.strictEqual(all[0]?._tag, "Started")
          assert.deepInclude(all.at(-1), { _tag: "Exited", code: 4 })
          const offset = 4 + 2
          const rest = yield* collectFrom([
            { id, stream: "out", offset },
            { id, stream: "err", offset: 5 }
          ])
          assert.strictEqual(sha(out(rest, "out")), sha(Buffer.from(body).subarray(offset)))
          assert.strictEqual(out(rest, "err").length, 0)
          assert.deepInclude(
            rest.find((record) => record._tag === "Output"),
            { offset }
          )
          writeFileSync(file(id, "err"), "")
          const cut = yield* collectFrom([{ id, stream: "err", offset: 5 }])
          assert.deepInclude(
            cut.find((record) => record._tag === "Truncated"),
            { stream: "err", size: 0 }
          )
          yield* settle(host, [id])
          assert.isFalse(existsSync(join(where().home, ".signalbox", "active", testLog, id)))
        }).pipe(using())
      )
  })
}

describe("the scripts", () => {
  it("are valid for sh and perl, and only `${` was escaped in them", () => {
    for (const [name, text] of Object.entries(scripts)) {
      const path = join(localHome, name)
      writeFileSync(path, text)
      if (name.endsWith(".sh")) execFileSync("/bin/sh", ["-n", path])
      if (name.endsWith(".pl")) execFileSync("perl", ["-c", path], { stdio: "ignore" })
      assert.notInclude(text, "\\$")
    }
  })
  it("are whole in a bundle", () => {
    const out = join(localHome, "bundle.mjs")
    execFileSync("npx", [
      "esbuild",
      join(import.meta.dirname, "script", "all.ts"),
      "--bundle",
      "--minify",
      "--platform=node",
      "--format=esm",
      `--outfile=${out}`,
      "--log-level=error"
    ])
    const said = execFileSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { scriptsVersion } from ${JSON.stringify(out)}; console.log(scriptsVersion)`
      ],
      { encoding: "utf8" }
    )
    assert.strictEqual(said.trim(), scriptsVersion)
  })
  it.live("are put on the host once, and again when they were cleaned away", () =>
    Effect.gen(function* () {
      const ok = join(localHome, ".signalbox", "bin", scriptsVersion, "ok")
      yield* state(local, ["a"])
      assert.isTrue(existsSync(ok))
      rmSync(join(localHome, ".signalbox", "bin"), { recursive: true })
      yield* Effect.all([state(local, ["a"]), state(local, ["b"]), state(local, ["c"])], { concurrency: 3 })
      assert.isTrue(existsSync(ok))
    }).pipe(using())
  )
})

describe("what is in the way", () => {
  it.live("a host without tmux is one sentence", () =>
    Effect.gen(function* () {
      const home = mkdtempSync(join(tmpdir(), "bare-"))
      const bin = join(home, "bin")
      mkdirSync(bin)
      for (const name of ["mkdir", "cat", "tee", "wc", "head", "tail", "mv", "rm", "ln", "sleep", "id"])
        symlinkSync(`/usr/bin/${name}`, join(bin, name))
      const error = yield* Effect.flip(launch(local, "t1", { command: "true" })).pipe(using(home, { PATH: bin }))
      assert.strictEqual(
        error.message,
        "local has no tmux, which keeps tasks alive: install it there (apt install tmux)"
      )
      rmSync(home, { recursive: true })
    })
  )
  it.live("a home that cannot be written to, bad ids and bad variables are refused", () =>
    Effect.gen(function* () {
      const home = mkdtempSync(join(tmpdir(), "full-"))
      writeFileSync(join(home, ".signalbox"), "a file, not a directory")
      const error = yield* Effect.flip(launch(local, "t1", { command: "true" })).pipe(using(home))
      assert.match(
        error.message,
        /^local did not take Signalbox's scripts into ~\/\.signalbox \(.*\): make room there/u
      )
      rmSync(home, { recursive: true })
      for (const id of ["../x", "a b", "$(x)", "", "a.b", "-x"])
        assert.match(
          (yield* Effect.flip(launch(local, id, { command: "true" })).pipe(using())).message,
          /is not the id of a task$/u
        )
      const variable = yield* Effect.flip(launch(local, "t2", { command: "true", env: { "A;B": "" } })).pipe(using())
      assert.strictEqual(variable.message, `"A;B" cannot be an environment variable`)
    })
  )
  it.live("a chatty or lying host: noise is skipped, a cut or strange answer is a failure", () =>
    Effect.gen(function* () {
      const noisy = mkdtempSync(join(tmpdir(), "noisy-"))
      yield* state(local, ["a"]).pipe(using(noisy))
      const script = join(noisy, ".signalbox", "bin", scriptsVersion, "state.sh")
      const lie = (text: string) =>
        Effect.sync(() => {
          writeFileSync(script, `printf '${text}'\n`)
          chmodSync(script, 0o700)
        }).pipe(Effect.andThen(Effect.result(state(local, ["a"]))), using(noisy))
      const good = yield* lie("Welcome!\\nno newline\\n@signalbox\\na lost\\n@end\\nbye")
      assert.deepEqual(good._tag === "Success" ? good.success.get("a") : good, { _tag: "lost" })
      for (const text of [
        "",
        "a lost\\n",
        "@signalbox\\na lost\\n",
        "@signalbox\\na lo",
        "@signalbox\\n@end\\n",
        "@signalbox\\na fine\\n@end\\n",
        "@signalbox\\na exited x 1\\n@end\\n",
        "@signalbox\\nb lost\\n@end\\n"
      ])
        assert.strictEqual((yield* lie(text))._tag, "Failure", text)
      rmSync(noisy, { recursive: true })
    })
  )
  it("state lines are read strictly", () => {
    for (const line of [
      "",
      "a",
      "a lost x",
      "a running",
      "a running 1 x",
      "a exited 256 1",
      "a exited -1 1",
      "a exited 0",
      "a.b lost",
      "a exited 0 1 2"
    ])
      assert.isUndefined(parseState(line), line)
    assert.isUndefined(framed(Buffer.from("@signalbox")))
  })
  it.live("what a command of this machine says before its input comes is heard, also when it has ended by then", () =>
    Effect.gen(function* () {
      const mark = join(localHome, "ended")
      const { Transport } = yield* Effect.promise(() => import("./Transport.ts"))
      const ran = yield* (yield* Transport).exec(local, `echo said; echo complained >&2; echo $$ >${mark}`, {
        input: "never read",
        beforeInput: Effect.orDie(
          until(() => existsSync(mark) && !existsSync(`/proc/${readFileSync(mark, "utf8").trim() || "self"}`))
        )
      })
      assert.deepStrictEqual(
        [ran.code, Buffer.from(ran.out).toString(), Buffer.from(ran.err).toString()],
        [0, "said\n", "complained\n"]
      )
    }).pipe(using())
  )
  it.live("an interrupted command of this machine ends with all its children", () =>
    Effect.gen(function* () {
      const mark = join(localHome, "children")
      const { Transport } = yield* Effect.promise(() => import("./Transport.ts"))
      const transport = yield* Transport
      const fiber = yield* Effect.forkChild(
        transport.exec(local, `sleep 300 & echo $! $$ >${mark}; trap '' TERM; wait; sleep 300`),
        { startImmediately: true }
      )
      yield* until(() => existsSync(mark) && readFileSync(mark, "utf8").endsWith("\n"))
      const pids = readFileSync(mark, "utf8").trim().split(" ")
      yield* Fiber.interrupt(fiber)
      yield* until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)))
    }).pipe(using())
  )
})

describe("old tasks on a host", () => {
  it.live("are removed two weeks after their end, and only then", () =>
    Effect.gen(function* () {
      const home = mkdtempSync(join(tmpdir(), "prune-"))
      const tasks = join(home, ".signalbox/tasks")
      const active = join(home, ".signalbox/active")
      mkdirSync(active, { recursive: true })
      const days = (n: number): Date => new Date(Date.now() - n * 86_400_000)
      const make = (id: string, ended: Date | undefined): void => {
        mkdirSync(join(tasks, id), { recursive: true })
        if (ended !== undefined) {
          writeFileSync(join(tasks, id, "exit"), "0 1\n")
          utimesSync(join(tasks, id, "exit"), ended, ended)
        }
        utimesSync(join(tasks, id), days(40), days(40))
      }
      make("task-old", days(16))
      make("task-recent", days(3))
      make("task-runs-for-long", undefined)
      make("task-not-recorded", days(16))
      make("task-of-before", days(16))
      mkdirSync(join(active, "another-log"))
      symlinkSync("../../tasks/task-not-recorded", join(active, "another-log", "task-not-recorded"))
      symlinkSync("../tasks/task-of-before", join(active, "task-of-before"))
      yield* prune(local).pipe(using(home))
      assert.deepEqual(readdirSync(tasks).toSorted(), [
        "task-not-recorded",
        "task-of-before",
        "task-recent",
        "task-runs-for-long"
      ])
      rmSync(home, { recursive: true })
    })
  )
})
