import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { localHost as local } from "@signalbox/core/host/view.ts"
import { Effect, Fiber, Schedule } from "effect"
import { afterAll, beforeAll } from "vitest"
import { type Sshd, startSshd, stopTmux, testLog } from "../../../../test/support/sshd.ts"
import { attach } from "./attach.ts"
import { kill, launch } from "./Runner.ts"
import { transportLayer } from "./TransportLive.ts"

let sshd: Sshd
const home = mkdtempSync(join(tmpdir(), "attach-"))
beforeAll(async () => {
  sshd = await startSshd()
})
afterAll(async () => {
  await sshd.dispose()
  stopTmux(home)
  rmSync(home, { recursive: true, force: true })
})
const ssh = () => ({ resolve: () => Effect.succeed(undefined), home, env: {}, knownHosts: [sshd.knownHosts] })
const using = () => Effect.provide(transportLayer({ log: testLog, ssh: ssh(), local: { home, env: process.env } }))

/** What a screen shows, waited for. */
const screen = (from: NodeJS.ReadableStream) => {
  let seen = ""
  const waiting = new Set<() => void>()
  from.on("data", (part: Buffer) => {
    seen += part.toString()
    for (const look of waiting) look()
  })
  return (text: string) =>
    Effect.callback<void>((resume) => {
      const look = (): void => {
        if (!seen.includes(text)) return
        waiting.delete(look)
        resume(Effect.void)
      }
      waiting.add(look)
      look()
      return Effect.sync(() => void waiting.delete(look))
    }).pipe(
      Effect.timeoutOrElse({
        duration: "60 seconds",
        orElse: () => Effect.die(new Error(`not shown: ${text} in ${JSON.stringify(seen.slice(-500))}`))
      })
    )
}
/** Wide characters in every line: who comes late sees only the last ones. */
const task = { command: `n=0; while [ $n -lt 600 ]; do n=$((n + 1)); echo "grüß 🚂 line $n"; sleep 0.1; done` }
const clients = (of: string): string => {
  try {
    return execFileSync("tmux", ["-L", "sbx", "list-clients", "-F", "#{client_width}x#{client_height}"], {
      encoding: "utf8",
      env: { ...process.env, TMUX_TMPDIR: join(of, ".signalbox", "tmux") }
    }).trim()
  } catch {
    return ""
  }
}
const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.flatMap((met) => (met ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeout("60 seconds")
  )

describe("attaching", () => {
  it.live("by SSH: what the task writes with wide characters, sizes, resize and detach", () =>
    Effect.gen(function* () {
      const host = sshd.host("web")
      yield* launch(host, "t-ssh", task)
      const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => raws.push(raw) })
      const raws: Array<boolean> = []
      const stdout = Object.assign(new PassThrough(), { columns: 100, rows: 30 })
      const shows = screen(stdout)
      const fiber = yield* Effect.forkChild(
        attach(host, "t-ssh", { stdin, stdout, term: "no-such-terminal" }, { ssh: ssh() }),
        { startImmediately: true }
      )
      yield* shows("🚂")
      assert.strictEqual(clients(sshd.home), "100x30")
      yield* shows("line 3")
      Object.assign(stdout, { columns: 70, rows: 20 })
      stdout.emit("resize")
      yield* until(() => clients(sshd.home) === "70x20")
      stdin.write("\x02d")
      assert.strictEqual(yield* Effect.timeout(Fiber.join(fiber), "60 seconds"), 0)
      assert.deepEqual(raws, [true, false])
      assert.strictEqual(yield* attach(host, "t-none", { stdin, stdout }, { ssh: ssh() }), 1)
      yield* kill(host, "t-ssh", 5)
    }).pipe(using())
  )
  it.live("to this machine: tmux gets the real terminal of a process without database", () =>
    Effect.gen(function* () {
      yield* launch(local, "t-local", task)
      const main = join(home, "main.mjs")
      writeFileSync(
        main,
        `import { Effect } from ${JSON.stringify(import.meta.resolve("effect"))}
         import { attach } from ${JSON.stringify(import.meta.resolve("./attach.ts"))}
         const code = await Effect.runPromise(attach(${JSON.stringify(local)}, "t-local", process, { local: { home: ${JSON.stringify(home)} } }))
         console.log("code=" + code)
         process.exit(0)`
      )
      const child = spawn("script", ["-qfc", `${process.execPath} ${main}`, "/dev/null"], {
        env: { ...process.env, SHELL: "/bin/sh", NODE_OPTIONS: "" }
      })
      const shows = screen(child.stdout)
      yield* shows("🚂")
      // tmux drops keys that come in the moment of attaching, before the terminal has answered its questions.
      yield* shows("line 25")
      child.stdin.write("\x02d")
      yield* shows("code=0")
      child.stdin.end()
      yield* kill(local, "t-local", 5)
    }).pipe(using())
  )
})
