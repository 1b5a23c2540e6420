import { afterEach, describe, expect, it } from "vitest"
import stringWidth from "string-width"
import { frame } from "./frame.ts"
import { Screen as View } from "./Screen.tsx"
import { type FixtureLog, noon, taskId } from "./testing/fixture.ts"
import { keys, open, type Screen } from "./testing/screen.ts"
import { fillsEverySize } from "./testing/sizes.ts"
import { sketch, type World, world } from "./testing/world.ts"
import { knownStates, mark } from "./theme.ts"

const sizes = [
  [80, 24],
  [100, 30],
  [120, 40]
] as const
const opened: Array<() => Promise<void>> = []
const show = async (w: World, columns = 120, rows = 30, attach = () => Promise.resolve()): Promise<Screen> => {
  const screen = await open(<View session={w.session} attach={attach} />, columns, rows)
  opened.push(async () => {
    await screen.close()
    w.session.stop()
  })
  return screen
}
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

/** The store tells at its own pace; this waits for what was told. */
const told = async (w: World, screen: Screen): Promise<void> => {
  w.store.ticker.flush()
  await screen.settled()
}

describe.each(sizes)("on %i×%i", (columns, rows) => {
  it("tasks: what waits on top, list, detail, log and the keys that work", async () => {
    const w = world()
    w.output(taskId(5), "I'll look at it.\nRun npm test\n")
    const screen = await show(w, columns, rows)
    const lines = screen.lines()
    expect(lines[0]).toContain("[1 Tasks]")
    expect(lines[0]).toMatch(/\? 1 {2}● live 18$/u)
    expect(lines[2]).toMatch(/^> \? (?:task-)?…-000005 codex +web1 .*waiting .*Appro/u)
    expect(lines[3]).toMatch(/▸ (?:task-)?…-000004 claude/u)
    expect(lines[6]).toMatch(/✗ (?:task-)?…-000001 codex .*failed/u)
    expect(screen.text()).toContain("task-20261120-120000-000005")
    expect(screen.text()).toContain("Run npm test")
    expect(screen.text()).toContain("5 tasks · running 1 · waiting 1 · queued 1")
    expect(lines.at(-1)).toMatch(/c new.*x kill.*\? help/u)
    expect(lines.at(-1)).not.toContain("retry") // the selected one has not ended
    await screen.press("G")
    expect(screen.lines().at(-1)).toContain("r retry")
    screen.assertCalm()
  })

  it("hosts: state, latency, tools with versions, load, what runs", async () => {
    const w = world()
    const screen = await show(w, columns, rows)
    await screen.press("3", "j")
    const text = screen.text()
    expect(screen.lines()[0]).toContain("[3 Hosts]")
    expect(text).toMatch(/> ● web1 +reachable +12ms +0\.42 +▸2 ◌1 +claude/u)
    expect(text).toMatch(/◌ local +not checked/u)
    expect(text).toContain("deploy@10.0.0.5:22")
    await screen.press(keys.enter)
    for (const fact of [
      "2.1.4",
      "not found",
      "3.3a",
      "0.42 0.30 0.20 on 4 CPUs",
      "1d 2h",
      "clock is 4 s behind",
      "Debian"
    ])
      expect(screen.text()).toContain(fact)
    screen.assertCalm()
  })

  it("timeline: position, when, who, stream, type; the event in full", async () => {
    const w = world()
    const screen = await show(w, columns, rows)
    await screen.press("6")
    expect(screen.text()).toMatch(/> +18 {2}\d\d:\d\d:\d\d {2}worker +task\/\S*000005 +TaskObserved/u)
    expect(screen.text()).toContain("following")
    await screen.press(keys.up, keys.enter)
    expect(screen.text()).toContain("17  TaskLaunched")
    expect(screen.text()).toContain('"pid": 4242')
    expect(screen.text()).toContain("0000000000000011")
    screen.assertCalm()
  })

  it("help, palette, form and question fit", async () => {
    const w = world()
    const screen = await show(w, columns, rows)
    await screen.press("?")
    expect(screen.text()).toContain("attach to its live terminal")
    await screen.press(keys.escape, keys.ctrlK, "time")
    expect(screen.text()).toMatch(/> Go to timeline +6/u)
    await screen.press(keys.escape, "c")
    expect(screen.text()).toMatch(/> Host +‹ web1 ›/u)
    await screen.press(keys.escape, "x")
    expect(screen.lines().at(-1)).toContain("Kill task-20261120-120000-000005?   y yes  n no")
    await screen.press(keys.escape)
    expect(w.asked).toEqual([])
    screen.assertCalm()
  })

  it("an empty place says what to do next", async () => {
    const screen = await show(
      world(() => {}),
      columns,
      rows
    )
    expect(screen.text()).toContain("No tasks yet. Press c for the first one.")
    expect(screen.lines().at(-1)).not.toContain("kill")
    await screen.press("6")
    expect(screen.text()).toContain("Nothing has happened yet.")
  })

  it("every view in every state is exactly as high and wide as the screen", () => {
    const w = world()
    const steps = [
      "1",
      "3",
      "6",
      "1",
      "l",
      "escape",
      "z",
      "z",
      "enter",
      "escape",
      "?",
      "escape",
      "c",
      "escape",
      ":",
      "escape",
      "/"
    ]
    fillsEverySize(w, steps, { columns, rows })
    w.session.stop()
  })
})

