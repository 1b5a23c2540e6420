import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build, type Plugin } from "esbuild"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Pane } from "../../../test/support/pane.ts"
import { chatId, taskId } from "./testing/fixture.ts"
import { TestHub, testToken } from "./testing/hub.ts"
import { sketch } from "./testing/world.ts"

const run = promisify(execFile)
let directory: string
let program: string
let hub: TestHub
let pane: Pane
let panes = 0

/** One file: read and compiled from its many sources, each start is three seconds of a core. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tui-program-"))
  program = join(directory, "program.mjs")
  await build({
    entryPoints: [fileURLToPath(new URL("./testing/program.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [withoutDevtools],
    logLevel: "error"
  })
})
afterAll(() => rm(directory, { recursive: true, force: true }))
beforeEach(async () => {
  hub = new TestHub()
  sketch(hub.log)
  await hub.start()
  pane = new Pane(`tui-${panes++}`)
})
afterEach(async () => {
  await pane.stop()
  await hub.stop()
})

/** Ink imports a devtools package that is not there. */
const withoutDevtools: Plugin = {
  name: "without devtools",
  setup: (bundle) => {
    bundle.onResolve({ filter: /^react-devtools-core$/ }, () => ({ path: "devtools", namespace: "empty" }))
    bundle.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "export default {}" }))
  }
}

const argv = (): ReadonlyArray<string> => [process.execPath, program, hub.url, testToken]
const start = async (env: Readonly<Record<string, string>> = {}): Promise<string> => {
  await pane.start(argv(), 120, 30, env)
  return pane.until(/● live/u)
}
const modes = (): Promise<string> => pane.info("#{alternate_on} #{cursor_flag} #{wrap_flag} #{mouse_any_flag}")
const asBefore = "0 1 1 0"

