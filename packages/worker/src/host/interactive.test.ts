import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { Effect, Fiber, Schedule } from "effect"
import { afterAll, beforeAll } from "vitest"
import { type Sshd, startSshd, stopTmux, testLog } from "../../../../test/support/sshd.ts"
import { attach } from "./attach.ts"
import { kill, launch, message, state, type TaskState } from "./Runner.ts"
import { transportLayer } from "./TransportLive.ts"

const localHome = mkdtempSync(join(tmpdir(), "tty-"))
let sshd: Sshd
beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(async () => {
  await sshd.dispose()
  stopTmux(localHome)
  rmSync(localHome, { recursive: true, force: true })
})

const ssh = () => ({
  resolve: () => Effect.succeed(undefined),
  home: localHome,
  env: {},
  knownHosts: [sshd.knownHosts]
})
const using = (home = localHome, env: Record<string, string | undefined> = process.env) =>
  Effect.provide(transportLayer({ log: testLog, ssh: ssh(), local: { home, env } }))

const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.flatMap((met) => (met ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds")
  )
const stateIs = (host: HostConfig, id: string, tag: TaskState["_tag"]) =>
  state(host, [id]).pipe(
    Effect.map((states) => states.get(id)),
    Effect.flatMap((now) => (now?._tag === tag ? Effect.succeed(now) : Effect.fail(`still ${now?._tag}` as const))),
    Effect.retry(Schedule.spaced("30 millis")),
    Effect.timeout("60 seconds")
  )
let number = 0
const newId = (): string => `task-20261120-143022-${String((number += 1)).padStart(6, "0")}`
const say = (host: HostConfig, id: string, text: string, n: number, before = n - 1) =>
  message(host, id, { number: n, before, text })

/** Every byte there is, and none that a terminal changes, except Return, which is the end. */
const hostile = `-n "; $(touch pwned) \`id\` '\\''%s%Y#{pane_id}\t é 🚂 \\ ~ !! && | > x ;`

for (const kind of ["local", "ssh"] as const) {
  const where = () =>
    kind === "local" ? { host: local, home: localHome } : { host: sshd.host("web"), home: sshd.home }
  const file = (id: string, name: string): string => join(where().home, ".signalbox", "tasks", id, name)
  const read = (id: string, name = "out"): string =>
    existsSync(file(id, name)) ? readFileSync(file(id, name), "utf8") : ""
  const terminalOf = (id: string): number => {
    const [runner] = read(id, "once/runner").split(" ")
    return Number(readFileSync(`/proc/${runner}/task/${runner}/children`, "utf8").trim().split(" ")[0])
  }
  const shows = (id: string, text: string) => until(() => read(id).includes(text))

  describe(`an interactive task on a host by ${kind}`, () => {
    it.live("has a real terminal, asks, and gets what a person says", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        const command = `[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size </dev/tty
printf 'name? '; read -r name; printf 'Proceed? (y/n) '; read -r yes; echo "got <$name> <$yes>"; exit 7`
        assert.strictEqual((yield* launch(host, id, { command, interactive: true })).outcome, "launched")
        yield* shows(id, "name? ")
        assert.deepEqual(yield* say(host, id, "Ana", 1), { _tag: "typed" })
        yield* shows(id, "Proceed? (y/n) ")
        assert.deepEqual(yield* say(host, id, "y", 2), { _tag: "typed" })
        assert.deepInclude(yield* stateIs(host, id, "exited"), { code: 7 })
        assert.strictEqual(read(id), "50 200\r\nname? Ana\r\nProceed? (y/n) y\r\ngot <Ana> <y>\r\n")
        assert.deepEqual(yield* say(host, id, "late", 3), { _tag: "ended" })
        assert.deepEqual(yield* say(host, id, "y", 2), { _tag: "typed" })
      }).pipe(using())
    )

    it.live("output is byte for byte what was written, from the first byte to the last before the exit", () =>
      Effect.gen(function* () {
        const { host } = where()
        for (let round = 0; round < 3; round += 1) {
          const id = newId()
          const bytes = join(where().home, "bytes.bin")
          const body = Buffer.from(Uint8Array.from({ length: 400_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))
          writeFileSync(bytes, Buffer.concat([Buffer.from("\x1b[31m\x1b]0;t%Y\x07\x1b[?25l"), body]))
          yield* launch(host, id, { command: `stty raw -echo; cat ${bytes}; exit 3`, interactive: true })
          assert.deepInclude(yield* stateIs(host, id, "exited"), { code: 3 })
          assert.isTrue(readFileSync(file(id, "out")).equals(readFileSync(bytes)), `round ${round}`)
        }
      }).pipe(using())
    )

    it.live(
      "hostile text arrives byte for byte: one line, many lines, 20 kB, and keys for a program that reads keys",
      () =>
        Effect.gen(function* () {
          const { host, home } = where()
          const lines = newId()
          const got = join(home, `got-${lines}`)
          yield* launch(host, lines, { command: `echo up; head -n 504 >${got}`, interactive: true })
          yield* shows(lines, "up")
          assert.deepEqual(yield* say(host, lines, hostile, 1), { _tag: "typed" })
          const many = Array.from({ length: 500 }, (_, i) => `${i} ${hostile.slice(0, 40)} ü`).join("\n")
          assert.isAbove(Buffer.byteLength(many), 20_000)
          assert.deepEqual(yield* say(host, lines, many, 2), { _tag: "typed" })
          const longest = "x".repeat(4095)
          assert.deepEqual(yield* say(host, lines, longest, 3), { _tag: "typed" })
          assert.deepEqual(yield* say(host, lines, `${longest}y`, 4), { _tag: "long-line", bytes: 4096, most: 4095 })
          assert.deepEqual(yield* say(host, lines, "", 5), { _tag: "typed" })
          assert.deepEqual(yield* say(host, lines, "-last", 6), { _tag: "typed" })
          yield* say(host, lines, "one more", 7)
          yield* stateIs(host, lines, "exited")
          const expected = `${hostile}\n${many}\n${longest}\n\n-last\n`
          assert.strictEqual(readFileSync(got, "utf8").slice(0, expected.length), expected)

          const keys = newId()
          const raw = join(home, `got-${keys}`)
          const text = hostile.repeat(300)
          assert.isAbove(Buffer.byteLength(text), 20_000)
          const size = Buffer.byteLength(text) + 1
          yield* launch(host, keys, { command: `stty raw -echo; echo up; head -c ${size} >${raw}`, interactive: true })
          yield* shows(keys, "up")
          assert.deepEqual(yield* say(host, keys, text, 1), { _tag: "typed" })
          yield* stateIs(host, keys, "exited")
          assert.strictEqual(readFileSync(raw, "utf8"), `${text}\r`)

          const pasted = newId()
          const paste = join(home, `got-${pasted}`)
          const command = `stty raw -echo; printf '\\033[?2004hup'; head -c 16 >${paste}`
          yield* launch(host, pasted, { command, interactive: true })
          yield* shows(pasted, "up")
          yield* say(host, pasted, "a\nb", 1)
          yield* stateIs(host, pasted, "exited")
          assert.strictEqual(readFileSync(paste, "utf8"), "\x1b[200~a\rb\x1b[201~\r")
          assert.isFalse(existsSync(join(home, "pwned")))
        }).pipe(using())
    )

    it.live("a message is typed once, however many ask for it at the same moment, and in order", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        yield* launch(host, id, { command: `while read -r l; do echo "<$l>"; done`, interactive: true })
        yield* stateIs(host, id, "running")
        const all = [3, 2, 1, 2, 3, 1, 1, 2, 3].map((n) => say(host, id, `message ${n}`, n))
        const said = yield* Effect.all(all, { concurrency: "unbounded" })
        assert.isTrue(said.every((one) => one._tag === "typed"))
        yield* shows(id, "<message 3>")
        assert.deepEqual(read(id).match(/<message \d>/gu), ["<message 1>", "<message 2>", "<message 3>"])
        yield* kill(host, id, 10)
      }).pipe(using())
    )

    it.live("a program that ends with the last key of a message has got it", () =>
      Effect.gen(function* () {
        const { host } = where()
        const round = Effect.gen(function* () {
          const id = newId()
          yield* launch(host, id, { command: "read -r x; exit 4", interactive: true })
          assert.deepEqual(yield* say(host, id, "y", 1), { _tag: "typed" })
          assert.deepInclude(yield* stateIs(host, id, "exited"), { code: 4 })
        })
        yield* Effect.all(
          Array.from({ length: 16 }, () => round),
          { concurrency: 8 }
        )
      }).pipe(using())
    )

    it.live("asked for and never waited for, as by a worker that dies, it is typed once", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        yield* launch(host, id, { command: `echo up; while read -r l; do echo "<$l>"; done`, interactive: true })
        yield* shows(id, "up")
        // Stopped, its terminal types nothing: whoever asks dies when the text is on the host and not typed.
        const terminal = terminalOf(id)
        process.kill(terminal, "SIGSTOP")
        const first = yield* Effect.forkChild(say(host, id, "once", 1), { startImmediately: true })
        yield* until(() => existsSync(file(id, "messages/1.text")))
        yield* Fiber.interrupt(first)
        assert.notInclude(read(id), "once")
        process.kill(terminal, "SIGCONT")
        assert.deepEqual(yield* say(host, id, "once", 1), { _tag: "typed" })
        yield* say(host, id, "twice", 2)
        yield* shows(id, "<twice>")
        assert.strictEqual(read(id).match(/<once>/gu)?.length, 1)
        yield* kill(host, id, 10)
      }).pipe(using())
    )

    it.live("outlives tmux: it goes on, is asked and answered, and its exit code is known", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const id = newId()
        yield* launch(host, id, { command: `printf 'name? '; read -r n; echo "hello $n"; exit 5`, interactive: true })
        yield* shows(id, "name? ")
        execFileSync("tmux", ["-L", "sbx", "kill-server"], {
          env: { ...process.env, TMUX_TMPDIR: join(home, ".signalbox", "tmux") }
        })
        assert.deepEqual(yield* say(host, id, "Ana", 1), { _tag: "typed" })
        assert.deepInclude(yield* stateIs(host, id, "exited"), { code: 5 })
        assert.strictEqual(read(id), "name? Ana\r\nhello Ana\r\n")
      }).pipe(using())
    )

    it.live("kill ends it and what left it; without its terminal it is lost", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const id = newId()
        const command = `setsid sh -c 'echo $$ >${home}/left-${id}; exec sleep 300' & echo up; read -r x`
        yield* launch(host, id, { command, interactive: true })
        yield* until(
          () => existsSync(`${home}/left-${id}`) && readFileSync(`${home}/left-${id}`, "utf8").endsWith("\n")
        )
        const pid = readFileSync(`${home}/left-${id}`, "utf8").trim()
        yield* shows(id, "up")
        assert.deepInclude(yield* kill(host, id, 10), { _tag: "exited", code: 143 })
        yield* until(() => !existsSync(`/proc/${pid}`))
        const other = newId()
        yield* launch(host, other, { command: "echo up; read -r x", interactive: true })
        yield* shows(other, "up")
        process.kill(terminalOf(other), "SIGKILL")
        assert.deepEqual(yield* stateIs(host, other, "lost"), { _tag: "lost" })
      }).pipe(using())
    )

    it.live("a task without a terminal takes no message, and one that never ran neither", () =>
      Effect.gen(function* () {
        const { host } = where()
        const id = newId()
        yield* launch(host, id, { command: "exec sleep 300" })
        assert.deepEqual(yield* say(host, id, "y", 1), { _tag: "not-interactive" })
        assert.deepEqual(yield* say(host, newId(), "y", 1), { _tag: "absent" })
        yield* kill(host, id, 10)
      }).pipe(using())
    )
  })
}