describe("the tasks view", () => {
  it("leaves every visible row where it is when 50 come above, and counts them", async () => {
    const fill = (log: FixtureLog): void => {
      for (let n = 0; n < 100; n++) log.make(taskId(n), noon - 1_000_000 + n * 1000)
    }
    const w = world(fill)
    const screen = await show(w, 120, 30)
    for (let i = 0; i < 40; i++) await screen.press("j")
    const rows = (): ReadonlyArray<string> =>
      screen
        .lines()
        .slice(2, 27)
        .map((l) => l.slice(0, 60))
    const before = rows()
    screen.bytes()
    for (let n = 0; n < 50; n++) w.log.make(taskId(1000 + n), noon)
    await told(w, screen)
    expect(rows()).toEqual(before)
    expect(screen.text()).toContain("150 tasks")
    expect(screen.text()).toContain("↑ 65 above")
    screen.assertCalm()
  })

  it("draws only what is seen: 10,000 tasks cost as many rows as the screen has", () => {
    const w = world(
      (log) => {
        for (let n = 0; n < 10_000; n++) log.make(taskId(n), noon - n * 1000)
      },
      { mostTasks: 20_000 }
    )
    expect(w.session.model.tasks.rows).toHaveLength(10_000)
    let looked = 0
    const model = w.session.model
    const rows = new Proxy(model.tasks.rows, {
      get: (target, name, self) => {
        if (typeof name === "string" && /^\d+$/u.test(name)) looked++
        return Reflect.get(target, name, self)
      }
    })
    frame(w.session.ui, { ...model, tasks: { ...model.tasks, rows } }, { columns: 120, rows: 40 })
    expect(looked).toBeGreaterThan(30)
    expect(looked).toBeLessThan(200)
    w.session.stop()
  })

  it("changes a row where it stands when its task goes on, and moves it when it waits", async () => {
    const w = world()
    const screen = await show(w)
    w.log.task(taskId(3), { _tag: "TaskDispatched" }, noon, "worker")
    await told(w, screen)
    expect(screen.text()).toContain("running 2")
    w.log.task(taskId(3), { _tag: "TaskLaunched", pid: 1, bootId: "b", adopted: false }, noon, "worker")
    w.log.task(
      taskId(3),
      { _tag: "TaskObserved", status: "waiting", report: { waiting: "Overwrite?" } },
      noon,
      "worker"
    )
    await told(w, screen)
    expect(screen.lines()[0]).toContain("? 2")
    expect(screen.text()).toMatch(/\? task-…-000003 claude .*Overwrite\?/u)
    await screen.press("n")
    expect(screen.text()).toMatch(/> \? task-…-000003/u)
    await screen.press("n")
    expect(screen.text()).toMatch(/> \? task-…-000005/u)
  })

  it("filters as it is written, keeps the filter on enter, drops it on escape", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("/", "npm")
    expect(screen.lines().at(-1)).toMatch(/^ \/ npm/u)
    expect(screen.text()).toContain('1 of 5 tasks with "npm"'.replace("5 tasks", "5"))
    await screen.press(keys.enter)
    expect(screen.text()).toMatch(/> ✓ task-…-000002/u)
    expect(screen.text()).not.toContain("000004")
    await screen.press(keys.escape)
    expect(screen.text()).toContain("5 tasks")
    await screen.press("/", "nothing like it")
    expect(screen.text()).toContain("No task has these words.")
  })

  it("kills only after a yes, retries, sends a message, copies", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("x", "n")
    expect(w.asked).toEqual([])
    await screen.press("x", "y")
    expect(w.asked).toEqual([`kill ${taskId(5)}`])
    await screen.press("m")
    expect(screen.text()).toContain("or continues an agent's session that has ended")
    await screen.press("G", "m", "try again", keys.enter)
    expect(w.asked[1]).toBe(`message ${taskId(1)} try again`)
    await screen.press("G", "r")
    expect(w.asked[2]).toBe(`retry ${taskId(1)}`)
    await screen.press("g", "G", "y")
    expect(screen.stdout.writes.join("")).toContain(`\x1b]52;c;${Buffer.from(taskId(1)).toString("base64")}\x07`)
    expect(screen.text()).toContain(`copied ${taskId(1)}`)
  })

  it("answers a question of an interactive task: y, n and a message, in its detail alone", async () => {
    const w = world((log) => {
      sketch(log)
      log.make(taskId(6), noon - 1000, { status: "waiting", interactive: true })
      log.make(taskId(7), noon - 500, { status: "running", interactive: true })
    })
    const screen = await show(w)
    await screen.press("g")
    expect(w.session.ui.anchors.tasks.selected ?? screen.text()).toContain(taskId(6))
    await screen.press("y")
    expect(w.asked).toEqual([])
    expect(screen.text()).toContain(`copied ${taskId(6)}`)
    await screen.press(keys.enter)
    expect(screen.lines().at(-1)).toMatch(/y yes +n no/u)
    await screen.press("y")
    expect(w.asked).toEqual([`say ${taskId(6)} y`])
    expect(screen.text()).toContain(`${taskId(6)} is being told`)
    w.refuse = `${taskId(6)} is being ended, so a message comes too late.`
    await screen.press("n")
    expect(w.asked[1]).toBe(`say ${taskId(6)} n`)
    expect(screen.text()).toContain("so a message comes too late.")
    w.refuse = undefined
    await screen.press(keys.escape, "m")
    expect(screen.lines().at(-1)).toMatch(/^ type: /u)
    await screen.press("-n; $(id) é", keys.enter)
    expect(w.asked[2]).toBe(`say ${taskId(6)} -n; $(id) é`)
    w.log.task(taskId(6), { _tag: "TaskMessageSent", text: "maybe" }, noon)
    w.log.task(taskId(6), { _tag: "TaskMessageFailed", sent: 5, reason: "it ended before" }, noon, "worker")
    await screen.settled()
    expect(screen.text()).toContain("> maybe · ana")
    expect(screen.text()).toContain("✗ not typed: it ended before")
  })

  it("types a message into an interactive task that runs", async () => {
    const w = world((log) => log.make(taskId(7), noon - 500, { status: "running", interactive: true }))
    const screen = await show(w)
    await screen.press("m", "go on", keys.enter)
    expect(w.asked).toEqual([`say ${taskId(7)} go on`])
  })

  it("kills all that are marked, and says which of them could not be", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press(" ", " ", "x")
    expect(screen.lines().at(-1)).toContain("Kill these 2 tasks?")
    expect(screen.text()).toContain("marked 2")
    w.refuse = "The worker said no."
    await screen.press("y")
    expect(w.asked).toEqual([`kill ${taskId(5)}`, `kill ${taskId(4)}`])
    expect(screen.text()).toContain("✗ The worker said no. (2×)")
    await screen.press("j", "k")
    expect(screen.text()).toContain("The worker said no.")
    await screen.press(keys.escape)
    expect(screen.text()).not.toContain("The worker said no.")
  })

  it("does not pull a person back who has gone elsewhere before the answer came", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("G")
    w.session.press({ key: "r" })
    w.session.press({ key: "3" })
    await screen.settled()
    expect(w.asked).toEqual([`retry ${taskId(1)}`])
    expect(screen.text()).toContain(`${taskId(77)} was created`)
    expect(screen.lines()[0]).toContain("[3 Hosts]")
    await screen.press("1", "G", "r")
    expect(w.session.ui.anchors.tasks.selected).toBe(taskId(77))
  })

  it("says why a key does nothing now", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("r")
    expect(screen.text()).toContain("only a task that has ended can be retried")
    expect(w.asked).toEqual([])
  })

  it("creates a task from the form, wrong values named before anything is sent", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("c", keys.tab, "cc", keys.tab) // from shell on to claude, then codex
    await screen.paste("fix it\r\nand test it")
    await screen.press(keys.tab, "{bad", keys.tab, "/srv", keys.tab, "soon", keys.ctrlS)
    expect(screen.text()).toContain("✗ is not JSON")
    expect(screen.text()).toContain("✗ write a time as 90s, 10m, 2h or 1d")
    expect(w.asked).toEqual([])
    await screen.press(keys.ctrlU, '{"model":"opus"}', keys.tab, keys.tab, keys.ctrlU, "10m")
    w.refuse = "There is no host web1."
    await screen.press(keys.ctrlS)
    expect(screen.text()).toContain("✗ There is no host web1.")
    await screen.press(keys.escape)
    expect(screen.text()).not.toContain("There is no host web1.")
    expect(screen.text()).toContain("and test it") // nothing that was written is lost
    w.refuse = undefined
    await screen.press(keys.ctrlS)
    const [name, json] = /^(\S+) (.*)$/su.exec(w.asked.at(-1) ?? "")?.slice(1) ?? []
    expect(name).toBe("create")
    expect(JSON.parse(json ?? "")).toEqual({
      host: "web1",
      tool: "codex",
      command: "fix it\nand test it",
      params: { model: "opus" },
      cwd: "/srv",
      timeoutMs: 600_000
    })
    expect(screen.text()).not.toContain("New task")
  })

  it("hands the terminal to attach and comes back with everything on screen", async () => {
    const w = world()
    const attached: Array<string> = []
    let rawWhile = true
    const screen: Screen = await show(w, 120, 30, async () => {
      attached.push("on")
      rawWhile = screen.stdin.raw
    })
    await screen.press("a")
    await screen.until((text) => text.includes("● live") && attached.length === 1)
    expect(rawWhile).toBe(false)
    await screen.press("j")
    await screen.until((text) => /> ▸ task-…-000004/u.test(text))
  })
})

