/** `agent`, `do` and `plan` as people use them: the built command, a hub and a worker of its own, an agent that does as it is told. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { CommandResult } from "@signalbox/core/agent/protocol.ts"
import { freshDatabase } from "../../../../test/support/database.ts"
import { FakeAgent, type FakeSocket } from "../../../../test/support/fake-agent.ts"
import { Pane } from "../../../../test/support/pane.ts"
import { reply } from "../../../../test/support/providers/script.ts"
import { type StandIn, startProvider } from "../../../../test/support/providers/stand-in.ts"
import {
  dispose,
  type Home,
  makeHome,
  type Ran,
  ready,
  signalbox,
  start,
  until
} from "../../../../test/support/signalbox.ts"

const root = fileURLToPath(new URL("../../../..", import.meta.url))
const program = join(root, "packages/cli/bin/signalbox.mjs")

const Invited = Schema.Struct({ agentId: Schema.String, token: Schema.String, hub: Schema.String })
const Agents = Schema.Struct({
  agents: Schema.Array(Schema.Struct({ name: Schema.String, online: Schema.Boolean, status: Schema.String }))
})
const Plan = Schema.Struct({
  planId: Schema.String,
  status: Schema.String,
  hash: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String),
  steps: Schema.Array(
    Schema.Struct({ results: Schema.Array(Schema.Struct({ host: Schema.String, state: Schema.String })) })
  )
})
const Plans = Schema.Struct({ plans: Schema.Array(Schema.Struct({ planId: Schema.String })) })
const Explained = Schema.Struct({ findings: Schema.Array(Schema.Struct({ quote: Schema.String })), lines: Schema.Int })
const planOf = (ran: Ran) => Schema.decodeUnknownSync(Schema.fromJsonString(Plan))(ran.stdout)

let home: Home
let openai: StandIn
let socket: FakeSocket
let beats: NodeJS.Timeout | undefined
/** Of acts; undefined: they begin, and do not end by themselves. */
let outcome: Partial<CommandResult> | undefined = {}
const line = { at: "2026-11-21T10:00:00.000Z", unit: "nginx.service", priority: "err", text: "connect() failed" }

const sb = (...args: ReadonlyArray<string>): Promise<Ran> => signalbox(home, ...args)
const restarts = () => socket.requests().filter(({ action }) => action === "service.restart")
const proposed = async (instruction: string) => {
  const ran = await sb("do", instruction, "--json")
  assert.deepStrictEqual([ran.code, ran.stderr], [2, ""])
  return planOf(ran)
}

beforeAll(async () => {
  openai = await startProvider("openai")
  home = await makeHome({ database: await freshDatabase(), env: { ...openai.env, SIGNALBOX_MODEL: "openai/gpt-4" } })
  await ready(home, await start(home, "up", "--headless"))
}, 180_000)
afterAll(async () => {
  clearInterval(beats)
  socket?.raw.terminate()
  await dispose(home)
  await openai.close()
}, 60_000)

