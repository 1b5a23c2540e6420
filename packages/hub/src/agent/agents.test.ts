import { generateKeyPairSync, randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { agentStream } from "@signalbox/core/agent/events.ts"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { Fleet } from "@signalbox/core/agent/Fleet.ts"
import { publicKeyFrom, releaseHolds } from "@signalbox/core/agent/grant.ts"
import { frameLimit } from "@signalbox/core/agent/protocol.ts"
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
import { FakeAgent, FakeSocket } from "../../../../test/support/fake-agent.ts"
import { until } from "../../../../test/support/until.ts"
import { HubAddress } from "../HubAddress.ts"

const events = (stream: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* log.read({ stream })
  })
const typesOf = (stream: string) => Effect.map(events(stream), (all) => all.map((one) => one.type))
const promise = <A>(work: () => Promise<A>) => Effect.promise(work)

const restart = Effect.gen(function* () {
  const { planId, hash = "", status } = yield* give("restart nginx on web1")
  assert.strictEqual(status, "proposed")
  yield* approve(planId, hash)
  return planId
})

describe("an invite", () => {
  it.live("makes one host an agent, once, and is in no event", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const invite = yield* hub.agents.invite({ payload: { name: "web1", tags: ["web"], allows: ["shell.run"] } })
      const agent = new FakeAgent(url)
      const unsigned = yield* promise(() => agent.askToEnroll(invite.token, { signature: agent.signed("other") }))
      assert.strictEqual(unsigned.status, 401)
      const made = yield* promise(() => agent.askToEnroll(invite.token))
      assert.deepInclude(made.body as object, { agentId: invite.agentId, name: "web1", allows: ["shell.run"] })
      // the answer was lost on its way: the same key asks again
      assert.deepStrictEqual(yield* promise(() => agent.askToEnroll(invite.token)), made)
      const second = yield* promise(() => new FakeAgent(url).askToEnroll(invite.token))
      assert.strictEqual(second.status, 409)
      const never = yield* promise(() => agent.askToEnroll(`sbx_${"z".repeat(43)}`))
      assert.deepStrictEqual([never.status, never.body], [second.status, second.body])
      const recorded = yield* events(agentStream(invite.agentId))
      assert.deepStrictEqual(
        recorded.map((one) => one.type),
        ["AgentInvited", "AgentEnrolled"]
      )
      assert.notInclude(JSON.stringify(recorded), invite.token)
      assert.notInclude(JSON.stringify((yield* hub.agents.list()).agents), "tokenHash")
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("leads through a relay only at a hub that others can reach", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const refused = yield* Effect.flip(hub.agents.invite({ payload: { through: "10.0.0.5:8443" } }))
      assert.strictEqual(refused._tag, "Invalid")
      assert.match(refused.message, /serves its own machine only/u)
      assert.lengthOf((yield* hub.agents.list()).agents, 0)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that has expired holds no more", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const { token, expiresAt } = yield* hub.agents.invite({ payload: { ttlMs: 1_000 } })
      yield* until(
        "it has expired",
        Effect.sync(() => Date.now() > Date.parse(expiresAt))
      )
      const late = yield* promise(() => new FakeAgent(url).askToEnroll(token))
      assert.strictEqual(late.status, 409)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("is replaced by a newer one for the same name: the old one is dead and its end is recorded", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const first = yield* hub.agents.invite({ payload: { name: "web7" } })
      assert.isUndefined(first.replaced)
      const second = yield* hub.agents.invite({ payload: { name: "web7", tags: ["web"] } })
      assert.strictEqual(second.replaced, first.agentId)
      assert.deepStrictEqual(
        (yield* events(agentStream(first.agentId))).map((one) => one.type),
        ["AgentInvited", "AgentRevoked"]
      )
      assert.strictEqual((yield* promise(() => new FakeAgent(url).askToEnroll(first.token))).status, 409)
      const made = yield* promise(() => new FakeAgent(url).askToEnroll(second.token))
      assert.deepInclude(made.body as object, { agentId: second.agentId, name: "web7" })
      const used = yield* Effect.flip(hub.agents.invite({ payload: { name: "web7" } }))
      assert.include(String(used), "There is an agent web7 already")
      const two = yield* Effect.all(
        ["web8", "web8"].map((name) => hub.agents.invite({ payload: { name } })),
        { concurrency: 2 }
      )
      assert.lengthOf(
        two.filter((one) => one.replaced !== undefined),
        1
      )
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("keeps its name from agents that are renamed, which are told so, and gives it up when it is revoked", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const one = yield* enrolled()
      const waiting = yield* hub.agents.invite({ payload: { name: "web9" } })
      const rename = (name: string) => hub.agents.change({ params: { agent: one.name }, payload: { name } })
      const refused = String(yield* Effect.flip(rename("web9")))
      assert.include(refused, "An invite for the name web9 waits to be used")
      assert.include(refused, "agent revoke web9")
      yield* hub.agents.revoke({ params: { agent: "web9" }, payload: {} })
      assert.strictEqual((yield* promise(() => new FakeAgent(url).askToEnroll(waiting.token))).status, 409)
      assert.strictEqual((yield* rename("web9")).agent.name, "web9")
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("gives every host a name of its own, also to those that call themselves the same", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const all = yield* Effect.forEach([1, 2, 3], () => enrolled(), { concurrency: 3 })
      assert.deepStrictEqual(all.map((one) => one.name).toSorted(), ["fake", "fake-2", "fake-3"])
      const taken = yield* Effect.flip(hub.agents.invite({ payload: { name: "fake" } }))
      assert.strictEqual(taken._tag, "Invalid")
      const renamed = yield* Effect.flip(hub.agents.change({ params: { agent: "fake-2" }, payload: { name: "fake" } }))
      assert.strictEqual(renamed._tag, "Invalid")
      const changed = yield* hub.agents.change({ params: { agent: "fake-2" }, payload: { name: "db1", tags: ["db"] } })
      assert.deepInclude(changed.agent, { name: "db1", tags: ["db"] })
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("signing in", () => {
  it.live("takes the agent's own key and a nonce that was not used", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { url } = yield* HubAddress
      const agent = yield* enrolled({ name: "web1" })
      assert.strictEqual((yield* promise(() => agent.askForSession())).status, 200)
      const thief = new FakeAgent(url)
      thief.agentId = agent.agentId
      const refusals = yield* promise(() =>
        Promise.all([
          thief.askForSession(),
          agent.askForSession({ nonce: "1.2.3" }),
          agent.askForSession({ agentId: "a-nobody" })
        ])
      )
      assert.deepStrictEqual(
        refusals.map((one) => one.status),
        [401, 401, 401]
      )
      const { body } = yield* promise(() => agent.post("/api/v1/agents/challenge", { agentId: agent.agentId }))
      const { nonce } = body as { readonly nonce: string }
      const session = {
        agentId: agent.agentId,
        nonce,
        signature: agent.signed(`signalbox session\n${agent.agentId}\n${nonce}`)
      }
      const twice = yield* promise(async () => [
        (await agent.post("/api/v1/agents/session", session)).status,
        (await agent.post("/api/v1/agents/session", session)).status
      ])
      assert.deepStrictEqual(twice, [200, 401])
      for (const token of [undefined, "", "no.token.atall"])
        assert.match(yield* promise(() => FakeSocket.open(url, token).then(() => "opened", String)), /status 401/)
      yield* hub.agents.revoke({ params: { agent: "web1" }, payload: {} })
      const revoked = yield* promise(() => agent.askForSession())
      assert.strictEqual(revoked.status, 403)
      // by this the agent knows that it is not a proxy's word
      assert.deepInclude(revoked.body as object, { type: "urn:signalbox:forbidden" })
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that fails too often from one address has to wait", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const agent = new FakeAgent(url)
      const statuses = new Set<number>()
      for (let n = 0; n < 25; n++)
        statuses.add((yield* promise(() => agent.askToEnroll(`sbx_${"z".repeat(43)}`))).status)
      assert.deepStrictEqual([...statuses], [409, 429])
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("a connected agent", () => {
  it.live("is in the fleet with what it told, and is gone when its socket is", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1", tags: ["web"] })
      const fleet = yield* Fleet
      assert.deepInclude((yield* fleet.members)[0], { host: "web1", online: false, lastSeen: null })
      const socket = yield* connected(agent)
      socket.beat(42)
      const member = yield* until(
        "its heartbeat is known",
        Effect.map(fleet.members, ([one]) => (one?.sample?.cpu === 42 ? one : undefined))
      )
      assert.deepInclude(member, { host: "web1", online: true, tags: ["web"], actions: agent.hello.actions })
      assert.strictEqual(member.facts?.os, agent.hello.os)
      assert.isUndefined(member.vital)
      socket.raw.close()
      yield* until(
        "it is offline",
        Effect.map(fleet.members, ([one]) => one?.online === false)
      )
      yield* until(
        "that is recorded",
        Effect.map(typesOf(agentStream(agent.agentId)), (types) => types.includes("AgentDisconnected"))
      )
      // what it told the last time is not told again
      yield* connected(agent)
      const again = yield* until(
        "the second connection is recorded",
        Effect.map(events(agentStream(agent.agentId)), (all) => {
          const connections = all.filter((one) => one.type === "AgentConnected")
          return connections.length === 2 ? connections : undefined
        })
      )
      assert.deepStrictEqual(
        again.map((one) => "hello" in (one.data as object)),
        [true, false]
      )
    }).pipe(Effect.provide(Layer.merge(AgentsTest, FleetLive).pipe(Layer.provideMerge(AgentRoomsTest))))
  )

  it.live("is asked under the hub's signature, and its answer is recorded once, however often it comes", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      const { planId } = yield* give("what is the cpu usage of web1")
      const request = yield* promise(() => socket.request())
      assert.deepInclude(request, { action: "system.usage", args: {} })
      assert.isUndefined(agent.refusal(request))
      socket.send({ _tag: "command_accepted", commandId: request.commandId })
      socket.result(request.commandId)
      socket.result(request.commandId, { summary: "It is done again." })
      yield* promise(() => socket.told("result_acknowledged", request.commandId))
      const plan = yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      assert.deepInclude(plan.steps[0]?.[0], { state: "succeeded", summary: "It is done.", data: { cpu: 12 } })
      yield* until(
        "both were acknowledged",
        Effect.sync(() => socket.heard.filter((one) => one._tag === "result_acknowledged").length === 2)
      )
      assert.deepStrictEqual(yield* typesOf(planStream(planId)), [
        "InstructionGiven",
        "PlanProposed",
        "PlanApproved",
        "StepDispatched",
        "StepSucceeded",
        "PlanFinished"
      ])
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("is sent again what it has not answered, and nothing that it has", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const first = yield* connected(agent)
      const planId = yield* restart
      const request = yield* promise(() => first.request())
      first.send({ _tag: "command_accepted", commandId: request.commandId })
      yield* planWhen(planId, "has begun", ({ steps }) => steps[0]?.[0]?.state === "accepted")
      first.raw.terminate()
      const second = yield* promise(() => agent.connect())
      const again = yield* promise(() => second.request())
      assert.deepStrictEqual(again, request)
      second.result(request.commandId, { proven: true })
      yield* promise(() => second.told("result_acknowledged", request.commandId))
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      second.raw.terminate()
      const third = yield* connected(agent)
      const { planId: next } = yield* give("what is the cpu usage of web1")
      const only = yield* promise(() => third.request())
      assert.deepStrictEqual([only.action, only.grant.planId], ["system.usage", next])
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("tells that what it restarted fell over later, also when the plan is over, and it is recorded once", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      const planId = yield* restart
      const { commandId } = yield* promise(() => socket.request())
      socket.result(commandId, { proven: true })
      yield* planWhen(planId, "has succeeded", (plan) => plan.status === "succeeded")
      yield* promise(() => socket.told("result_acknowledged", commandId))
      const relapse = { commandId, summary: "nginx.service was restarted and fell over 3 s later.", data: null }
      for (const at of [Date.now(), Date.now() + 1]) {
        socket.heard.length = 0
        socket.send({ _tag: "command_relapsed", ...relapse, at })
        yield* promise(() => socket.told("relapse_acknowledged", commandId))
      }
      const plan = yield* planWhen(planId, "has failed", (now) => now.status === "failed")
      assert.deepInclude(plan.steps[0]?.[0], { state: "failed", summary: relapse.summary, proven: false })
      const types = yield* typesOf(planStream(planId))
      assert.strictEqual(types.filter((type) => type === "StepRelapsed").length, 1)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that answers what it was never asked is told to stop, and nothing is recorded", () =>
    Effect.gen(function* () {
      const mine = yield* enrolled({ name: "web1" })
      const other = yield* enrolled({ name: "web2" })
      const socket = yield* connected(mine)
      const liar = yield* connected(other)
      const { planId } = yield* give("what is the cpu usage of web1")
      const request = yield* promise(() => socket.request())
      liar.result(request.commandId, { summary: "A lie." })
      liar.result(randomUUID(), { summary: "Another." })
      yield* promise(() => liar.told("result_acknowledged", request.commandId))
      socket.result(request.commandId, { summary: "The truth." })
      const plan = yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      assert.strictEqual(plan.steps[0]?.[0]?.summary, "The truth.")
      assert.isUndefined(liar.requests()[0])
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that was revoked is cut off and is sent nothing any more", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const agent = yield* enrolled({ name: "web1" })
      const token = yield* promise(() => agent.signIn())
      const socket = yield* connected(agent)
      yield* hub.agents.revoke({ params: { agent: "web1" }, payload: { reason: "stolen" } })
      assert.strictEqual((yield* promise(() => socket.end())).code, 4403)
      const { url } = yield* HubAddress
      const late = yield* promise(() => FakeSocket.open(url, token))
      late.send({ _tag: "hello", ...agent.hello })
      assert.strictEqual((yield* promise(() => late.end())).code, 4403)
      assert.strictEqual((yield* give("what is the cpu usage of web1")).status, "not-understood")
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("gives way to a newer socket with its key, and an event says so when both were alive", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const older = yield* connected(agent)
      const newer = yield* promise(() => agent.connect())
      newer.beat()
      assert.strictEqual((yield* promise(() => older.end())).code, 4409)
      const types = yield* until(
        "the end of the older one is recorded",
        Effect.map(typesOf(agentStream(agent.agentId)), (all) => (all.includes("AgentDoubled") ? all : undefined))
      )
      assert.deepStrictEqual(types.slice(2), ["AgentConnected", "AgentConnected", "AgentDoubled"])
      yield* give("what is the cpu usage of web1")
      yield* promise(() => newer.request())
      assert.isUndefined(older.requests()[0])
      const hub = yield* HubClient
      yield* until(
        "the list says that its key was used twice",
        Effect.map(hub.agents.list(), ({ agents }) => agents.find((one) => one.online && one.doubledAt !== undefined))
      )
    }).pipe(Effect.provide(AgentsTest))
  )

  const guarded = Effect.gen(function* () {
    const hub = yield* HubClient
    const draft = {
      steps: [
        {
          action: "config.set",
          args: { path: "/etc/ssh/sshd_config", key: "MaxAuthTries", value: "3" },
          targets: { _tag: "Name" as const, glob: "web1" }
        }
      ]
    }
    const { plan } = yield* hub.plans.give({ payload: { draft } })
    assert.strictEqual(plan.status, "proposed", plan.question?.reason)
    yield* approve(plan.planId, plan.hash ?? "")
    return plan.planId
  })

  it.live("hears that its guard is released, and when it has called that off its answer is recorded", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      yield* guarded
      const request = yield* promise(() => socket.request())
      assert.isAbove(request.guardMillis ?? 0, 0)
      assert.isUndefined(agent.refusal(request))
      socket.result(request.commandId, { proven: true })
      yield* promise(() => socket.told("guard_released", request.commandId))
      yield* promise(() => socket.told("result_acknowledged", request.commandId))
      assert.deepStrictEqual(
        socket.heard.map((one) => one._tag),
        ["command_request", "guard_released", "result_acknowledged"]
      )
      const released = socket.heard.find((one) => one._tag === "guard_released")
      const hubKey = publicKeyFrom(agent.hubKey)
      assert.isTrue(
        released !== undefined &&
          hubKey !== undefined &&
          releaseHolds({ agentId: agent.agentId, commandId: request.commandId }, released.signature, hubKey)
      )
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that has not called its guard off has not succeeded: what it tells when it was restored is recorded", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* connected(agent)
      socket.callsOff = false
      const planId = yield* guarded
      const { commandId } = yield* promise(() => socket.request())
      socket.result(commandId, { proven: true })
      yield* promise(() => socket.told("guard_released", commandId))
      // the word came too late, or never
      socket.result(commandId, { outcome: "rolled-back", proven: false })
      yield* promise(() => socket.told("result_acknowledged", commandId))
      const plan = yield* planWhen(planId, "is over", (now) => now.counts !== undefined)
      assert.deepInclude(plan.steps[0]?.[0], { state: "rolled-back", proven: false })
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("a socket", () => {
  const bad: ReadonlyArray<readonly [string, number, (socket: FakeSocket, agent: FakeAgent) => void]> = [
    ["what is no JSON", 1008, (socket) => socket.raw.send("{")],
    ["a binary frame", 1008, (socket) => socket.raw.send(Buffer.from("{}"))],
    ["an unknown message", 1008, (socket) => socket.raw.send('{"_tag":"grant_me_root"}')],
    ["a frame above the limit", 1009, (socket) => socket.raw.send("x".repeat(frameLimit + 1))],
    ["a second hello", 1008, (socket, agent) => socket.send({ _tag: "hello", ...agent.hello })],
    [
      "more messages than anybody needs",
      4429,
      (socket) => {
        for (let n = 0; n < 5_000; n++) socket.beat()
      }
    ]
  ]
  it.live.each(bad)("is closed upon %s, and the others go on", ([, code, send]) =>
    Effect.gen(function* () {
      const neighbor = yield* connected(yield* enrolled({ name: "web1" }))
      const agent = yield* enrolled({ name: "bad" })
      const socket = yield* connected(agent)
      send(socket, agent)
      assert.strictEqual((yield* promise(() => socket.end())).code, code)
      const { planId } = yield* give("what is the cpu usage of web1")
      const { commandId } = yield* promise(() => neighbor.request())
      neighbor.result(commandId)
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
    }).pipe(Effect.provide(AgentsTest))
  )
  it.live("that says anything before hello is closed", () =>
    Effect.gen(function* () {
      const agent = yield* enrolled({ name: "web1" })
      const socket = yield* promise(() => agent.connect(false))
      socket.beat()
      assert.strictEqual((yield* promise(() => socket.end())).code, 1008)
      assert.notInclude(yield* typesOf(agentStream(agent.agentId)), "AgentConnected")
    }).pipe(Effect.provide(AgentsTest))
  )
})

describe("several hubs", () => {
  const { privateKey: grantKey } = generateKeyPairSync("ed25519")

  it.live("share agents: what one is told, the other that holds the socket delivers", () =>
    Effect.gen(function* () {
      const other = yield* Layer.build(agentHub({ grantKey }))
      const agent = yield* Effect.provideContext(enrolled({ name: "web1" }), other)
      const socket = yield* connected(agent)
      const { planId } = yield* give("what is the cpu usage of web1")
      const request = yield* promise(() => socket.request())
      assert.isUndefined(agent.refusal(request))
      socket.result(request.commandId)
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      // the agent moves to the first hub while its old socket is still there
      const { url } = yield* HubAddress
      const moved = new FakeAgent(url, agent.key)
      Object.assign(moved, { agentId: agent.agentId, name: agent.name, hubKey: agent.hubKey, hello: agent.hello })
      const newer = yield* connected(moved)
      assert.strictEqual((yield* promise(() => socket.end())).code, 4409)
      yield* give("what is the cpu usage of web1")
      assert.isUndefined(agent.refusal(yield* promise(() => newer.request())))
      assert.lengthOf(socket.requests(), 1)
    }).pipe(Effect.scoped, Effect.provide(agentHub({ grantKey }).pipe(Layer.provideMerge(AgentRoomsTest))))
  )

  it.live("follow each other: what one had sent and not heard of, the next one hears and acknowledges", () =>
    Effect.gen(function* () {
      const agent = yield* Effect.gen(function* () {
        const made = yield* enrolled({ name: "web1" })
        const socket = yield* connected(made)
        yield* restart
        const request = yield* promise(() => socket.request())
        return { made, socket, request }
      }).pipe(Effect.scoped, Effect.provide(agentHub({ grantKey })))
      const { made, socket, request } = agent
      assert.strictEqual((yield* promise(() => socket.end())).code, 1001)
      assert.include(yield* typesOf(agentStream(made.agentId)), "AgentDisconnected")
      yield* Effect.gen(function* () {
        const { url } = yield* HubAddress
        const back = new FakeAgent(url, made.key)
        Object.assign(back, { agentId: made.agentId, name: made.name, hubKey: made.hubKey, hello: made.hello })
        const again = yield* promise(() => back.connect())
        // it had acted meanwhile, and tells that before it is asked
        again.result(request.commandId, { proven: true, summary: "Done while nobody was there." })
        yield* promise(() => again.told("result_acknowledged", request.commandId))
        const plan = yield* planWhen(request.grant.planId, "has succeeded", ({ status }) => status === "succeeded")
        assert.strictEqual(plan.steps[0]?.[0]?.summary, "Done while nobody was there.")
      }).pipe(Effect.scoped, Effect.provide(agentHub({ grantKey })))
    }).pipe(Effect.provide(AgentRoomsTest))
  )
})
