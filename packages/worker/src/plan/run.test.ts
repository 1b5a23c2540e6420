/** Plans carried out on a real Postgres through the real queue, with agents that answer by the log. */
import { randomUUID } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { DbTest } from "../../../../test/support/database.ts"
import { makeFleet, member, runAgents } from "../../../../test/support/fleet.ts"
import { withoutModels } from "../../../../test/support/models.ts"
import type { FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { decodeAll } from "@signalbox/core/log/Event.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { type PlanEvent, planEvents, planStream } from "@signalbox/core/plan/events.ts"
import type { Draft, DraftStep } from "@signalbox/core/plan/plan.ts"
import { PlanOutcomes } from "@signalbox/core/plan/PlanOutcomes.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { PlanTail } from "@signalbox/core/plan/PlanTail.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { runWorker, workerServices } from "../Worker.ts"

const fleetOf = (...members: ReadonlyArray<FleetMember>) => makeFleet(members)
type TestFleet = ReturnType<typeof makeFleet>

const BaseTest = (fleet: TestFleet) =>
  Layer.mergeAll(Plans.layer, PlanOutcomes.layer("hub"), PlanTail.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(Commands.layer, fleet.layer)),
    Layer.provideMerge(eventLogLayer),
    Layer.provideMerge(Layer.fresh(DbTest))
  )

const startWorker = (name: string, fleet: TestFleet) =>
  Effect.gen(function* () {
    const localHome = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-home-")))
    const services = workerServices({ name, localHome, fleet: fleet.layer }).pipe(Layer.provideMerge(withoutModels))
    return yield* Effect.forkScoped(runWorker.pipe(Effect.provide(services)))
  })

const by = (account = "ana") => ({ commandId: randomUUID(), actor: `person:${account}`, account })
const approver = (account = "bo") => ({ ...by(account), role: "admin" as const, alone: false })

const restart: DraftStep = {
  action: "service.restart",
  args: { unit: "nginx.service" },
  targets: { _tag: "Tag", tag: "web" }
}
const propose = (draft: Draft) =>
  Effect.flatMap(Plans, (plans) =>
    plans.instruct({ dryRun: false, meaning: { draft, origin: { by: "draft" }, understood: [] } }, by())
  )
const approve = (plan: PlanView) =>
  Effect.flatMap(Plans, (plans) => plans.approve(plan.planId, { hash: plan.hash ?? "" }, approver()))

const until = (planId: string, what: string, wanted: (plan: PlanView) => boolean) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const plans = yield* Plans
    const seen = yield* log.follow({ stream: planStream(planId) }).pipe(
      Stream.mapEffect(() => plans.load(planId)),
      Stream.filter(wanted),
      Stream.runHead
    )
    return yield* Effect.fromOption(seen)
  }).pipe(
    Effect.timeoutOrElse({
      duration: "25 seconds",
      orElse: () =>
        Effect.flatMap(eventsOf(planId), (all) =>
          Effect.die(new Error(`not ${what} after ${JSON.stringify(all).slice(-3000)}`))
        )
    })
  )
const over = (planId: string) => until(planId, "over", (plan) => plan.finishedAt !== undefined)

const eventsOf = (planId: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    return yield* decodeAll(planEvents, yield* log.read({ stream: planStream(planId), limit: 10_000 }))
  })
const tagsOf = (events: ReadonlyArray<PlanEvent>) => events.map((event) => event._tag)
const statesOf = (plan: PlanView) => plan.steps.map((step) => step.map((target) => target.state))

describe("a plan", () => {
  const web = fleetOf(member("web1", { tags: ["web"] }), member("web2", { tags: ["web"] }), member("db1"))
  it.live("is carried out on every target once it is approved, and the last answer ends it", () =>
    Effect.gen(function* () {
      yield* startWorker("one", web)
      const agents = yield* runAgents()
      const { plan } = yield* propose({ steps: [restart] })
      assert.strictEqual(plan.status, "proposed")
      yield* approve(plan)
      const done = yield* over(plan.planId)
      assert.strictEqual(done.status, "succeeded")
      assert.deepStrictEqual(statesOf(done), [["succeeded", "succeeded"]])
      const events = yield* eventsOf(plan.planId)
      const acts = events.flatMap((event) =>
        event._tag === "StepDispatched" && event.purpose === "act" ? [event] : []
      )
      assert.deepStrictEqual(
        acts.map((event) => event.host),
        ["web1", "web2"]
      )
      assert.strictEqual(tagsOf(events).at(-1), "PlanFinished")
      assert.isTrue([...agents.reached.values()].every((times) => times === 1))
    }).pipe(Effect.provide(BaseTest(web)))
  )
})
