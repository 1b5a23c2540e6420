/** Plans carried out on a real Postgres through the real queue, with agents that answer by the log. */
import { createHash, randomUUID } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Result } from "effect"
import { makeFleet, member, runAgents } from "../../../../test/support/fleet.ts"
import {
  PlannedTest as BaseTest,
  planEventsOf as eventsOf,
  planSettled,
  type TestFleet
} from "../../../../test/support/planned.ts"
import { withoutModels } from "../../../../test/support/models.ts"
import type { FleetMember } from "@signalbox/core/agent/Fleet.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { makePlanId, type PlanEvent, planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { freeze } from "@signalbox/core/plan/freeze.ts"
import { planHash } from "@signalbox/core/plan/hash.ts"
import type { Draft, DraftStep } from "@signalbox/core/plan/plan.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { planDecider } from "@signalbox/core/plan/room.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { runWorker, workerServices } from "../Worker.ts"

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

const over = (planId: string) => planSettled(planId, (plan) => plan.finishedAt !== undefined)
const tagsOf = (events: ReadonlyArray<PlanEvent>) => events.map((event) => event._tag)
const statesOf = (plan: PlanView) => plan.steps.map((step) => step.map((target) => target.state))

const acts = (events: ReadonlyArray<PlanEvent>) =>
  events.flatMap((event) => (event._tag === "StepDispatched" && event.purpose === "act" ? [event] : []))
const webs = (many: number, more: Partial<FleetMember> = {}) =>
  Array.from({ length: many }, (_, n) => member(`web${n + 1}`, { tags: ["web"], ...more }))

