/** Whatever dies, and however many carry it out at once: a plan is carried out to its end, and nothing is dispatched twice. */
import { randomUUID } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { startChild } from "../../../../test/support/child.ts"
import { freshDatabase } from "../../../../test/support/database.ts"
import { makeFleet, member, runAgents } from "../../../../test/support/fleet.ts"
import { withoutModels } from "../../../../test/support/models.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import type { DraftStep } from "@signalbox/core/plan/plan.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { layer as leasesLayer } from "@signalbox/core/queue/LeasesLive.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { PlanCommands } from "./PlanCommands.ts"
import { carryOut } from "./run.ts"

const hosts = ["web1", "web2", "web3"]
const fleet = makeFleet(hosts.map((host) => member(host, { tags: ["web"] })))
const base = (url: string) =>
  Layer.mergeAll(Plans.layer, PlanOutcomes.layer("hub"), PlanTail.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(Commands.layer, fleet.layer)),
    Layer.provideMerge(eventLogLayer),
    Layer.provideMerge(Db.layer(url)),
    Layer.fresh
  )
/** One target after the other; each is asked (append 1, 3, 5) and then acts (2, 4, 6). */
const steps: ReadonlyArray<DraftStep> = [
  {
    action: "service.restart",
    args: { unit: "nginx.service" },
    targets: { _tag: "Tag", tag: "web" },
    when: { _tag: "Fact", fact: "cpu", is: "<", value: 50 }
  }
]

const begin = (size: number) =>
  Effect.gen(function* () {
    const plans = yield* Plans
    const { plan } = yield* plans.instruct(
      {
        dryRun: false,
        meaning: { draft: { steps, batch: { size, maxFailures: 0 } }, origin: { by: "draft" }, understood: [] }
      },
      { commandId: randomUUID(), actor: "person:ana", account: "ana" }
    )
    yield* plans.approve(
      plan.planId,
      { hash: plan.hash ?? "" },
      { commandId: randomUUID(), actor: "person:ana", account: "ana", role: "admin", alone: true }
    )
    return plan.planId
  })

/** Waits on the log for the end, and looks at everything that happened. */
const whole = (planId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.follow({ stream: planStream(planId) }).pipe(
      Stream.filter((one) => one._tag === "Event" && one.event.type === "PlanFinished"),
      Stream.take(1),
      Stream.runDrain,
      Effect.timeoutOrElse({
        duration: "180 seconds",
        orElse: () => Effect.die(new Error(`${planId} did not end`))
      })
    )
    const events = yield* decodeAll(planEvents, yield* log.read({ stream: planStream(planId), limit: 1_000 }))
    const commands = events.flatMap((event) =>
      event._tag === "StepDispatched" && event.purpose !== "before" ? [event] : []
    )
    const finished = events.filter((event) => event._tag === "PlanFinished")
    return { commands, finished }
  })

const soundly = (planId: string, reached: ReadonlyMap<string, number>) =>
  Effect.gen(function* () {
    const { commands, finished } = yield* whole(planId)
    assert.strictEqual(
      new Set(commands.map((one) => one.commandId)).size,
      commands.length,
      "a command was dispatched twice"
    )
    assert.deepStrictEqual(
      commands
        .filter((one) => one.purpose === "act")
        .map((one) => one.host)
        .toSorted(),
      hosts
    )
    for (const one of commands) assert.strictEqual(reached.get(one.commandId), 1, "a host was told twice")
    assert.deepStrictEqual(
      finished.map((one) => one.outcome),
      ["succeeded"]
    )
  })

const home = Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-home-")))

describe("a plan whose worker is killed", () => {
  const points = ["leased", "before/1", "after/1", "before/2", "after/2", "after/4", "after/6"]
  it.live(
    "anywhere goes on with another one, and nothing is dispatched twice",
    () =>
      Effect.forEach(
        points,
        (point) =>
          Effect.gen(function* () {
            const url = yield* Effect.promise(freshDatabase)
            yield* Effect.gen(function* () {
              const agents = yield* runAgents(({ purpose }) => (purpose === "condition" ? { data: { cpu: 10 } } : {}))
              const planId = yield* begin(1)
              const child = yield* startChild("plan-worker.ts", { url, home: yield* home, point, hosts })
              const { how, said } = yield* Effect.timeoutOrElse(child.ended, {
                duration: "180 seconds",
                orElse: () => Effect.die(new Error(`it did not come to ${point}`))
              })
              assert.strictEqual(how, "SIGKILL", `${point}: ${said.slice(-2_000)}`)
              const services = workerServices({ name: `heir-${point}`, localHome: yield* home, fleet: fleet.layer })
              yield* Effect.forkScoped(
                runWorker.pipe(Effect.provide(services.pipe(Layer.provideMerge(withoutModels), Layer.fresh)))
              )
              yield* soundly(planId, agents.reached)
            }).pipe(Effect.scoped, Effect.provide(base(url)))
          }),
        { concurrency: 4, discard: true }
      ),
    900_000 // a net: on a machine that is busy with other things each of them takes minutes
  )
})

describe("a plan", () => {
  it.live("that several carry out at once, leases or not, is dispatched once", () =>
    Effect.gen(function* () {
      const url = yield* Effect.promise(freshDatabase)
      yield* Effect.gen(function* () {
        const agents = yield* runAgents(({ purpose }) => (purpose === "condition" ? { data: { cpu: 10 } } : {}))
        const planId = yield* begin(2)
        const worker = (name: string) =>
          carryOut(planId, { ready: Effect.void }).pipe(
            Effect.provide(
              PlanCommands.layer.pipe(
                Layer.provide(Layer.mergeAll(Layer.fresh(Commands.layer), leasesLayer(name))),
                Layer.fresh
              )
            )
          )
        yield* Effect.all([worker("one"), worker("two"), worker("three")], { concurrency: 3 })
        yield* soundly(planId, agents.reached)
      }).pipe(Effect.scoped, Effect.provide(base(url)))
    })
  )
})
