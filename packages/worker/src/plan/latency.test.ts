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

describe("latency", () => {
  const web = fleetOf(...Array.from({ length: 8 }, (_, n) => member(`web${n}`, { tags: ["web"] })))
  it.live("x", () =>
    Effect.gen(function* () {
      yield* startWorker("one", web)
      yield* runAgents()
      const first: Array<number> = []
      const whole: Array<number> = []
      const read: Array<number> = []
      for (let i = 0; i < 40; i++) {
        const { plan } = yield* propose({ steps: [restart] })
        yield* Effect.sleep("150 millis")
        yield* approve(plan)
        const done = yield* over(plan.planId)
        const t = (x?: string) => Number(BigInt(Date.parse(x ?? ""))) + Number((x ?? "").slice(23, 26)) / 1000
        const events = yield* Effect.flatMap(EventLog, (log) =>
          log.read({ stream: planStream(plan.planId), limit: 100 })
        )
        const at = (type: string) =>
          t(
            events.find(
              (e) => e.type === type && (type !== "StepDispatched" || JSON.stringify(e.data).includes('"act"'))
            )?.at
          )
        first.push(at("StepDispatched") - at("PlanApproved"))
        whole.push(at("PlanFinished") - at("PlanApproved"))
        const began = performance.now()
        const r = yield* Effect.flatMap(Plans, (plans) =>
          plans.instruct(
            {
              dryRun: false,
              meaning: {
                draft: { steps: [{ action: "system.usage", args: {}, targets: { _tag: "All" } }] },
                origin: { by: "draft" },
                understood: []
              }
            },
            by()
          )
        )
        yield* over(r.plan.planId)
        read.push(performance.now() - began)
        void done
      }
      const show = (l: Array<number>) => {
        const s = l.toSorted((a, b) => a - b)
        return `p50 ${s[20]?.toFixed(1)} p90 ${s[36]?.toFixed(1)} max ${s[39]?.toFixed(1)}`
      }
      console.log(
        "approved->dispatched",
        show(first),
        "| approved->finished",
        show(whole),
        "| read instruct..over seen",
        show(read)
      )
    }).pipe(Effect.provide(BaseTest(web)))
  )
})
