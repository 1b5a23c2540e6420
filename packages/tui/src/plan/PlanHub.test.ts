import { isDeepStrictEqual } from "node:util"
import { afterEach, beforeEach, expect, it } from "vitest"
import { Redacted } from "effect"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { type Acts, connect } from "../Hub.ts"
import { Store } from "../store.ts"
import { agentOf, agents, planId } from "../testing/plans.ts"
import { TestHub, testToken } from "../testing/hub.ts"
import { seenIn } from "../testing/seen.ts"

let hub: TestHub
let store: Store
let acts: Acts | undefined
const told: Array<string> = []

beforeEach(() => {
  hub = new TestHub()
  store = new Store({ interval: 0 })
})
afterEach(async () => {
  await acts?.close()
  acts = undefined
  await hub.stop()
})

const join = async (): Promise<Acts> => {
  await hub.start()
  acts = connect({ baseUrl: hub.url, token: Redacted.make(testToken), store, tell: (sentence) => told.push(sentence) })
  await seen("live", () => store.connection.state === "live")
  return acts
}

const seen = seenIn(() => store)
const same = (id: string) => (): boolean => isDeepStrictEqual(store.plans.view(id), hub.log.plans.get(id))
const at = (): number => Date.now()

it("starts with plans as lists have them, reads whole the one that is looked at, and folds what happens as the hub does", async () => {
  const id = planId(1)
  hub.plans.give(id, "show cpu usage on all servers", at())
  hub.plans.give(planId(2), "restart nginx on web3", at())
  const one = hub.plans.dispatch(id, 0, "web1", at())
  const two = hub.plans.dispatch(id, 0, "web2", at())
  hub.plans.end(id, 0, "web1", one, at(), { summary: "cpu 3 %", data: { cpu: 3 } })
  const { plans } = await join()
  expect(store.plans.view(id)?.steps[0]?.[0]?.data).toBeUndefined()
  expect(store.plans.view(id)?.status).toBe("running")
  plans.follow({ planId: id, whole: false })
  await seen("the whole plan", same(id))
  expect(store.plans.view(id)?.steps[0]?.[0]?.data).toEqual({ cpu: 3 })
  hub.plans.end(id, 0, "web2", two, at(), { tag: "StepFailed", summary: "it did not answer" })
  // The second plan was known from the list alone: an event of it is reason enough to read it.
  hub.plans.approve(planId(2), at())
  for (const host of ["web3", "db1"] as const) {
    const command = hub.plans.dispatch(id, 0, host, at())
    hub.plans.end(id, 0, host, command, at(), { summary: "cpu 1 %", data: { cpu: 1 } })
  }
  await seen("its end", () => store.plans.view(id)?.status === "failed")
  await seen("the same as the hub has", () => same(id)() && same(planId(2))())
  const { plans: shown } = store.model({ tasks: "", chats: "", hosts: "", plans: "", timeline: "" }, at())
  expect(shown.list.rows.map((view) => view.planId)).toEqual([planId(2), id])
  expect(shown.waiting).toEqual([])
  expect(store.undecodable).toBe(0)
})

it("keeps what happens while a plan is being read, whatever comes first", () => {
  const id = planId(1)
  hub.plans.give(id, "restart nginx on all web servers", 0)
  hub.plans.approve(id, 1)
  const brief = hub.plans.view(id)
  const commands = ["web1", "web2"].map((host) => [host, hub.plans.dispatch(id, 0, host, 2)] as const)
  const old = hub.plans.view(id)
  const before = hub.log.head
  for (const [host, command] of commands) hub.plans.end(id, 0, host, command, 3, { summary: `${host} is active` })
  let wanted = 0
  store.plans.onWanted = () => void wanted++
  store.plans.put({ ...brief, steps: brief.steps.map((list) => list.map((t) => ({ ...t }))) })
  store.plans.want(id)
  for (const event of hub.log.events) store.apply(event)
  expect(wanted).toBe(1)
  store.plans.arrived(old)
  expect(hub.log.head).toBeGreaterThan(before)
  expect(same(id)()).toBe(true)
  store.ticker.stop()
})

