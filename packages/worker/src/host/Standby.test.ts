import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { afterAll, beforeAll } from "vitest"
import { type Sshd, startSshd, stopTmux } from "../../../../test/support/sshd.ts"
import { until } from "../../../../test/support/until.ts"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { kill, launch, state, type TaskFiles, type TaskState } from "./Runner.ts"
import { type Launcher, Standby } from "./Standby.ts"
import { transportLayer } from "./TransportLive.ts"

const localHome = mkdtempSync(join(tmpdir(), "local-"))
let sshd: Sshd
beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(async () => {
  await sshd.dispose()
  stopTmux(localHome)
})

/** Services of a test's own: their end ends the launchers. */
const using = () =>
  Effect.provide(
    Layer.fresh(Standby.layer).pipe(
      Layer.provideMerge(
        transportLayer({
          log: "0123456789ab",
          ssh: { resolve: () => Effect.succeed(undefined), home: localHome, env: {}, knownHosts: [sshd.knownHosts] },
          local: { home: localHome, env: process.env }
        })
      )
    )
  )

let number = 0
const newId = (): string => `task-20261121-143022-${String((number += 1)).padStart(6, "0")}`
const standing = (host: HostConfig) =>
  Effect.gen(function* () {
    const standby = yield* Standby
    yield* standby.prepare(host)
    const found = yield* until("a launcher stands by", Effect.map(standby.take(host.name), Option.getOrUndefined))
    assert.isTrue(found.serves(host))
    assert.isFalse(found.serves({ ...host, port: host.port + 1 }))
    return found satisfies Launcher
  })
const files = (home: string) => ({ command: `echo "$SIGNALBOX_TASK" >>${home}/runs; exec sleep 300`, merge: true })
const runs = (home: string, id: string): number =>
  existsSync(join(home, "runs")) ? readFileSync(join(home, "runs"), "utf8").split(id).length - 1 : 0
/** Those that were started to wait and have no task yet. */
const waitingRunners = (home: string): ReadonlyArray<string> => {
  const tasks = join(home, ".signalbox/tasks")
  const busy = readdirSync(tasks)
    .map((id) => join(tasks, id, "once/runner"))
    .flatMap((file) => (existsSync(file) ? [readFileSync(file, "utf8").split(" ")[0]] : []))
  return readdirSync("/proc").filter((pid) => {
    if (busy.includes(pid)) return false
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
      return words.includes("wait") && words.some((word) => word.startsWith(`${home}/.signalbox/standby.`))
    } catch {
      return false
    }
  })
}

