/** Agents that lie, flood and vanish at the worst moment; many that come at once. */
import { generateKeyPairSync } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { agentStream } from "@signalbox/core/agent/events.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { planStream } from "@signalbox/core/plan/events.ts"
import {
  AgentRoomsTest,
  agentHub,
  AgentsTest,
  approve,
  connected,
  enrolled,
  give,
  planWhen
} from "../../../../test/support/agents.ts"
import { eventually } from "../../../../test/support/eventually.ts"
import { FakeAgent, FakeSocket } from "../../../../test/support/fake-agent.ts"
import { until } from "../../../../test/support/until.ts"
import { HubAddress } from "../HubAddress.ts"

const typesOf = (stream: string) =>
  Effect.gen(function* () {
    return (yield* (yield* EventLog).read({ stream })).map((one) => one.type)
  })
const promise = <A>(work: () => Promise<A>) => Effect.promise(work)
const recorded = (stream: string, type: string) =>
  until(
    `${type} in ${stream}`,
    Effect.map(typesOf(stream), (types) => types.includes(type))
  )
const guarded = {
  steps: [
    {
      action: "config.set",
      args: { path: "/etc/ssh/sshd_config", key: "MaxAuthTries", value: "3" },
      targets: { _tag: "Name" as const, glob: "web1" }
    }
  ]
}