describe("the log of a task", () => {
  const long = Array.from({ length: 200 }, (_, i) => `line ${i + 1}`).join("\n") + "\n"

  it("follows the end, holds its place when scrolled, and follows again", async () => {
    const w = world()
    w.output(taskId(5), long)
    const screen = await show(w)
    await screen.press("l")
    expect(screen.text()).toContain("line 200")
    await screen.press(keys.pageUp, keys.pageUp)
    const held = screen.lines().slice(3, 26)
    expect(held.join("\n")).not.toContain("line 200")
    expect(screen.text()).toContain("held")
    w.output(taskId(5), "line 201\nline 202\n")
    await told(w, screen)
    expect(screen.lines().slice(3, 26)).toEqual(held)
    await screen.press("f")
    expect(screen.text()).toContain("line 202")
    await screen.press("g")
    expect(screen.lines()[4]).toContain("line 1")
    await screen.press("G")
    expect(screen.text()).toContain("following")
    screen.assertCalm()
  })

  it("shows an unfinished line, and a progress bar as the terminal would", async () => {
    const w = world()
    w.output(taskId(5), "10 %\r20 %\r30 %")
    const screen = await show(w)
    expect(screen.text()).toContain("30 %")
    expect(screen.text()).not.toContain("10 %")
  })
})