for (const kind of ["local", "ssh"] as const) {
  const where = () =>
    kind === "local" ? { host: local, home: localHome } : { host: sshd.host("web"), home: sshd.home }
  const session = (id: string) => {
    try {
      const env = { ...process.env, TMUX_TMPDIR: join(where().home, ".signalbox/tmux") }
      execFileSync("tmux", ["-L", "sbx", "has-session", "-t", `=${id}`], { env, stdio: "ignore" })
      return true
    } catch {
      return false
    }
  }

  describe(`a launcher that stands by on a host by ${kind}`, () => {
    it.live("launches as a launch does: once, under the task's name, and it can be killed", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        yield* launch(host, newId(), { command: "true" }) // the scripts and the tmux server are there
        const launcher = yield* standing(host)
        yield* until(
          "a runner stands by, too",
          Effect.sync(() => waitingRunners(home).length === 1)
        )
        const id = newId()
        yield* launcher.here
        const staged = yield* launcher.stage(id, files(home))
        assert.deepStrictEqual((yield* state(host, [id])).get(id), { _tag: "prepared" })
        assert.strictEqual(runs(home, id), 0)
        const launched = yield* staged.launch
        assert.deepStrictEqual([launched.outcome, launched.state._tag], ["launched", "running"])
        yield* until(
          "it has run",
          Effect.sync(() => runs(home, id) === 1)
        )
        yield* until(
          "its session has its name",
          Effect.sync(() => session(id))
        )
        yield* until(
          "nobody waits there any more",
          Effect.sync(() => waitingRunners(home).length === 0)
        )
        assert.strictEqual((yield* launch(host, id, files(home))).outcome, "already")
        const again = yield* (yield* standing(host)).stage(id, files(home))
        assert.strictEqual((yield* again.launch).outcome, "already")
        assert.strictEqual(runs(home, id), 1)
        assert.deepInclude(yield* kill(host, id, 10), { _tag: "exited", code: 143 })
      }).pipe(Effect.scoped, using())
    )

    it.live("that is let go of starts nothing, and leaves no runner behind", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const id = newId()
        yield* Effect.scoped(standing(host).pipe(Effect.flatMap((launcher) => launcher.stage(id, files(home)))))
        yield* until(
          "its runner has ended",
          Effect.sync(() => waitingRunners(home).length === 0)
        )
        assert.deepStrictEqual((yield* state(host, [id])).get(id), { _tag: "prepared" })
        assert.strictEqual(runs(home, id), 0)
        assert.strictEqual((yield* launch(host, id, files(home))).outcome, "launched")
        yield* until(
          "it has run",
          Effect.sync(() => runs(home, id) === 1)
        )
      }).pipe(Effect.scoped, using())
    )

    it.live("that was only asked whether it is there waits again, and answers again", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        yield* launch(host, newId(), { command: "true" })
        const standby = yield* Standby
        for (let n = 0; n < 3; n++) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const launcher = yield* n === 0 ? standing(host) : Effect.fromOption(yield* standby.take(host.name))
              assert.isFalse(standby.stands(host.name)) // nobody else gets it meanwhile
              yield* launcher.here
            })
          )
          assert.isTrue(standby.stands(host.name))
        }
        const id = newId()
        const last = yield* Effect.fromOption(yield* standby.take(host.name))
        yield* last.here
        const launched = yield* (yield* last.stage(id, files(home))).launch
        assert.deepStrictEqual([launched.outcome, launched.state._tag], ["launched", "running"])
        assert.isFalse(standby.stands(host.name))
      }).pipe(Effect.scoped, using())
    )

    it.live("gives a task its directory, variables, input and terminal, as any launch does", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const told = join(home, "told")
        const env = { NAME: "a b", name: "it's", late: "1" }
        const says = `{ pwd; cat; echo "$NAME|$name|$late"; ls "${home}/.signalbox/tasks/$SIGNALBOX_TASK" | grep -c env; } >${told}; exit 3`
        const launchNow = (id: string, what: TaskFiles) =>
          standing(host).pipe(
            Effect.flatMap((launcher) => launcher.stage(id, what)),
            Effect.flatMap((staged) => staged.launch),
            Effect.scoped
          )
        const stateIs = (id: string, wanted: TaskState) =>
          until(
            `${id} is ${JSON.stringify(wanted)}`,
            Effect.map(state(host, [id]), (states) => {
              const now = states.get(id)
              return (
                now?._tag === wanted._tag &&
                (now._tag !== "exited" || wanted._tag !== "exited" || now.code === wanted.code)
              )
            })
          )
        yield* launch(host, newId(), { command: "true" })
        // Small and large, awkward and not text: as a line or as they are.
        const awkward = "-n %s\\n \\\\ 'ü' \"$(x)\" * \t.\r\n\n"
        for (const stdin of [awkward, awkward.repeat(2_000), Buffer.from([0, 255, 10, 0, 45])]) {
          const id = newId()
          yield* launchNow(id, { command: `cat >${told}; exit 3`, stdin, merge: true })
          yield* stateIs(id, { _tag: "exited", code: 3, at: 0 })
          assert.isTrue(readFileSync(told).equals(Buffer.from(stdin)))
        }
        const plain = newId()
        yield* launchNow(plain, { command: says, env, cwd: "/", stdin: "given\n", merge: true })
        yield* stateIs(plain, { _tag: "exited", code: 3, at: 0 })
        assert.strictEqual(readFileSync(told, "utf8"), "/\ngiven\na b|it's|1\n0\n")

        const nowhere = newId()
        yield* launchNow(nowhere, { command: "true", cwd: "/not/there", env })
        yield* stateIs(nowhere, { _tag: "exited", code: 126, at: 0 })
        const dir = join(home, ".signalbox/tasks", nowhere)
        assert.match(readFileSync(join(dir, "err"), "utf8"), /\/not\/there/)
        assert.isFalse(existsSync(join(dir, "env")))

        const seen = newId()
        yield* launchNow(seen, { command: `tty >${told}; exit 4`, interactive: true, env })
        yield* stateIs(seen, { _tag: "exited", code: 4, at: 0 })
        assert.match(readFileSync(told, "utf8"), /^\/dev\/pts\//)
      }).pipe(using())
    )

    it.live("is beaten by a kill that comes when all is there but the last word", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        yield* launch(host, newId(), { command: "true" })
        const id = newId()
        const launcher = yield* standing(host)
        const staged = yield* launcher.stage(id, { ...files(home), env: { SECRET: "x" } })
        assert.deepStrictEqual(yield* kill(host, id, 10), { _tag: "never-started" })
        assert.deepInclude(yield* staged.launch, { state: { _tag: "absent" } })
        assert.strictEqual(runs(home, id), 0)
        assert.isFalse(existsSync(join(home, ".signalbox/tasks", id, "env")))
        yield* until(
          "its runner has ended",
          Effect.sync(() => waitingRunners(home).length === 0)
        )
      }).pipe(Effect.scoped, using())
    )

    it.live("whose tmux server was ended meanwhile launches all the same", () =>
      Effect.gen(function* () {
        const { host, home } = where()
        const launcher = yield* standing(host)
        const env = { ...process.env, TMUX_TMPDIR: join(home, ".signalbox/tmux") }
        execFileSync("tmux", ["-L", "sbx", "kill-server"], { env })
        yield* until(
          "its runner has ended with it",
          Effect.sync(() => waitingRunners(home).length === 0)
        )
        const id = newId()
        const launched = yield* (yield* launcher.stage(id, files(home))).launch
        assert.deepStrictEqual([launched.outcome, launched.state._tag], ["launched", "running"])
        yield* until(
          "it has run",
          Effect.sync(() => runs(home, id) === 1 && session(id))
        )
      }).pipe(Effect.scoped, using())
    )
  })
}