it.live("attaching joins the task's own terminal: its keys reach it, sizes follow", () =>
  Effect.gen(function* () {
    const host = sshd.host("web")
    yield* launch(host, "t-join", {
      command: `printf 'name? '; read -r n; echo "hello $n"; stty size; read -r m; echo "bye $m"`,
      interactive: true
    })
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
    const stdout = Object.assign(new PassThrough(), { columns: 90, rows: 25 })
    let seen = ""
    stdout.on("data", (part: Buffer) => (seen += part.toString()))
    const fiber = yield* Effect.forkChild(
      attach(host, "t-join", { stdin, stdout, term: "xterm-256color" }, { ssh: ssh() }),
      { startImmediately: true }
    )
    yield* until(() => seen.includes("name?"))
    const out = () => readFileSync(join(sshd.home, ".signalbox/tasks/t-join/out"), "utf8")
    // tmux drops keys that come in the moment of attaching: a key is pressed until its echo is seen.
    yield* until(() => {
      if (!out().includes("x")) stdin.write("x")
      return out().includes("x")
    })
    stdin.write("\r")
    yield* until(() => /hello x+\r\n25 90\r\n/u.test(out()))
    stdin.write("\x02d")
    assert.strictEqual(yield* Effect.timeout(Fiber.join(fiber), "60 seconds"), 0)
    assert.deepEqual(yield* message(host, "t-join", { number: 1, before: 0, text: "Ana" }), { _tag: "typed" })
    yield* until(() => out().includes("bye Ana"))
  }).pipe(using())
)

it.live("a host without perl is one sentence, and nothing runs", () =>
  Effect.gen(function* () {
    const home = mkdtempSync(join(tmpdir(), "bare-"))
    const bin = join(home, "bin")
    mkdirSync(bin)
    for (const name of ["mkdir", "cat", "tee", "wc", "head", "tail", "mv", "rm", "ln", "sleep", "id", "tmux"])
      symlinkSync(`/usr/bin/${name}`, join(bin, name))
    const error = yield* Effect.flip(launch(local, "t1", { command: "true", interactive: true })).pipe(
      using(home, { PATH: bin })
    )
    assert.strictEqual(
      error.message,
      "local has no perl, which keeps the terminal of an interactive task: install it there (apt install perl-base)"
    )
    assert.isFalse(existsSync(join(home, ".signalbox/tasks/t1/once")))
    rmSync(home, { recursive: true })
  })
)