describe("hostile text", () => {
  const evil = [
    "\x1b[2J\x1b[Hgone",
    "\x1b]0;owned\x07title",
    "\x1b[?1049l\x1b[?25h",
    "\x1b[999;999Hfar",
    "مرحبا \u202eabc\u202c بالعالم",
    "👨‍👩‍👧‍👦👍🏽❤️1️⃣",
    "wide 日本語テキスト".repeat(20),
    "\t\ttabs",
    "\x9b2J\x84\x85c1",
    "line\r\nbreak\u2028sep",
    "\ud800"
  ]
  it("cannot break the frame, wherever it stands", async () => {
    const w = world((log) => {
      sketch(log)
      evil.forEach((text, i) => log.make(taskId(100 + i), noon + i, { command: text.slice(0, 3000), host: "web1" }))
      log.make(taskId(200), noon + 100, { status: "waiting", question: evil.join(" ") })
      log.append("evil/\x1b[2J", "Odd\x1b[31mType", { "k\x1b[2J": evil.join("") }, noon, "\x1b[2Jmallory")
    })
    w.output(
      taskId(200),
      evil.join("\n") + "\n" + "x".repeat(1_000_000) + "\n" + "日".repeat(100_000) + "\nlast line\n"
    )
    const screen = await show(w, 100, 30)
    screen.bytes()
    for (const key of [
      "j",
      "l",
      keys.escape,
      "k",
      "z",
      "z",
      "6",
      keys.enter,
      keys.escape,
      "1",
      keys.ctrlK,
      "wide",
      keys.escape,
      "3"
    ]) {
      await screen.press(key)
      expect(screen.lines()[0]).toMatch(/^ signalbox .*● live \d+$/u)
      expect(screen.lines()).toHaveLength(30)
      for (const line of screen.lines()) expect(stringWidth(line)).toBeLessThanOrEqual(100)
    }
    await screen.press("1", "G", "g", "l")
    expect(screen.text()).toContain("last line")
    screen.assertCalm()
    const written = screen.stdout.writes.join("")
    // oxlint-disable-next-line no-control-regex
    expect(written).not.toMatch(/\x1b\[999|\x1b\]0;|\u202e|\x9b|\x1b\[2J/u)
  })

  it("every state's glyph is one column wide in the emulator and in our count", async () => {
    for (const state of knownStates) expect([state, stringWidth(mark(state).glyph)]).toEqual([state, 1])
    const w = world()
    const screen = await show(w)
    for (const state of knownStates) {
      screen.stdout.term.reset()
      await new Promise<void>((done) => screen.stdout.term.write(`${mark(state).glyph}|`, done))
      expect([state, screen.stdout.term.buffer.active.cursorX]).toEqual([state, 2])
    }
  })
})

describe("the screen", () => {
  it("follows a resize at once, and is calm after it", async () => {
    const w = world()
    const screen = await show(w, 120, 40)
    for (const [columns, rows] of [
      [80, 24],
      [10, 3],
      [60, 12],
      [200, 60]
    ] as const) {
      await screen.resize(columns, rows)
      await screen.press("j", "k")
      expect(screen.lines()).toHaveLength(rows)
      if (columns > 20) expect(screen.lines()[0]).toContain("● live 18")
      screen.assertCalm()
    }
  })

  it("writes nothing when nothing that is seen has changed", async () => {
    const w = world()
    const screen = await show(w)
    await screen.settled()
    screen.bytes()
    for (let i = 0; i < 5; i++) await told(w, screen)
    expect(screen.bytes()).toBe("")
    w.log.make(taskId(9), noon)
    await told(w, screen)
    expect(screen.bytes()).toContain("19")
  })

  it("says when the line to the hub is down, and never with the live dot", async () => {
    const w = world()
    const screen = await show(w)
    w.store.connected({ state: "reconnecting", reason: "the hub closed the stream", since: noon })
    await screen.settled()
    expect(screen.lines()[0]).toContain("◌ reconnecting · 18")
    expect(screen.text()).not.toContain("● live")
    expect(screen.text()).toContain("task-…-000005") // what is known stays
  })

  it("selects by click, scrolls by wheel, and gives the mouse back", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("\x1b[<0;10;5M\x1b[<0;10;5m")
    expect(screen.text()).toMatch(/> ◌ task-…-000003/u)
    await screen.press("\x1b[<65;10;5M")
    expect(screen.text()).toMatch(/> ✗ task-…-000001/u)
    const modes = (): string => screen.stdout.term.modes.mouseTrackingMode
    expect(modes()).toBe("drag")
    await screen.press("\x14")
    expect(modes()).toBe("none")
  })

  it("runs several characters that arrived as one report", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press("jjj")
    expect(screen.text()).toMatch(/> ✓ task-…-000002/u)
  })

  it("runs commands by name, and names the ones there are", async () => {
    const w = world()
    const screen = await show(w)
    await screen.press(":", "tim", keys.tab)
    expect(screen.lines().at(-1)).toMatch(/^ : timeline/u)
    await screen.press(keys.enter)
    expect(screen.lines()[0]).toContain("[6 Timeline]")
    await screen.press(":", "explode", keys.enter)
    expect(screen.text()).toContain("There is no command explode here.")
  })

  it("leaves the alternate screen, the mouse and auto-wrap as they were", async () => {
    const w = world()
    const screen = await show(w)
    expect(screen.stdout.term.buffer.active.type).toBe("alternate")
    expect(screen.stdout.term.modes.wraparoundMode).toBe(false)
    await screen.press("q")
    await screen.app.waitUntilExit()
    expect(screen.stdout.term.buffer.active.type).toBe("normal")
    expect(screen.stdout.term.modes.wraparoundMode).toBe(true)
    expect(screen.stdout.term.modes.mouseTrackingMode).toBe("none")
    expect(screen.stdin.raw).toBe(false)
  })
})