describe("the program on a real terminal", { timeout: 300_000 }, () => {
  it("shows the tasks, takes keys, resize and paste, follows the log, and leaves the terminal as it was", async () => {
    const first = await start()
    expect(first).toContain("signalbox ▪ ops")
    expect(first).toMatch(/> \? task-…-000005 codex/u)
    expect(await modes()).toBe("1 0 0 1")
    await pane.keys("j", "j")
    await pane.until(/> ◌ task-…-000003/u)
    await pane.resize(80, 24)
    await pane.until(/> ◌ task-…-000003[^│]*$/mu)
    hub.log.make(taskId(42), Date.now(), { status: "waiting", question: "May I?" })
    await pane.until(/\? task-…-000016.*May I\?/u)
    await pane.keys("c", "Tab", "Tab")
    await pane.paste("echo one\necho two")
    await pane.until(/echo one\n.*echo two/u)
    await pane.keys("C-s")
    await pane.until(/was created/u)
    const created = [...hub.log.tasks.values()].at(-1)
    expect(created?.command).toBe("echo one\necho two")
    await pane.keys("q")
    expect(await pane.ended()).toBe(0)
    expect(await modes()).toBe(asBefore)
  })

  it.each([
    ["ctrl-c", ["C-c"]],
    ["ctrl-c inside a form", ["c", "C-c"]],
    [":quit", [":", "q", "u", "i", "t", "Enter"]]
  ])("ends clean by %s", async (_name, keys) => {
    await start()
    await pane.keys(...keys)
    expect(await pane.ended()).toBe(0)
    expect(await modes()).toBe(asBefore)
  })

  it("leaves the terminal as it was when it is ended from outside", async () => {
    await start()
    const shell = await pane.info("#{pane_pid}")
    const pid = (await run("pgrep", ["-P", shell])).stdout.trim()
    process.kill(Number(pid), "SIGTERM")
    expect(await pane.ended()).toBe(143)
    expect(await modes()).toBe(asBefore)
  })

  it("gives the whole terminal to attach, steals no key of it, and comes back", async () => {
    await start()
    await pane.keys("a")
    await pane.until(/attached to task-20261120-120000-000005/u)
    expect(await modes()).toBe(asBefore)
    await pane.type("jjxyqq")
    await pane.keys("Enter")
    await pane.until(/child got: jjxyqq/u)
    await pane.keys("Enter")
    await pane.until(/> \? task-…-000005 codex/u)
    await pane.keys("j")
    await pane.until(/> ▸ task-…-000004/u)
    expect(hub.requests.filter((r) => r.method === "POST")).toEqual([])
    await pane.keys("a")
    await pane.until(/attached to task-20261120-120000-000004/u)
    await pane.type("x")
    await pane.keys("Enter")
    await pane.until(/child got: x/u)
    await pane.keys("3", "Enter")
    await pane.until(/✗ Attaching to task-20261120-120000-000004 ended with code 3/u)
  })

  it("says that the hub is away, keeps what it knows, and is live again by itself", async () => {
    await start()
    const port = await hub.drop()
    expect(await pane.until(/◌ reconnecting/u)).toContain("task-…-000005")
    await hub.start(port)
    await pane.until(/● live/u)
  })

  it("writes no color with NO_COLOR, and the selection is still seen", async () => {
    await start({ NO_COLOR: "1" })
    const shot = await pane.tmux("capture-pane", "-p", "-e", "-t", "=t:")
    // oxlint-disable-next-line no-control-regex
    expect(shot).not.toMatch(/\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|38|48)[0-9;]*m/u)
    expect(shot).toMatch(/^> \? task/mu)
  })

  it("talks: a paste of several lines is one message, text streams in, esc interrupts, an editor gets the terminal", async () => {
    hub.log.talk(chatId(1), Date.now(), [["Hello?", "Hello, **there**."]])
    await start({ NO_COLOR: "1", VISUAL: "sh -c 'echo from the editor >> \"$1\"' sh" })
    await pane.keys("2")
    await pane.until(/> ○ Hello\?/u)
    await pane.keys("Enter")
    await pane.until(/Hello, \*\*there\*\*\.[^]*enter send/u) // without colors the marks stay
    await pane.paste("one\ntwo")
    await pane.until(/› one *\n {2}two/u)
    await pane.keys("C-o")
    await pane.until(/› one *\n {2}two *\n {2}from the editor/u)
    await pane.keys("Enter")
    await pane.until(/▸ replying/u)
    expect(hub.requests.at(-1)?.body).toMatchObject({ text: "one\ntwo\nfrom the editor" })
    const open = hub.log.chats.get(chatId(1))?.open?.replyId ?? ""
    for (let i = 0; i < 200; i++) hub.chats.says(chatId(1), open, `word${i} `)
    await pane.until(/word199/u)
    await pane.keys("Escape")
    await pane.until(/being interrupted/u)
    await pane.resize(80, 24)
    await pane.until(/word199/u)
    await pane.keys("C-c")
    expect(await pane.ended()).toBe(0)
    expect(await modes()).toBe(asBefore)
  })

  it("has color without NO_COLOR, also where CI is set", async () => {
    await start({ CI: "true" })
    const shot = await pane.tmux("capture-pane", "-p", "-e", "-t", "=t:")
    // oxlint-disable-next-line no-control-regex
    expect(shot).toMatch(/\x1b\[[0-9;]*32m● live/u)
  })

  it("refuses what is not a terminal with one sentence and code 2", async () => {
    const [node = "", ...args] = argv()
    const failed = await run(node, args).then(
      () => undefined,
      (error: unknown) => error as { readonly code: number; readonly stderr: string; readonly stdout: string }
    )
    expect(failed?.code).toBe(2)
    expect(failed?.stdout).toBe("")
    expect(failed?.stderr).toBe(
      "The full-screen view needs a terminal on stdin and stdout. Use signalbox task list, or signalbox up --headless.\n"
    )
  })
})
