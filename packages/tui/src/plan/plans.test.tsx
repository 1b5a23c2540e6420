import { afterEach, describe, expect, it } from "vitest"
import stringWidth from "string-width"
import { catalog } from "@signalbox/core/action/catalog.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { Screen as View } from "../Screen.tsx"
import { noon } from "../testing/fixture.ts"
import { agentOf, agents, fleet, member, planId, TestPlans } from "../testing/plans.ts"
import { keys, open, type Screen } from "../testing/screen.ts"
import { fillsEverySize } from "../testing/sizes.ts"
import { sketch, type World, world } from "../testing/world.ts"

const opened: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})
const show = async (w: World, columns = 120, rows = 30): Promise<Screen> => {
  const screen = await open(<View session={w.session} attach={() => Promise.resolve()} />, columns, rows)
  opened.push(async () => {
    await screen.close()
    w.session.stop()
  })
  return screen
}
const told = async (w: World, screen: Screen): Promise<void> => {
  w.store.ticker.flush()
  await screen.settled()
}

interface Planned {
  readonly w: World
  readonly plans: TestPlans
}
/** Four plans: one that only reads and runs, one of high risk, a critical one, one that nobody understood. */
const planned = (options: Parameters<typeof world>[1] = {}, more: (plans: TestPlans) => void = () => {}): Planned => {
  let plans: TestPlans | undefined
  const w = world(
    (log) => {
      plans = new TestPlans(log, fleet(noon))
      plans.give(planId(1), "show cpu usage on all servers", noon - 50_000)
      plans.give(planId(2), "restart nginx on all web servers", noon - 20_000)
      plans.give(planId(3), "reboot web1", noon - 10_000)
      plans.give(planId(4), "make it nice", noon - 5_000)
      more(plans)
    },
    { initial: { view: "plans" }, ...options }
  )
  if (plans === undefined) throw new Error("no plans")
  return { w, plans }
}
const hashOf = (plans: TestPlans, n: number): string => plans.view(planId(n)).hash ?? ""

