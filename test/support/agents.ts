/** A hub with what carries plans out, and agents that enroll with it: all in this process but for the database. */
import { randomUUID } from "node:crypto"
import { Effect, Layer } from "effect"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { layer as leasesLayer } from "@signalbox/core/queue/LeasesLive.ts"
import type { HubOptions } from "@signalbox/hub/Hub.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { beginPlansEagerly } from "@signalbox/worker/plan/jobs.ts"
import { PlanCommands } from "@signalbox/worker/plan/PlanCommands.ts"
import { PlanRuns } from "@signalbox/worker/plan/PlanRuns.ts"
import { FakeAgent } from "./fake-agent.ts"
import { adminToken, hubTest, RoomsTest } from "./hub.ts"
import { until } from "./until.ts"

/** The part of a worker that carries out what is approved. */
const planWorker = Layer.effectDiscard(Effect.forkScoped(beginPlansEagerly)).pipe(
  Layer.provide(PlanRuns.layer),
  Layer.provide(Layer.mergeAll(PlanCommands.layer, PlanTail.layer, FleetLive)),
  Layer.provide(leasesLayer("worker-of-tests"))
)
const client = Layer.unwrap(Effect.map(HubAddress, ({ url }) => HubClient.layer(url, adminToken)))

/** Everything behind the hubs. */
export const AgentRoomsTest = planWorker.pipe(Layer.provideMerge(RoomsTest))
/** A hub and its client, on those rooms. */
export const agentHub = (options: Partial<HubOptions> = {}) =>
  Layer.suspend(() => client.pipe(Layer.provideMerge(hubTest(options)))) // a server of its own each time
export const AgentsTest = agentHub().pipe(Layer.provideMerge(AgentRoomsTest))

/** @returns an agent that is enrolled and not connected */
export const enrolled = (invite: { readonly name?: string; readonly tags?: ReadonlyArray<string> } = {}) =>
  Effect.gen(function* () {
    const { url } = yield* HubAddress
    const hub = yield* HubClient
    const { token } = yield* hub.agents.invite({ payload: invite })
    return yield* Effect.promise(() => new FakeAgent(url).enroll(token))
  })

export const onlineAs = (name: string) =>
  Effect.gen(function* () {
    const hub = yield* HubClient
    return yield* until(
      `${name} is online`,
      Effect.map(hub.agents.list(), ({ agents }) => agents.find((one) => one.name === name && one.online))
    )
  })

/** The plan once `holds`. */
export const planWhen = (planId: string, what: string, holds: (plan: PlanView) => boolean) =>
  Effect.gen(function* () {
    const hub = yield* HubClient
    return yield* until(
      `${planId} ${what}`,
      Effect.map(hub.plans.get({ params: { planId } }), ({ plan }) => (holds(plan) ? plan : undefined))
    )
  })

/** Connected, with a first heartbeat, and known to be online. */
export const connected = (agent: FakeAgent) =>
  Effect.gen(function* () {
    const socket = yield* Effect.promise(() => agent.connect())
    socket.beat()
    yield* onlineAs(agent.name)
    return socket
  })

export const give = (text: string) =>
  Effect.gen(function* () {
    const hub = yield* HubClient
    return (yield* hub.plans.give({ payload: { commandId: randomUUID(), text } })).plan
  })

export const approve = (planId: string, hash: string) =>
  Effect.gen(function* () {
    const hub = yield* HubClient
    return yield* hub.plans.approve({ params: { planId }, payload: { hash, code: shortCode(hash) } })
  })