describe("many hosts at the same moment", () => {
  it.live("with one invite: it is one of them that becomes an agent", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const { token, agentId } = yield* hub.agents.invite({ payload: { name: "web1" } })
      const answers = yield* promise(() =>
        Promise.all(Array.from({ length: 12 }, () => new FakeAgent(url).askToEnroll(token)))
      )
      assert.strictEqual(answers.filter((one) => one.status === 200).length, 1)
      assert.strictEqual(answers.filter((one) => one.status === 409).length, 11)
      assert.deepStrictEqual(yield* typesOf(agentStream(agentId)), ["AgentInvited", "AgentEnrolled"])
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("each with its own: every one has a name of its own, and meanwhile the hub answers others", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const invites = yield* Effect.forEach(Array.from({ length: 24 }), () => hub.agents.invite({ payload: {} }))
      const answers = yield* promise(() =>
        Promise.all(invites.map(({ token }) => new FakeAgent(url).askToEnroll(token)))
      )
      assert.deepStrictEqual([...new Set(answers.map((one) => one.status))], [200])
      const { agents } = yield* hub.agents.list()
      assert.strictEqual(new Set(agents.map((one) => one.name)).size, 24)
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("an agent that lies", () => {
  it.live("cannot say something else afterwards, however much it says", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      const { planId } = yield* give("what is the cpu usage of web1")
      const { commandId } = yield* promise(() => socket.request())
      socket.result(commandId)
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      const lies = { outcome: "failed" as const, summary: "A lie.", data: { text: "x".repeat(100_000) } }
      socket.result(commandId, lies)
      yield* promise(() =>
        eventually("both were acknowledged", () =>
          socket.heard.filter((one) => one._tag === "result_acknowledged").length === 2 ? true : undefined
        )
      )
      const { data } = yield* hub.plans.result({ params: { planId, commandId } })
      assert.deepStrictEqual(data, { cpu: 12 })
      assert.strictEqual((yield* hub.plans.get({ params: { planId } })).plan.status, "succeeded")
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("with an answer nested thousands of levels deep is sent away, and harms nobody", () =>
    Effect.gen(function* () {
      const socket = yield* connected(yield* enrolled({ name: "web1" }))
      const { planId } = yield* give("what is the cpu usage of web1")
      const { commandId } = yield* promise(() => socket.request())
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
      socket.raw.send(
        `{"_tag":"command_result","commandId":"${commandId}","outcome":"succeeded","summary":"Deep.","data":${deep},"startedAt":1,"finishedAt":2}`
      )
      assert.strictEqual((yield* promise(() => socket.end())).code, 1008)
      assert.notInclude(yield* typesOf(planStream(planId)), "StepSucceeded")
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("has ids and names that cannot be ones refused, and not by the database", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const hub = yield* HubClient
      const agent = new FakeAgent(url)
      agent.agentId = "a-somebody"
      for (const agentId of ["a\u0000b", "", "../x", "a b", "x".repeat(200)]) {
        const { status } = yield* promise(() => agent.askForSession({ agentId }))
        assert.strictEqual(status, 400, JSON.stringify(agentId))
      }
      const found = yield* Effect.flip(hub.agents.get({ params: { agent: "nobody" } }))
      assert.strictEqual(found._tag, "NotFound")
      const { token } = yield* hub.agents.invite({ payload: {} })
      const odd = yield* promise(() => agent.askToEnroll(token, { hostname: "\u001b[31m\u202eweb\u0007" }))
      assert.strictEqual(odd.status, 200)
      assert.match((odd.body as { readonly name: string }).name, /^[A-Za-z0-9._-]+$/u)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("about who it is has to wait, and the others behind the same address do not", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const agent = yield* enrolled({ name: "web1" })
      const liar = new FakeAgent(url)
      liar.agentId = "a-nobody"
      const statuses = new Set<number>()
      for (let n = 0; n < 25; n++) statuses.add((yield* promise(() => liar.askForSession())).status)
      assert.deepStrictEqual([...statuses], [401, 429])
      assert.strictEqual((yield* promise(() => agent.askForSession())).status, 200)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("about the id of a command is sent away", () =>
    Effect.gen(function* () {
      const socket = yield* connected(yield* enrolled({ name: "web1" }))
      socket.result("x".repeat(10_000))
      assert.strictEqual((yield* promise(() => socket.end())).code, 1008)
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("an agent that floods", () => {
  it.live("with connections has to wait, and no event is made of those", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const agent = yield* enrolled({ name: "web1" })
      const other = yield* enrolled({ name: "web2" })
      const token = yield* promise(() => agent.signIn())
      const tried = yield* promise(() =>
        Promise.all(
          Array.from({ length: 60 }, () =>
            FakeSocket.open(url, token).then(
              (socket) => socket.raw.terminate(),
              (error: unknown) => String(error)
            )
          )
        )
      )
      assert.isTrue(tried.some((one) => one?.includes("status 429") === true))
      yield* connected(other)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("is given no content that its own limit of a frame would make it choke on for ever", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      yield* connected(yield* enrolled({ name: "web1" }))
      const targets = { _tag: "Name" as const, glob: "web1" }
      const write = (content: string) =>
        hub.plans.give({
          payload: { draft: { steps: [{ action: "config.write", args: { path: "/etc/motd", content }, targets }] } }
        })
      const { plan } = yield* write("\u0001".repeat(200_000))
      assert.strictEqual(plan.status, "not-understood")
      assert.match(plan.question?.reason ?? "", /768 KiB/u)
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("the guard of an act that can cut the agent off", () => {
  it.live(
    "released without a sign that the agent heard it leaves the end open, and what became of it is recorded",
    () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const agent = yield* enrolled({ name: "web1" })
        const socket = yield* connected(agent)
        socket.callsOff = false
        let cut = 0
        socket.raw.on("message", (data: Buffer) => {
          if (!data.toString().includes('"guard_released"')) return
          cut += 1
          socket.raw.terminate() // with the release under way
        })
        yield* recorded(agentStream(agent.agentId), "AgentConnected")
        const { plan } = yield* hub.plans.give({ payload: { draft: guarded } })
        assert.strictEqual(plan.status, "proposed", plan.question?.reason)
        yield* approve(plan.planId, plan.hash ?? "")
        const { commandId } = yield* promise(() => socket.request())
        socket.result(commandId, { proven: true })
        yield* recorded(agentStream(agent.agentId), "AgentDisconnected")
        assert.strictEqual(cut, 1)
        const again = yield* connected(agent)
        again.result(commandId, { outcome: "rolled-back", summary: "The hub did not answer, so it was restored." })
        yield* promise(() => again.told("result_acknowledged", commandId))
        const done = yield* planWhen(plan.planId, "is over", ({ finishedAt }) => finishedAt !== undefined)
        assert.deepInclude(done.steps[0]?.[0], { state: "rolled-back", said: "agent" })
        assert.notInclude(yield* typesOf(planStream(plan.planId)), "StepSucceeded")
        assert.isFalse(again.heard.some((one) => one._tag === "guard_released"))
      }).pipe(Effect.provide(AgentsTest))
  )

  it.live.each(["failed", "rolled-back", "unknown"] as const)("is not released when the act has %s", (outcome) =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const socket = yield* connected(yield* enrolled({ name: "web1" }))
      const { plan } = yield* hub.plans.give({ payload: { draft: guarded } })
      yield* approve(plan.planId, plan.hash ?? "")
      const { commandId } = yield* promise(() => socket.request())
      socket.result(commandId, { outcome })
      yield* promise(() => socket.told("result_acknowledged", commandId))
      assert.isFalse(socket.heard.some((one) => one._tag === "guard_released"))
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("a session", () => {
  it.live("that another hub declared over begins anew, so that the log is right", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const agents = yield* Agents
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      yield* recorded(agentStream(agent.agentId), "AgentConnected")
      const session = (yield* agents.load(agent.agentId))?.session?.id ?? ""
      yield* agents.execute(
        agent.agentId,
        { _tag: "Disconnect", session, reason: "the hub that held its connection has ended" },
        { commandId: crypto.randomUUID(), actor: "hub" }
      )
      assert.strictEqual((yield* promise(() => socket.end())).code, 1012)
      yield* connected(agent)
      yield* until(
        "the log says that it is there",
        Effect.map(hub.agents.get({ params: { agent: "web1" } }), (one) => one.agent.session !== null)
      )
    }).pipe(Effect.provide(AgentsTest))
  )

  const { privateKey: grantKey } = generateKeyPairSync("ed25519")
  it.live("is cut off at whatever hub it is when its agent is revoked", () =>
    Effect.gen(function* () {
      const other = yield* Layer.build(agentHub({ grantKey }))
      const agent = yield* Effect.provideContext(enrolled({ name: "web1" }), other)
      const socket = yield* connected(agent)
      const hub = yield* HubClient
      yield* hub.agents.revoke({ params: { agent: "web1" }, payload: {} })
      assert.strictEqual((yield* promise(() => socket.end())).code, 4403)
      assert.strictEqual((yield* promise(() => agent.askForSession())).status, 403)
    }).pipe(Effect.scoped, Effect.provide(agentHub({ grantKey }).pipe(Layer.provideMerge(AgentRoomsTest))))
  )
})