describe("a host that has gone", () => {
  it.live("is found out before anything is sent, also when the connection does not know it yet", () =>
    Effect.gen(function* () {
      const host = sshd.host("web")
      yield* launch(host, newId(), { command: "true" })
      const launcher = yield* standing(host)
      yield* Effect.acquireRelease(
        Effect.sync(() => sshd.freeze(true)),
        () => Effect.sync(() => sshd.freeze(false))
      )
      const error = yield* Effect.flip(launcher.here)
      assert.strictEqual(error.message, "web is not reachable: it did not answer within 1 second")
    }).pipe(Effect.scoped, using())
  )

  it.live("is not dialed again by a launcher: none stands there, and nobody waits for it", () =>
    Effect.gen(function* () {
      const host = sshd.host("web")
      const standby = yield* Standby
      yield* launch(host, newId(), { command: "true" })
      yield* standing(host)
      yield* standby.prepare(host)
      yield* until(
        "another one stands by",
        Effect.sync(() => standby.stands("web"))
      )
      yield* Effect.promise(() => sshd.kill())
      yield* until(
        "it is known to be gone",
        Effect.sync(() => !standby.stands("web"))
      )
      assert.isTrue(Option.isNone(yield* standby.take(host.name)))
      yield* Effect.promise(() => sshd.start())
    }).pipe(Effect.scoped, using())
  )
})