describe("a plan", () => {
  const web = makeFleet([...webs(2), member("db1")])
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
      assert.deepStrictEqual(
        acts(events).map(({ host, args }) => [host, args]),
        [
          ["web1", { unit: "nginx.service" }],
          ["web2", { unit: "nginx.service" }]
        ]
      )
      assert.strictEqual(tagsOf(events).at(-1), "PlanFinished")
      assert.isTrue([...agents.reached.values()].every((times) => times === 1))
    }).pipe(Effect.provide(BaseTest(web)))
  )

  const reading = makeFleet(webs(3))
  it.live("that only reads runs at once, everywhere in one append; what is large lies beside the log", () =>
    Effect.gen(function* () {
      yield* startWorker("one", reading)
      const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n} \u0000`)
      yield* runAgents(({ host }) => ({ data: host === "web1" ? { lines } : { lines: [host] } }))
      const { plan } = yield* propose({ steps: [{ action: "log.query", args: {}, targets: { _tag: "All" } }] })
      assert.strictEqual(plan.approved?.by, "policy")
      const done = yield* over(plan.planId)
      const [first, second] = done.steps[0] ?? []
      assert.deepStrictEqual([first?.data, first?.more], [undefined, true])
      assert.deepStrictEqual(second?.data, { lines: ["web2"] })
      const plans = yield* Plans
      const whole = JSON.stringify(yield* plans.result(plan.planId, first?.commandId ?? ""))
      assert.strictEqual(createHash("sha256").update(whole).digest("hex"), first?.stored?.sha256)
      assert.strictEqual(Buffer.byteLength(whole), first?.stored?.bytes)
      assert.include(whole, "line 1999 ")
      assert.deepStrictEqual(yield* plans.result(plan.planId, second?.commandId ?? ""), { lines: ["web2"] })
      assert.isUndefined(yield* plans.result("p-20261120-000000", first?.commandId ?? ""))
      const log = yield* EventLog
      const recorded = yield* log.read({ stream: planStream(plan.planId), limit: 100 })
      const dispatched = recorded.filter((event) => event.type === "StepDispatched")
      assert.strictEqual(dispatched.length, 3)
      assert.strictEqual(new Set(dispatched.map((event) => event.commandId)).size, 1, "one append")
      assert.isBelow(Math.max(...recorded.map((event) => JSON.stringify(event.data).length)), 20_000)
    }).pipe(Effect.provide(BaseTest(reading)))
  )

  const conditional = makeFleet([...webs(4), member("db1"), member("web5", { tags: ["web"], online: false })])
  it.live("does on each target what its condition says on fresh facts, and nothing where nobody can tell", () =>
    Effect.gen(function* () {
      yield* startWorker("one", conditional)
      yield* runAgents(({ action, host, purpose }) => {
        if (action === "system.usage")
          return host === "web3" ? { outcome: "failed" } : { data: { cpu: host === "web2" ? 10 : 95 } }
        if (purpose === "condition") return { data: { active: "active" } }
        return {}
      })
      const when: DraftStep["when"] = {
        _tag: "And",
        of: [
          { _tag: "Fact", fact: "cpu", is: ">", value: 80 },
          { _tag: "Unit", unit: "postgresql.service", state: "active", host: "db*" },
          { _tag: "Online", host: "db1" }
        ]
      }
      const { plan } = yield* propose({ steps: [{ ...restart, when }] })
      yield* approve(plan)
      const done = yield* over(plan.planId)
      assert.deepStrictEqual(
        done.steps[0]?.map(({ host, state, why }) => [host, state, why]),
        [
          ["web1", "succeeded", undefined],
          ["web2", "skipped", "condition"],
          ["web3", "skipped", "condition-unknown"],
          ["web4", "succeeded", undefined],
          ["web5", "skipped", "condition-unknown"]
        ]
      )
      const [one, two, three, , five] = done.steps[0] ?? []
      assert.deepStrictEqual(one?.findings, [
        { asked: "cpu > 80 %", answer: "true", found: "95" },
        { asked: "postgresql.service is active on db1", answer: "true", found: "active" },
        { asked: "db1 is online", answer: "true", found: "online" }
      ])
      assert.match(two?.summary ?? "", /cpu > 80 % \(found: 10\)/)
      assert.match(three?.summary ?? "", /Nobody can tell/)
      assert.match(five?.summary ?? "", /web5 is not connected/)
      const events = yield* eventsOf(plan.planId)
      assert.deepStrictEqual(
        acts(events).map((event) => event.host),
        ["web1", "web4"]
      )
    }).pipe(Effect.provide(BaseTest(conditional)))
  )

  const sliding = makeFleet(webs(6))
  it.live("keeps its batch while it slides, goes through its steps in order, and stops at its limit of failures", () =>
    Effect.gen(function* () {
      yield* startWorker("one", sliding)
      let now = 0
      let most = 0
      yield* runAgents(({ host, step }) =>
        Effect.gen(function* () {
          most = Math.max(most, ++now)
          yield* Effect.sleep("20 millis") // others may come meanwhile
          now--
          return host === "web2" && step === 0 ? { outcome: "failed" as const } : {}
        })
      )
      const steps = [restart, { ...restart, action: "service.reload" }]
      const { plan } = yield* propose({ steps, batch: { size: 2, maxFailures: 1 } })
      yield* approve(plan)
      const done = yield* over(plan.planId)
      assert.isAtMost(most, 2)
      assert.deepStrictEqual(statesOf(done), [
        ["succeeded", "failed", "succeeded", "succeeded", "succeeded", "succeeded"],
        ["succeeded", "skipped", "succeeded", "succeeded", "succeeded", "succeeded"]
      ])
      assert.strictEqual(done.steps[1]?.[1]?.why, "earlier")
      const events = yield* eventsOf(plan.planId)
      const firstReload = events.findIndex((event) => event._tag === "StepDispatched" && event.step === 1)
      assert.isAbove(
        firstReload,
        events.findLastIndex((event) => "said" in event && event.step === 0)
      )
      const strict = (yield* propose({ steps, batch: { size: 1, maxFailures: 0 } })).plan
      yield* approve(strict)
      const stopped = yield* over(strict.planId)
      assert.strictEqual(stopped.status, "failed")
      assert.deepStrictEqual(
        acts(yield* eventsOf(strict.planId)).map((event) => event.host),
        ["web1", "web2"]
      )
      assert.isTrue(stopped.steps[1]?.every((target) => target.why === "stopped"))
    }).pipe(Effect.provide(BaseTest(sliding)))
  )

  const drifting = makeFleet(webs(3))
  it.live("is not approved after its targets changed, and leaves a target alone that changed since", () =>
    Effect.gen(function* () {
      yield* startWorker("one", drifting)
      const gate = yield* Deferred.make<void>()
      yield* runAgents(({ purpose }) => (purpose === "act" ? Effect.as(Deferred.await(gate), {}) : {}))
      const early = (yield* propose({ steps: [restart] })).plan
      drifting.set(member("web9", { tags: ["web"] }))
      const refused = yield* Effect.flip(approve(early))
      assert.match(refused.message, /web9 now fits tag web too.*give the instruction again/)
      const { plan } = yield* propose({ steps: [restart], batch: { size: 1, maxFailures: 0 } })
      yield* approve(plan)
      yield* planSettled(plan.planId, (view) => view.steps[0]?.[0]?.state === "accepted")
      drifting.remove("web2")
      drifting.set(member("web3", { tags: [] }))
      yield* Deferred.succeed(gate, undefined)
      const done = yield* over(plan.planId)
      assert.deepStrictEqual(
        done.steps[0]?.map(({ host, why }) => [host, why]),
        [
          ["web1", undefined],
          ["web2", "drift"],
          ["web3", "drift"],
          ["web9", undefined]
        ]
      )
    }).pipe(Effect.provide(BaseTest(drifting)))
  )

  const cancelled = makeFleet(webs(3))
  it.live("is stopped by a person: what runs comes to its end, nothing further begins", () =>
    Effect.gen(function* () {
      yield* startWorker("one", cancelled)
      const gate = yield* Deferred.make<void>()
      yield* runAgents(({ purpose }) => (purpose === "act" ? Effect.as(Deferred.await(gate), {}) : {}))
      const { plan } = yield* propose({ steps: [restart], batch: { size: 1, maxFailures: 0 } })
      yield* approve(plan)
      yield* planSettled(plan.planId, (view) => view.steps[0]?.[0]?.state === "accepted")
      yield* (yield* Plans).cancel(plan.planId, "the wrong hosts", by())
      yield* Deferred.succeed(gate, undefined)
      const done = yield* over(plan.planId)
      assert.deepStrictEqual([done.status, statesOf(done)], ["cancelled", [["succeeded", "skipped", "skipped"]]])
      assert.strictEqual(acts(yield* eventsOf(plan.planId)).length, 1)
    }).pipe(Effect.provide(BaseTest(cancelled)))
  )

  const looked = makeFleet([member("web1", { tags: ["web"] }), member("web2", { tags: ["web"], online: false })])
  it.live("is looked at before it is approved, where somebody is connected, and expires by itself", () =>
    Effect.gen(function* () {
      yield* startWorker("one", looked)
      yield* runAgents(({ action }) => ({ summary: `${action} says: nginx.service is active.` }))
      const { plan } = yield* propose({ steps: [restart] })
      const seen = yield* planSettled(plan.planId, (view) => view.steps[0]?.[0]?.reads?.[0]?.state === "succeeded")
      assert.deepStrictEqual(
        seen.steps[0]?.map(({ state, reads }) => [
          state,
          reads?.map((read) => [read.action, read.purpose, read.summary])
        ]),
        [
          ["waiting", [["service.status", "before", "service.status says: nginx.service is active."]]],
          ["waiting", undefined]
        ]
      )
      assert.strictEqual(seen.status, "proposed")
      const db = yield* Db
      const [job] = yield* db.query(
        "find the job that lets it expire",
        (sql) => sql<{ late: string }[]>`
          select start_after::text as late from pgboss.job
          where name = 'plan.proposal' and state = 'created' and data ->> 'planId' = ${plan.planId}`
      )
      assert.approximately(Date.parse(job?.late ?? ""), Date.parse(plan.plan?.expiresAt ?? ""), 1_000)
      const { plan: short } = Result.getOrThrow(
        freeze({ steps: [restart] }, [member("web1", { tags: ["web"] })], Date.now() - 15 * 60_000 + 300)
      )
      const planId = makePlanId(Date.now(), new Uint8Array(6))
      yield* (yield* Commands).execute({
        decider: planDecider,
        types: planEvents,
        stream: planStream(planId),
        command: {
          _tag: "Give",
          given: { planId, text: "restart", by: "ana", dryRun: false, ask: "none" },
          answer: {
            _tag: "PlanProposed",
            plan: short,
            hash: planHash(planId, "ana", short),
            origin: { by: "draft" },
            understood: [],
            unjudged: []
          }
        },
        commandId: randomUUID(),
        actor: "person:ana"
      })
      assert.strictEqual((yield* over(planId)).status, "expired")
    }).pipe(Effect.provide(BaseTest(looked)))
  )
})

describe("a content", () => {
  const one = makeFleet(webs(2))
  it.live("that was deleted after the approval stops its plan before anything of it is dispatched", () =>
    Effect.gen(function* () {
      const db = yield* Db
      const agents = yield* runAgents()
      const write: DraftStep = { ...restart, action: "config.write", args: { path: "/etc/motd", content: "hello" } }
      const write2 = { ...write, targets: { _tag: "Name", glob: "web1" } as const }
      const { plan: gone } = yield* propose({ steps: [write2] })
      yield* approve(gone)
      const { plan: kept } = yield* propose({ steps: [write] })
      yield* approve(kept)
      yield* db.query("delete", (sql) => sql`delete from plan.content where plan_id = ${gone.planId}`)
      yield* startWorker("one", one)
      const stopped = yield* over(gone.planId)
      assert.deepStrictEqual([stopped.status, statesOf(stopped)], ["cancelled", [["skipped"]]])
      assert.match(
        stopped.reason ?? "",
        /^policy stopped it: The content of config\.write in .* was deleted or changed/u
      )
      assert.deepStrictEqual(acts(yield* eventsOf(gone.planId)), [])
      const done = yield* over(kept.planId)
      assert.strictEqual(done.status, "succeeded")
      // what is dispatched says nothing of it
      for (const event of acts(yield* eventsOf(kept.planId))) assert.isUndefined(event.args)
      assert.isAtLeast(agents.reached.size, 2)
    }).pipe(Effect.provide(BaseTest(one)))
  )
})

describe("one command", () => {
  const fleet = makeFleet(webs(1))
  it.live("makes one plan, however often it is said, also at once; what cannot be planned is recorded too", () =>
    Effect.gen(function* () {
      const plans = yield* Plans
      const once = by()
      const said = {
        dryRun: false,
        meaning: { draft: { steps: [restart] }, origin: { by: "draft" as const }, understood: [] }
      }
      const all = yield* Effect.all(
        Array.from({ length: 5 }, () => plans.instruct(said, once)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(all.map(({ plan }) => plan.planId)).size, 1)
      assert.strictEqual((yield* plans.instruct(said, once)).plan.planId, all[0]?.plan.planId)
      const other = yield* Effect.flip(plans.instruct({ ...said, dryRun: true }, once))
      assert.strictEqual(other._tag, "CommandIdReused")
      const nobody = { ...restart, targets: { _tag: "Tag", tag: "mail" } as const }
      const { plan } = yield* propose({ steps: [nobody] })
      assert.deepStrictEqual(
        [plan.status, plan.question?.reason],
        ["not-understood", "No host fits tag mail. See agent list."]
      )
      assert.strictEqual(plan.text, "service.restart nginx.service on tag mail")
      assert.match((yield* Effect.flip(plans.load("p-20261120-000000"))).message, /There is no plan/)
    }).pipe(Effect.provide(BaseTest(fleet)))
  )
})