it("does not take a plan for over because its list counted what had not begun", () => {
  const id = planId(1)
  hub.plans.give(id, "restart nginx on all web servers", 0)
  hub.plans.approve(id, 1)
  const command = hub.plans.dispatch(id, 0, "web1", 2)
  const { plans } = store
  plans.put({
    ...hub.plans.view(id),
    counts: { succeeded: 0, failed: 0, rolledBack: 0, refused: 0, expired: 0, unknown: 0, skipped: 3 }
  })
  hub.plans.end(id, 0, "web1", command, 3, { summary: "active" })
  const last = hub.log.events.at(-1)
  if (last !== undefined) store.apply(last)
  expect(plans.view(id)?.status).toBe("running")
  store.ticker.stop()
})

it("gives, approves with the short code, stops, rejects, and says why the hub refuses", async () => {
  const { plans } = await join()
  const id = await plans.give("reboot web1", false)
  expect(store.plans.view(id)?.status).toBe("proposed")
  const hash = store.plans.view(id)?.hash ?? ""
  await expect(plans.approve(id, hash, "0000-0000")).rejects.toThrow(/by typing the short code/u)
  expect(store.plans.view(id)?.status).toBe("proposed")
  await plans.approve(id, hash, shortCode(hash))
  expect(store.plans.view(id)?.status).toBe("approved")
  await plans.cancel(id)
  expect(store.plans.view(id)?.status).toBe("cancelled")
  const preview = await plans.give("reboot web1", true)
  expect(store.plans.view(preview)?.status).toBe("previewed")
  const other = await plans.give("restart nginx on web2", false)
  await plans.reject(other)
  expect(store.plans.view(other)?.status).toBe("rejected")
  await expect(plans.reject(planId(999))).rejects.toThrow("There is no plan")
  expect(store.plans.view(other)).toEqual(hub.log.plans.get(other))
})

it("fetches the answers that are too large for the log, when somebody wants them to their end, each once", async () => {
  const id = planId(1)
  hub.plans.give(id, "show cpu usage on all servers", at())
  const hosts = ["web1", "web2", "web3", "db1"]
  const commands = hosts.map((host) => hub.plans.dispatch(id, 0, host, at()))
  hosts.forEach((host, i) => {
    const command = commands[i] ?? ""
    if (host !== "db1") hub.plans.stored.set(command, { host, text: "x".repeat(20_000) })
    hub.plans.end(id, 0, host, command, at(), { summary: "much", stored: { bytes: 20_000, sha256: "0".repeat(64) } })
  })
  const { plans } = await join()
  plans.follow({ planId: id, whole: true })
  await seen("the whole plan", same(id))
  const asks = (): number => hub.requests.filter((request) => request.path.includes("/results/")).length
  expect(asks()).toBe(0)
  for (let i = 0; i < 3; i++) plans.follow({ planId: id, whole: true })
  const all = () => commands.map((command) => store.plans.result(command)?.state)
  await seen("all answers", () => isDeepStrictEqual(all(), ["ready", "ready", "ready", "failed"]))
  expect(asks()).toBe(4)
  expect(store.plans.result(commands[1] ?? "")).toMatchObject({ data: { host: "web2" } })
  plans.follow({ planId: id, whole: false })
  expect(store.plans.result(commands[3] ?? "")).toBeUndefined()
  expect(store.plans.result(commands[1] ?? "")?.state).toBe("ready")
})

it("knows hosts and tags of the fleet, anew when the log speaks of agents", async () => {
  hub.agents = [...agents(at()), agentOf("gone1", [], at(), { status: "revoked" })]
  await join()
  expect(store.agents.vocabulary?.hosts.map((host) => host.name)).toEqual(["web1", "web2", "web3", "db1"])
  expect(store.agents.model.online).toBe(4)
  hub.agents = [agentOf("web9", ["web"], at())]
  hub.log.onAppend(hub.log.append("agent/a-web9", "AgentEnrolled", {}, at()))
  await seen("the new agent", () => store.agents.vocabulary?.hosts[0]?.name === "web9")
  expect([...store.agents.model.byHost.keys()]).toEqual(["web9"])
})