describe.each([
  [80, 24],
  [120, 40]
] as const)("plans on %i×%i", (columns, rows) => {
  it("list and detail: what waits on top and counted, steps with targets, risk and its reasons, proof, undo, expiry, hash", async () => {
    const { w, plans } = planned()
    const screen = await show(w, columns, rows)
    await told(w, screen)
    expect(screen.lines()[0]).toContain("[4 Plans]")
    expect(screen.lines()[0]).toMatch(/\? 2 {2}● live 9$/u)
    expect(screen.lines()[2]).toMatch(/^> \? …000003 waiting .*4:50 {2}reboot web1/u)
    expect(screen.lines()[3]).toMatch(/^ {2}\? …000002 waiting .*9:40 {2}restart nginx/u)
    expect(screen.lines()[4]).toMatch(/◌ …000001 approved .*0\/4/u)
    expect(screen.lines()[5]).toMatch(/✗ …000004 unclear .* make it nice/u)
    expect(screen.text()).toContain("4 plans · waiting 2 · running 1")
    await screen.press("j")
    await told(w, screen)
    const hash = hashOf(plans, 2)
    for (const part of [
      "Plan p-20261120-000002",
      '"restart nginx on all web servers"',
      "understood by the phrasebook in",
      "1  service.restart nginx.service",
      "web1 web2 web3  (tag web)",
      "▲ high",
      "restart a service; web1 is tagged prod",
      catalog["service.restart"].proof.slice(0, 30),
      "none needed",
      "all at once, stop after 1 failure",
      "expires in 9:40",
      `hash ${hash.slice(0, 4)}…${hash.slice(-4)}`
    ])
      expect(screen.text()).toContain(part)
    expect(screen.lines().at(-1)).toMatch(/enter read, then approve/u)
    await screen.press("y")
    await told(w, screen)
    expect(plans.view(planId(2)).status).toBe("proposed")
    await screen.press("G")
    await told(w, screen)
    expect(screen.lines().at(-1)).toMatch(/i instruct.*e edit.*enter open/u)
    expect(screen.text()).toContain("there is no model to ask")
    screen.assertCalm()
  })

  it("every state is exactly as high and wide as the screen", () => {
    const { w } = planned({}, (made) => {
      const command = made.dispatch(planId(1), 0, "web1", noon - 40_000)
      const data = {
        cpu: 3,
        lines: ["x".repeat(300), "日".repeat(200)],
        processes: [{ pid: 1, name: "a" }, { pid: 2 }]
      }
      made.end(planId(1), 0, "web1", command, noon, { summary: "s".repeat(1000), data })
    })
    w.store.agents.set(agents(noon))
    const steps = [
      "4",
      "j",
      "enter",
      "w",
      "escape",
      "j",
      "enter",
      "enter",
      "w",
      "z",
      "z",
      "escape",
      "G",
      "i",
      "r",
      "tab"
    ]
    fillsEverySize(
      w,
      [...steps, "up", "up", "down", "escape", "e", "escape", "g", "tab", "y", "escape", ":", "escape", "6"],
      { columns, rows }
    )
    w.session.stop()
  })

  it("shows a plan being carried out: each host's state, what it said, how long it took, the proof, the counts", async () => {
    const { w, plans } = planned()
    const id = planId(2)
    const screen = await show(w, columns, rows)
    await screen.press("j", keys.enter)
    await told(w, screen)
    screen.bytes()
    plans.approve(id, noon)
    await told(w, screen)
    expect(screen.text()).toMatch(/◌ approved/u)
    expect(screen.text()).toContain("approved by ben")
    expect(screen.lines().at(-1)).toContain("x stop")
    const one = plans.dispatch(id, 0, "web1", noon)
    const two = plans.dispatch(id, 0, "web2", noon)
    await told(w, screen)
    expect(screen.text()).toMatch(/▸ web1 +sent/u)
    expect(screen.text()).toMatch(/◌ web3 +waiting/u)
    plans.accept(id, 0, "web1", one, noon)
    await told(w, screen)
    expect(screen.text()).toMatch(/▸ web1 +acting/u)
    const at = { startedAt: noon, finishedAt: noon + 212 }
    plans.end(id, 0, "web1", one, noon, { summary: "nginx is active", proven: true, data: { unit: "nginx" }, ...at })
    await told(w, screen)
    expect(screen.text()).toMatch(/✓ web1 +done +nginx is active +proven {2}212 ms/u)
    expect(screen.text()).toContain("1 of 3 ended")
    plans.end(id, 0, "web2", two, noon, { tag: "StepFailed", summary: "nginx did not start: port 80 is in use", ...at })
    await told(w, screen)
    expect(screen.text()).toMatch(/✗ web2 +failed +nginx did not start: port 80/u)
    expect(screen.text()).toMatch(/– web3 +skipped/u)
    expect(screen.text()).toMatch(/✗ failed/u)
    expect(screen.text()).toContain("1 succeeded, 1 failed, 1 skipped")
    expect(screen.text()).toContain("step 1 did not succeed on 1 host")
    expect(screen.text()).not.toContain("unit  nginx")
    await screen.press(keys.enter)
    expect(screen.text()).toContain("unit  nginx")
    screen.assertCalm()
  })
})