describe("signalbox agent, do and plan", { timeout: 240_000 }, () => {
  it("tells the next command where there is nothing yet", async () => {
    for (const [args, wanted] of [
      [["agent", "list"], /^No agents yet\. Invite a host: signalbox agent invite/u],
      [["plan", "list"], /^No plans yet\. Say what is to be done: signalbox do "…"/u]
    ] as const) {
      const ran = await sb(...args)
      assert.strictEqual(ran.code, 0)
      assert.match(ran.stdout, wanted)
    }
    const none = await sb("do", "restart", "nginx", "on", "web1")
    assert.deepStrictEqual([none.code, none.stdout], [1, ""])
    assert.match(none.stderr, /No host has an agent yet/u)
  })

  it("invites a host, shows it, and says what the host itself must allow", async () => {
    const invited = (await sb("agent", "invite", "--name", "web1", "--tag", "web", "--json")).json(Invited)
    assert.match((await sb("agent", "list")).stdout, /an invite was made: signalbox agent list --all/u)
    const agent = await new FakeAgent(invited.hub).enroll(invited.token)
    socket = await agent.connect()
    beats = setInterval(() => socket.beat(), 5_000)
    socket.beat()
    socket.answers(({ action }) => {
      if (action === "log.query") return { data: { lines: [line], left: 0, complete: true } }
      if (action === "system.usage") return { summary: "CPU 12 %.", data: { cpu: 12, memoryBytes: { total: 2e9 } } }
      return action === "service.restart" ? outcome : { data: { active: "active" } }
    })
    await until("web1 is online", 30_000, async () =>
      (await sb("agent", "list", "--json")).json(Agents).agents.some((one) => one.name === "web1" && one.online)
        ? true
        : undefined
    )
    assert.match((await sb("agent", "list")).stdout, /^HOST +STATE .*\nweb1 +online /u)
    const edited = await sb("agent", "edit", "web1", "--allow", "shell.run")
    assert.strictEqual(edited.code, 0)
    assert.match(edited.stderr, /^shell\.run must be allowed by the host too\. There, as root: .*agent\.json/u)
    assert.match(edited.stdout, /not allowed +shell\.run/u)
    assert.strictEqual((await sb("agent", "edit", "web1", "--clear", "allows")).stderr, "")
    const nothing = await sb("agent", "edit", "web1")
    assert.deepStrictEqual([nothing.code, nothing.stdout], [1, ""])
    for (const args of [
      ["invite", "--allow", "shell.rnu"],
      ["edit", "web1", "--allow", "shell.rnu"]
    ]) {
      const refused = await sb("agent", ...args)
      assert.deepStrictEqual([refused.code, refused.stdout], [2, ""])
      assert.match(refused.stderr, /"shell\.rnu" is no action that has to be allowed\. These are: shell\.run\./u)
    }
    const unknown = await sb("agent", "show", "web9")
    assert.deepStrictEqual(
      [unknown.code, unknown.stdout, unknown.stderr],
      [1, "", "error: There is no agent web9. See agent list.\n"]
    )
  })

  it("carries out at once what only reads", async () => {
    const ran = await sb("do", "what is the cpu usage of web1")
    assert.strictEqual(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^✓ web1 {2}CPU 12 %\. .*\n {4}cpu +12\n {4}memoryBytes\n {6}total +2\.0 GB\n$/u)
    assert.match(ran.stderr, /^p-[^\n]*: succeeded \(1 succeeded\)\n$/u)
    const { planId } = planOf(await sb("do", "what is the cpu usage of web1", "--json"))
    assert.include((await sb("plan", "result", planId, "web1")).stdout, "12")
    const elsewhere = await sb("plan", "result", planId, "web9")
    assert.deepStrictEqual([elsewhere.code, elsewhere.stdout], [1, ""])
  })

  it("waits for a yes without a terminal, and takes it by the hash that was looked at and no other", async () => {
    const shown = await sb("do", "restart nginx on all web servers")
    assert.deepStrictEqual([shown.code, shown.stdout], [2, ""])
    assert.match(shown.stderr, / 1 {2}service\.restart nginx\.service {2}▲ \w+\n {4}on +web1 {2}\(tag web\)\n/u)
    const [, planId = ""] = /signalbox plan approve (p-\S+)/u.exec(shown.stderr) ?? []
    assert.match((await sb("plan", "show", planId)).stdout, /It waits for approval: signalbox plan approve p-/u)
    const waiting = (await sb("plan", "list", "--status", "proposed", "--json")).json(Plans)
    assert.deepStrictEqual(
      waiting.plans.map((one) => one.planId),
      [planId] // said at once, and gone on with: one instruction is one plan
    )

    const other = await sb("plan", "approve", planId, "--hash", "0".repeat(64), "--code", "0000-0000")
    assert.deepStrictEqual([other.code, other.stdout], [1, ""])
    const { hash } = planOf(await sb("plan", "show", planId, "--json"))
    const code = `${hash?.slice(0, 4)}-${hash?.slice(-4)}`
    outcome = { summary: "nginx.service was restarted.", proven: true }
    const done = await sb("plan", "approve", planId, "--code", code)
    assert.strictEqual(done.code, 0, done.stderr)
    assert.match(done.stdout, /^✓ web1 {2}nginx\.service was restarted\./u)
    assert.match(
      done.stderr,
      /is being carried out\. Ctrl-C leaves it going on\.\np-\S+: succeeded \(1 succeeded\)\n$/u
    )
    // said twice it is done once
    assert.strictEqual((await sb("plan", "approve", planId, "--code", code)).code, 0)
    assert.lengthOf(restarts(), 1)
    const found = await sb("plan", "list", "--status", "succeeded", "--json")
    assert.include(found.stdout, planId)

    outcome = { outcome: "failed", summary: "nginx.service did not start." }
    const again = await proposed("restart nginx on web1")
    const failed = await sb("plan", "approve", again.planId, "--code", shortOf(again.hash), "--json")
    assert.strictEqual(failed.code, 1)
    assert.deepStrictEqual(planOf(failed).steps[0]?.results[0], { host: "web1", state: "failed" })
  })

  it("does nothing of what is shown only, refused, or not clear", async () => {
    const before = restarts().length
    const dry = await sb("do", "restart nginx on web1", "--dry-run", "--json")
    assert.deepStrictEqual([dry.code, planOf(dry).status], [0, "previewed"])
    const unclear = await sb("do", "restart nginx on web9")
    assert.deepStrictEqual([unclear.code, unclear.stdout], [1, ""])
    assert.match(unclear.stderr, /There is no host web9 here/u)
    const { planId, hash } = await proposed("restart nginx on web1")
    assert.strictEqual((await sb("plan", "reject", planId, "--reason", "not now")).code, 0)
    const late = await sb("plan", "approve", planId, "--code", shortOf(hash))
    assert.strictEqual(late.code, 1)
    assert.match((await sb("plan", "show", planId)).stdout, /It is rejected\./u)
    for (const args of [
      ["show", "p-20261121-AAAAAA"],
      ["explain", planId]
    ] as const) {
      const ran = await sb("plan", ...args)
      assert.deepStrictEqual([ran.code, ran.stdout], [1, ""], args.join(" "))
    }
    const wrong = await sb("plan", "show", "nonsense")
    assert.deepStrictEqual([wrong.code, wrong.stdout], [2, ""])
    assert.strictEqual(restarts().length, before)
  })

  it("on a terminal: asks, and whoever leaves while it acts is told that it goes on, and how to watch", async () => {
    outcome = undefined
    const before = restarts().length
    const pane = new Pane("sbx-do")
    try {
      await pane.start([process.execPath, program, "do", "restart nginx on web1"], 100, 30, home.env)
      const asks = await pane.until(/Approve it\? \[y\/N\]|Type [0-9a-f-]+ to approve it/u)
      await pane.type(/Type ([0-9a-f-]+) to/u.exec(asks)?.[1] ?? "y")
      await pane.keys("Enter")
      await pane.until(/is being carried out\. Ctrl-C leaves it going on\./u)
      const { value: request } = await until("the agent is asked", 60_000, async () => restarts()[before])
      await pane.keys("C-c")
      const left = await pane.until(/exit 130/u)
      const [, planId = ""] = /(p-\S+) goes on\. Watch it: signalbox plan show p-/u.exec(left) ?? []
      socket.result(request.commandId, { summary: "It was restarted all the same.", proven: true })
      await until("it has succeeded", 60_000, async () =>
        planOf(await sb("plan", "show", planId, "--json")).status === "succeeded" ? true : undefined
      )
    } finally {
      await pane.stop()
    }
  })

  it("has a model read what a plan read of logs", async () => {
    const read = planOf(await sb("do", "show errors since today on web1", "--json"))
    assert.strictEqual(read.status, "succeeded")
    const before = openai.requests.length
    const found = { kind: "network", unit: "nginx.service", count: 2, quote: line.text }
    openai.next(reply(JSON.stringify({ findings: [found, { ...found, quote: "what nobody wrote" }] })))
    const explained = await sb("plan", "explain", read.planId)
    assert.strictEqual(explained.code, 0, explained.stderr)
    assert.match(explained.stdout, /^KIND +COUNT +UNIT +QUOTE\nnetwork +2 +nginx\.service +connect\(\) failed\n/u)
    assert.include(explained.stdout, "1 more were left out")
    assert.deepStrictEqual(openai.requests.at(before)?.tools, [])
    openai.next(reply(JSON.stringify({ findings: [] })))
    const json = (await sb("plan", "explain", read.planId, "--json")).json(Explained)
    assert.deepStrictEqual(json, { findings: [], lines: 1 })
    const usage = planOf(await sb("do", "what is the cpu usage of web1", "--json"))
    const nothing = await sb("plan", "explain", usage.planId)
    assert.deepStrictEqual([nothing.code, nothing.stdout], [1, ""])
  })

  it("closes the door to a revoked agent", async () => {
    assert.strictEqual((await sb("agent", "revoke", "web1", "--reason", "the test is over")).code, 0)
    await socket.end()
    const gone = await sb("do", "what is the cpu usage of web1")
    assert.strictEqual(gone.code, 1)
  })
})

const shortOf = (hash: string | null): string => `${hash?.slice(0, 4)}-${hash?.slice(-4)}`
