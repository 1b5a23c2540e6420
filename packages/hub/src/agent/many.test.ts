/** Five hundred hosts in one plan: each is asked once, none is forgotten, and the hub holds no more than before when it is over. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { type PlanEvent, planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { AgentsTest, approve, enrolled, give, planWhen } from "../../../../test/support/agents.ts"
import type { FakeAgent, FakeSocket } from "../../../../test/support/fake-agent.ts"
import { held, heldAtMost } from "../../../../test/support/memory.ts"
import { until } from "../../../../test/support/until.ts"

const count = 500
const atOnce = 25
/** Nothing is measured by it: where ten others want the cores, five hundred hosts take minutes. */
const patience = "400 seconds"
const names = Array.from({ length: count }, (_, n) => `web${String(n).padStart(3, "0")}`)

/** Answers at once; where it is `weak` its connection breaks over the first act, and it tells how that ended on the next one. */
class Host {
  private readonly agent: FakeAgent
  private weak: boolean
  /** Its connections one after the other. */
  readonly sockets: Array<FakeSocket> = []
  again: Promise<void> = Promise.resolve()

  constructor(agent: FakeAgent, weak: boolean) {
    this.agent = agent
    this.weak = weak
  }

  async connect(): Promise<this> {
    const socket = await this.agent.connect()
    this.sockets.push(socket)
    socket.beat()
    socket.answers(({ action }) => {
      if (action === "system.usage") return { data: { uptime: 4711 } }
      if (!this.weak) return { proven: true }
      this.weak = false
      socket.raw.terminate()
      this.again = this.connect().then(() => undefined)
      return undefined
    })
    return this
  }
}

const online = Effect.gen(function* () {
  const hub = yield* HubClient
  const hosts = yield* Effect.forEach(
    names,
    (name, n) =>
      Effect.flatMap(enrolled({ name }), (agent) => Effect.promise(() => new Host(agent, n % 10 === 0).connect())),
    { concurrency: 10 }
  )
  yield* until(
    "all are online",
    Effect.map(hub.agents.list(), ({ agents }) => agents.filter((one) => one.online).length === count),
    patience
  )
  return hosts
})

const eventsOf = (planId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* decodeAll(planEvents, yield* log.read({ stream: planStream(planId), limit: 10_000 }))
  })
const endings = ["StepSucceeded", "StepFailed", "StepRefused", "StepOutcomeUnknown", "StepExpired", "StepRolledBack"]
/** The most that were under way at any moment, as the log has it. */
const mostAtOnce = (events: ReadonlyArray<PlanEvent>): number => {
  let [now, most] = [0, 0]
  for (const { _tag } of events) {
    if (_tag === "StepDispatched") most = Math.max(most, ++now)
    else if (endings.includes(_tag)) now--
  }
  return most
}
/** Everyone was asked once and ended once, and no two of them under one name. */
const eachOnce = (events: ReadonlyArray<PlanEvent>): void => {
  const asked = events.flatMap((one) => (one._tag === "StepDispatched" ? [one] : []))
  assert.deepStrictEqual(asked.map((one) => one.host).toSorted(), names)
  assert.strictEqual(new Set(asked.map((one) => one.commandId)).size, count)
  const ended = events.flatMap((one) => (one._tag === "StepSucceeded" ? [one.commandId] : []))
  assert.deepStrictEqual(ended.toSorted(), asked.map((one) => one.commandId).toSorted())
}
/** Waits on the log: asking for a plan of so many over and over would keep the hub busy with nothing else. */
const over = (planId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.follow({ stream: planStream(planId) }).pipe(
      Stream.filter((one) => one._tag === "Event" && one.event.type === "PlanFinished"),
      Stream.take(1),
      Stream.runDrain,
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.die(new Error(`waited ${patience} in vain until ${planId} is over`))
      })
    )
    return yield* planWhen(planId, "is shown as over", ({ finishedAt }) => finishedAt !== undefined)
  })

describe("five hundred hosts", () => {
  it.live(
    "are read at once, and acted upon so many at a time as the plan says, also where connections break in between",
    () =>
      Effect.gen(function* () {
        const hub = yield* HubClient
        const hosts = yield* online
        const before = held()
        const reading = yield* give("uptime of all servers")
        const read = yield* over(reading.planId)
        assert.strictEqual(read.status, "succeeded")
        assert.deepStrictEqual(
          read.steps[0]?.map(({ host, state }) => `${host} ${state}`),
          names.map((name) => `${name} succeeded`)
        )
        eachOnce(yield* eventsOf(reading.planId))

        const steps = [
          { action: "service.restart", args: { unit: "nginx.service" }, targets: { _tag: "All" as const } }
        ]
        const draft = { steps, batch: { size: atOnce, maxFailures: 0 } }
        const { plan } = yield* hub.plans.give({ payload: { commandId: randomUUID(), draft } })
        yield* approve(plan.planId, plan.hash ?? "")
        const acted = yield* over(plan.planId)
        assert.strictEqual(acted.status, "succeeded")
        assert.isTrue(acted.steps[0]?.every((one) => one.state === "succeeded" && one.proven === true))
        const events = yield* eventsOf(plan.planId)
        eachOnce(events)
        assert.strictEqual(mostAtOnce(events), atOnce)

        yield* Effect.promise(() => Promise.all(hosts.map((one) => one.again)))
        assert.strictEqual(hosts.filter(({ sockets }) => sockets.length === 2).length, count / 10)
        for (const { sockets } of hosts) for (const one of sockets) one.heard.length = 0
        yield* heldAtMost(before, 20e6) // some kilobytes of each host: the two plans, as they are shown
      }).pipe(Effect.provide(AgentsTest)),
    1_500_000 // a net
  )
})