describe("a plan that waits for approval", () => {
  it("is jumped to with n from anywhere, and not approved from the list", async () => {
    const { w } = planned({ initial: { view: "tasks" } }, ({ log }) => sketch(log))
    const screen = await show(w)
    expect(screen.lines()[0]).toMatch(/\? 3 /u)
    await screen.press("n")
    expect(screen.lines()[0]).toContain("[4 Plans]")
    expect(screen.text()).toMatch(/> \? …000002/u)
    await screen.press("y")
    expect(screen.text()).toContain(`copied ${planId(2)}`)
    await screen.press("n")
    expect(screen.text()).toMatch(/> \? …000003/u)
    expect(w.asked).toEqual([])
  })

  it("is approved by the hash that is on the screen, or rejected", async () => {
    const { w, plans } = planned()
    const screen = await show(w)
    await screen.press("j", keys.enter)
    await told(w, screen)
    expect(screen.lines().at(-1)).toMatch(/y approve {2}n reject/u)
    w.refuse = "web2 is not there any more: give the instruction again."
    await screen.press("y")
    expect(w.asked).toEqual([`plan.approve ${planId(2)} ${hashOf(plans, 2)}`])
    expect(screen.text()).toContain("✗ web2 is not there any more")
    w.refuse = undefined
    await screen.press(keys.escape, "n")
    expect(w.asked[1]).toBe(`plan.reject ${planId(2)}`)
    expect(screen.text()).toContain(`${planId(2)} was rejected`)
  })

  it("that is critical is approved by typing its short code, and by nothing else", async () => {
    const { w, plans } = planned()
    const screen = await show(w)
    const code = shortCode(hashOf(plans, 3))
    await screen.press(keys.enter)
    await told(w, screen)
    await screen.press("y")
    expect(screen.lines().at(-1)).toContain(`This is critical. Type ${code} to approve it:`)
    await screen.press("yes", keys.enter)
    expect(w.asked).toEqual([])
    expect(screen.text()).toContain(`that is not ${code}: nothing was approved`)
    await screen.press("y", keys.enter)
    expect(w.asked).toEqual([])
    await screen.press("y", code.toUpperCase(), keys.enter)
    expect(w.asked).toEqual([`plan.approve ${planId(3)} ${hashOf(plans, 3)} ${code.toUpperCase()}`])
  })

  it("that does not fit on the screen is approved after a question, or once it was read to its end", async () => {
    const content = Array.from({ length: 60 }, (_, i) => `line ${i + 1} of the file`).join("\n")
    const { w } = planned({}, (made) =>
      made.give(planId(5), "write the file", noon - 1000, {
        draft: {
          steps: [
            {
              action: "config.write",
              args: { path: "/etc/motd", content },
              targets: { _tag: "Name", glob: "db1" }
            }
          ]
        }
      })
    )
    const screen = await show(w)
    await screen.press("g", keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("proposed by gemini/gemini-2.5-pro")
    expect(screen.text()).toContain("line 3 of the file")
    await screen.press("y")
    expect(screen.lines().at(-1)).toContain("Not all of it is on the screen.")
    await screen.press("n")
    expect(w.asked).toEqual([])
    await screen.press("G")
    expect(screen.text()).toContain("line 60 of the file")
    await screen.press("y")
    expect(w.asked[0]).toMatch(/^plan\.approve p-20261120-000005 /u)
  })

  it("names every host that it means, however many", async () => {
    const many = Array.from({ length: 300 }, (_, i) => member(`node${i + 1}`, ["web"], noon))
    const w = world(
      (log) => {
        const plans = new TestPlans(log, many)
        plans.give(planId(5), "restart nginx on all web servers", noon - 1000)
      },
      { initial: { view: "plans" } }
    )
    const screen = await show(w, 80, 24)
    await told(w, screen)
    await screen.press(keys.tab)
    let read = screen.text()
    for (let i = 0; i < 12; i++) {
      await screen.press(keys.pageDown)
      read += screen.text()
    }
    for (const { host } of many) expect(read).toMatch(new RegExp(`\\b${host}\\b`, "u"))
    screen.assertCalm()
  })

  it("is not approved before the whole of it was read", async () => {
    const { w } = planned()
    w.store.plans.onWanted = () => {}
    const screen = await show(w)
    await screen.press("j", keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("the whole of it is being read…")
    await screen.press("y")
    expect(w.asked).toEqual([])
    expect(screen.text()).toContain("the plan is still being read")
  })

  it("explains its risk: every reason, who has to agree, the whole hash", async () => {
    const { w, plans } = planned()
    const screen = await show(w)
    await screen.press(keys.enter, "w")
    await told(w, screen)
    for (const part of ["▲ critical: reboot a host", "who types the short code", "within 5 minutes", hashOf(plans, 3)])
      expect(screen.text()).toContain(part)
    await screen.press("w")
    expect(screen.text()).not.toContain("who types the short code")
  })

  it("counts down, and takes no key before it has come", async () => {
    const { w, plans } = planned({}, (made) =>
      made.give(planId(6), "tidy up the logs", noon - 2000, { model: "gemini/gemini-2.5-flash" })
    )
    const screen = await show(w)
    await told(w, screen)
    await screen.press("g", "j", "j", keys.enter)
    expect(screen.text()).toContain("asking gemini/gemini-2.5-flash")
    await screen.press("y", "n")
    expect(w.asked).toEqual([])
    expect(screen.text()).not.toContain("copied")
    expect(screen.text()).toContain("Plan p-20261120-000006")
    const { plan, hash = "", unjudged } = plans.view(planId(2))
    if (plan === undefined) throw new Error("no plan")
    const answer = { plan: { ...plan, expiresAt: new Date(noon + 61_000).toISOString() }, hash, unjudged }
    plans.decide(
      planId(6),
      {
        _tag: "Answer",
        with: {
          _tag: "PlanProposed",
          ...answer,
          origin: { by: "model", model: "gemini-2.5-flash" },
          understood: ["service.restart nginx.service on tag web"]
        }
      },
      noon,
      "worker"
    )
    await told(w, screen)
    expect(screen.text()).toContain("expires in 1:01")
    expect(screen.text()).toContain("as       service.restart nginx.service on tag web")
    expect(screen.lines().at(-1)).toMatch(/y approve {2}n reject/u)
  })
})

describe("an instruction", () => {
  it("is shown as the phrasebook understands it while it is written, then given", async () => {
    const { w } = planned({ givenPlan: planId(2) })
    w.store.agents.set(agents(noon))
    const screen = await show(w)
    await screen.press("i", "restart nginx on web1 and web2")
    expect(screen.text()).toContain("1  service.restart nginx.service on web1 or web2")
    expect(screen.text()).toContain("understood by the phrasebook")
    await screen.press(keys.ctrlU, "restart nginx on mars")
    expect(screen.text()).toContain("There is no host mars here")
    await screen.press(keys.ctrlU, "make it nice")
    expect(screen.text()).toContain("The phrasebook does not know this")
    expect(w.asked).toEqual([])
    await screen.press(keys.ctrlU, "restart nginx on all web servers", keys.enter)
    expect(w.asked).toEqual(["plan.give restart nginx on all web servers really"])
    await told(w, screen)
    expect(screen.text()).toContain("Plan p-20261120-000002")
    expect(screen.lines().at(-1)).toMatch(/y approve {2}n reject/u)
  })

  it("is asked for as a dry run first where this terminal does not know the fleet", async () => {
    const { w } = planned({ givenPlan: planId(7) }, (made) =>
      made.give(planId(7), "restart ssh on db1", noon - 1000, { dryRun: true })
    )
    const screen = await show(w)
    await screen.press("i", "restart ssh on db1")
    expect(screen.text()).toContain("enter shows what is understood, before anything is done")
    await screen.press(keys.enter)
    expect(w.asked).toEqual(["plan.give restart ssh on db1 dry"])
    await told(w, screen)
    expect(screen.text()).toMatch(/1 {2}service\.restart ssh\.service +▲ /u)
    expect(screen.text()).toContain("1 host: db1")
    await screen.press("x")
    expect(screen.text()).not.toContain("1 host: db1") // of another text than was asked for
    await screen.press(keys.backspace)
    expect(screen.text()).toContain("1 host: db1")
    await screen.press(keys.enter)
    expect(w.asked).toEqual(["plan.give restart ssh on db1 dry", "plan.give restart ssh on db1 really"])
  })

  it("that the hub does not take stays as it was written", async () => {
    const { w } = planned()
    const screen = await show(w)
    w.refuse = "Your role may not do this."
    await screen.press("i", "reboot web3", keys.enter)
    expect(screen.text()).toContain("✗ Your role may not do this.")
    expect(screen.text()).toContain("> reboot web3")
    w.refuse = undefined
    await screen.press(keys.escape, keys.enter)
    expect(w.asked).toEqual(["plan.give reboot web3 dry", "plan.give reboot web3 dry"])
  })

  it("has a history, and comes from a plan to be edited", async () => {
    const { w } = planned()
    const screen = await show(w)
    await screen.press("i", "half wri", keys.up)
    expect(screen.text()).toContain("> make it nice")
    await screen.press(keys.up)
    expect(screen.text()).toContain("> reboot web1")
    await screen.press(keys.down, keys.down)
    expect(screen.text()).toContain("> half wri")
    await screen.press(keys.escape, "j", "e")
    expect(screen.text()).toMatch(/> restart nginx on all web servers +│/u)
    await screen.press(keys.escape)
    await screen.press(":", "do", keys.enter, "x")
    expect(screen.text()).toMatch(/> x +│/u)
    expect(w.asked).toEqual([])
  })

  it("stops a plan that runs, after a question", async () => {
    const { w, plans } = planned()
    const screen = await show(w)
    await screen.press("j", "x")
    expect(screen.text()).toContain("only a plan that is being carried out can be stopped")
    await screen.press("j", "x", "y")
    expect(w.asked).toEqual([`plan.cancel ${planId(1)}`])
    plans.decide(planId(1), { _tag: "Cancel", by: "ana" }, noon)
    await told(w, screen)
    expect(screen.text()).toContain("◼ stopped")
    expect(screen.text()).toContain("ana stopped it")
  })
})

describe("answers", () => {
  const evil = [
    "\x1b[2J\x1b[Hgone",
    "\x1b]0;owned\x07title",
    "\x1b[999;999Hfar",
    "\u202eabc\u202c",
    "👨‍👩‍👧‍👦👍🏽❤️1️⃣",
    "wide 日本語テキスト".repeat(20),
    "\x9b2J\x84\x85c1",
    "line\r\nbreak\u2028sep",
    "\ud800"
  ]

  it("are shown in part, then to their end, and what is too large for the log is fetched", async () => {
    const { w, plans } = planned()
    const id = planId(1)
    const lines = Array.from({ length: 40 }, (_, i) => ({ pid: i + 1, command: `process ${i + 1}` }))
    const one = plans.dispatch(id, 0, "web1", noon)
    const two = plans.dispatch(id, 0, "web2", noon)
    plans.end(id, 0, "web1", one, noon, { summary: "40 processes", data: lines })
    plans.end(id, 0, "web2", two, noon, {
      summary: "many processes",
      stored: { bytes: 123_456, sha256: "0".repeat(64) }
    })
    const screen = await show(w)
    await screen.press("j", "j", keys.enter)
    await told(w, screen)
    expect(screen.text()).toContain("pid  command")
    expect(screen.text()).toContain("7    process 7")
    expect(screen.text()).not.toContain("process 8")
    expect(screen.text()).toContain("… 33 more lines · enter shows them")
    expect(screen.text()).toContain("a large answer of 123.5 kB · enter shows it")
    await screen.press(keys.enter)
    expect(screen.text()).toContain("process 18")
    w.store.plans.setResult(two, { state: "ready", data: { text: "the whole of it" } })
    await told(w, screen)
    await screen.press("G")
    expect(screen.text()).toContain("process 40")
    expect(screen.text()).toContain("text  the whole of it")
    w.store.plans.setResult(two, { state: "failed", problem: "The hub does not answer." })
    await told(w, screen)
    expect(screen.text()).toContain("✗ The hub does not answer.")
    screen.assertCalm()
  })

  it("cannot reach the terminal, nor can instructions, names or events", async () => {
    const { w, plans } = planned({}, (made) => {
      made.give(planId(8), evil.join(" "), noon - 500)
      made.give(planId(9), "write it", noon - 400, {
        draft: {
          steps: [
            {
              action: "config.write",
              args: { path: "/etc/motd", content: evil.join("\n") },
              targets: { _tag: "Name", glob: "db1" }
            }
          ]
        }
      })
    })
    const id = planId(1)
    const screen = await show(w, 100, 30)
    for (const host of ["web1", "web2", "web3"] as const) {
      const command = plans.dispatch(id, 0, host, noon)
      const tag = host === "web1" ? "StepSucceeded" : "StepFailed"
      const data = { [evil.join("")]: evil, rows: evil.map((text) => ({ [text]: text })), text: evil.join("\n") }
      plans.end(id, 0, host, command, noon, { tag, summary: evil.join(" ").slice(0, 1900), data })
    }
    await told(w, screen)
    screen.bytes()
    for (const key of ["j", keys.enter, "w", keys.escape, "j", keys.enter, "G", keys.escape, "j", "j", keys.enter]) {
      await screen.press(key)
      await told(w, screen)
    }
    for (const key of [keys.enter, "G", "g", keys.escape, "i", keys.up, keys.up, keys.escape, "6", keys.enter]) {
      await screen.press(key)
      await told(w, screen)
      expect(screen.lines()[0]).toMatch(/^ signalbox .*● live \d+ *$/u)
      for (const line of screen.lines()) expect(stringWidth(line)).toBeLessThanOrEqual(100)
    }
    screen.assertCalm()
    const written = screen.stdout.writes.join("")
    // oxlint-disable-next-line no-control-regex
    expect(written).not.toMatch(/\x1b\[999|\x1b\]0;|\u202e|\x9b|\x1b\[2J/u)
  })
})

describe("the timeline", () => {
  it("tells events of plans in words", async () => {
    const { w, plans } = planned()
    const id = planId(2)
    const hash = hashOf(plans, 2)
    plans.approve(id, noon)
    const command = plans.dispatch(id, 0, "web1", noon)
    plans.end(id, 0, "web1", command, noon, {
      summary: "nginx is active",
      proven: true,
      startedAt: 0,
      finishedAt: 212
    })
    const screen = await show(w, 240, 30)
    await screen.press("6")
    await told(w, screen)
    const text = screen.text()
    for (const part of [
      /InstructionGiven +"restart nginx on all web servers"/u,
      /PlanProposed +▲ high {2}service\.restart nginx\.service on tag web/u,
      new RegExp(`PlanApproved +by ben {2}${hash.slice(0, 4)}…${hash.slice(-4)}`, "u"),
      /StepDispatched +web1 {2}service\.restart nginx\.service/u,
      /StepSucceeded +web1 {2}nginx is active {2}212 ms {2}proven {2}service\.restart/u
    ])
      expect(text).toMatch(part)
  })
})

describe("agents among the hosts", () => {
  it("show whether they are online, their version and what they measure; a host with an agent alone is listed, too", async () => {
    const w = world(sketch, {
      initial: { view: "hosts" },
      agents: [
        agentOf("web1", ["web"], noon - 4000),
        agentOf("db7", ["db"], noon - 3_600_000, { online: false, disconnectReason: "no heartbeat for 45 s" })
      ]
    })
    const screen = await show(w, 180, 30)
    w.store.agents.set([
      agentOf("web1", ["web"], noon - 2000, { sample: { cpu: 97, memory: 41, disk: 50 } }),
      agentOf("db7", ["db"], noon - 3_600_000, { online: false, disconnectReason: "no heartbeat for 45 s" })
    ])
    await screen.press("j")
    await told(w, screen)
    expect(screen.text()).toMatch(/> ● web1 +reachable .*● +▁█ +97%/u)
    expect(screen.text()).toMatch(/○ db7 +offline/u)
    expect(screen.text()).toContain("agents online 1 of 2")
    for (const part of [
      "● online · version 1.4.0 · heard 2s ago",
      "cpu 97% · memory 41% · disk 50%",
      "deploy@10.0.0.5:22"
    ])
      expect(screen.text()).toContain(part)
    await screen.press("j")
    for (const part of [
      "○ offline · version 1.4.0 · heard 1h ago",
      "cpu 3% · memory 40% · disk 50% 1h ago",
      "no heartbeat for 45 s"
    ])
      expect(screen.text()).toContain(part)
    await screen.press("r")
    expect(w.asked).toEqual([])
    expect(screen.text()).toContain("its agent alone is known")
    screen.assertCalm()
  })
})
