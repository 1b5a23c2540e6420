/** Plans over HTTP: who may approve what, what is refused and why, and what of it is an event. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import type { AccountRole } from "@signalbox/core/account/permissions.ts"
import { FleetLive } from "@signalbox/core/agent/FleetLive.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import type { Draft } from "@signalbox/core/plan/plan.ts"
import { Plans } from "@signalbox/core/plan/Plans.ts"
import { planDecider } from "@signalbox/core/plan/room.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { AgentsTest, connected, enrolled, planWhen } from "../../../../test/support/agents.ts"
import { HubAddress } from "../HubAddress.ts"

interface Answer {
  readonly status: number
  readonly detail: string
  readonly plan: PlanView | undefined
}

const account = (name: string, role: AccountRole) =>
  Effect.gen(function* () {
    const { accounts } = yield* HubClient
    const { url } = yield* HubAddress
    yield* accounts.add({ payload: { name, role } })
    const { token } = yield* accounts.issueToken({ params: { name }, payload: { label: "test" } })
    const post = (path: string, body: object) =>
      Effect.promise(async (): Promise<Answer> => {
        const response = await fetch(`${url}/api/v1/plans${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify(body)
        })
        const text = await response.text()
        const told: { readonly detail?: string; readonly plan?: PlanView } = JSON.parse(text)
        return { status: response.status, detail: told.detail ?? "", plan: told.plan }
      })
    return {
      name,
      gives: (draft: Draft, more: object = {}) =>
        Effect.map(post("", { draft, ...more }), ({ status, detail, plan }) => {
          assert.strictEqual(status, 201, detail)
          return plan ?? assert.fail("no plan")
        }),
      approves: (planId: string, hash: string, more: object = {}) => post(`/${planId}/approve`, { hash, ...more }),
      does: (what: "reject" | "cancel" | "explain", planId: string, more: object = {}) =>
        post(`/${planId}/${what}`, more)
    }
  })

const on = (glob: string) => ({ _tag: "Name" as const, glob })
const restart = (glob = "web1"): Draft => ({
  steps: [{ action: "service.restart", args: { unit: "nginx.service" }, targets: on(glob) }]
})
const sshd: Draft = {
  steps: [
    {
      action: "config.set",
      args: { path: "/etc/ssh/sshd_config", key: "MaxAuthTries", value: "3" },
      targets: on("web1")
    }
  ]
}
const versionOf = (planId: string) =>
  Effect.gen(function* () {
    return (yield* (yield* EventLog).read({ stream: planStream(planId) })).length
  })
/** Refused with this status and reason, and nothing of it is an event of the plan. */
const refused = (planId: string, status: number, why: RegExp, act: Effect.Effect<Answer>) =>
  Effect.gen(function* () {
    const before = yield* versionOf(planId)
    const answer = yield* act
    assert.strictEqual(answer.status, status, answer.detail)
    assert.match(answer.detail, why)
    assert.strictEqual(yield* versionOf(planId), before, "no event")
  })
const ofPlan = (plan: PlanView) => ({ planId: plan.planId, hash: plan.hash ?? "" })

describe("a plan", () => {
  it.live("is approved for the hash that was looked at and no other, once, and by whose role reaches", () =>
    Effect.gen(function* () {
      const operator = yield* account("olga", "operator")
      const viewer = yield* account("vera", "viewer")
      const socket = yield* connected(yield* enrolled({ name: "web1" }))
      const { planId, hash } = ofPlan(yield* operator.gives(restart()))
      yield* refused(planId, 403, /role operator; vera is viewer/u, viewer.approves(planId, hash))
      yield* refused(planId, 409, /its hash is .*, not 0000…0000/u, operator.approves(planId, "0".repeat(64)))
      yield* refused(planId, 400, /validation/u, operator.approves(planId, "x".repeat(1_000)))
      const commandId = randomUUID()
      const first = yield* operator.approves(planId, hash, { commandId })
      assert.deepStrictEqual([first.status, first.plan?.approved?.by], [200, "olga"])
      const { commandId: asked } = yield* Effect.promise(() => socket.request())
      yield* refused(
        planId,
        409,
        /already used for something else/u,
        operator.approves(planId, "0".repeat(64), { commandId })
      )
      socket.result(asked)
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      const before = yield* versionOf(planId)
      assert.strictEqual((yield* operator.approves(planId, hash)).status, 200, "a second click")
      assert.strictEqual(yield* versionOf(planId), before)
      assert.lengthOf(socket.requests(), 1)
      const nothing = yield* operator.approves("p-20200101-AAAAAA", hash)
      assert.deepStrictEqual(
        [nothing.status, nothing.detail],
        [404, "There is no plan p-20200101-AAAAAA. See plan list."]
      )
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("of high risk is not for operators, and one of critical risk needs somebody else who types its code", () =>
    Effect.gen(function* () {
      const operator = yield* account("olga", "operator")
      const approver = yield* account("adam", "approver")
      const second = yield* account("berta", "approver")
      yield* connected(yield* enrolled({ name: "web1" }))
      yield* connected(yield* enrolled({ name: "live1", tags: ["prod"] }))
      const high = yield* operator.gives(restart("live1"))
      assert.strictEqual(high.plan?.risk, "high")
      yield* refused(
        high.planId,
        403,
        /role approver; olga is operator/u,
        operator.approves(high.planId, high.hash ?? "")
      )
      const critical = yield* approver.gives(sshd)
      assert.strictEqual(critical.plan?.risk, "critical")
      const { planId, hash } = ofPlan(critical)
      const code = shortCode(hash)
      yield* refused(
        planId,
        409,
        /by somebody else than who asked for it, and adam did/u,
        approver.approves(planId, hash, { code })
      )
      yield* refused(planId, 409, /typing the short code/u, second.approves(planId, hash))
      yield* refused(planId, 409, /"0000-0000" is not it/u, second.approves(planId, hash, { code: "0000-0000" }))
      yield* refused(planId, 403, /role approver/u, operator.approves(planId, hash, { code }))
      // the owner of the home is not alone here
      const { plans } = yield* HubClient
      assert.strictEqual(
        (yield* plans.approve({ params: { planId }, payload: { hash, code } })).plan.approved?.by,
        "local-admin"
      )
      const own = yield* plans.give({ payload: { draft: sshd } })
      const alone = yield* Effect.flip(
        plans.approve({
          params: { planId: own.planId },
          payload: { hash: own.plan.hash ?? "", code: shortCode(own.plan.hash ?? "") }
        })
      )
      assert.match(alone.message, /somebody else/u)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("is refused when its targets are not what they were, when it was a dry run, and when it was refused", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const operator = yield* account("olga", "operator")
      yield* connected(yield* enrolled({ name: "web1" }))
      const more = ofPlan(yield* operator.gives(restart("web*")))
      const socket = yield* connected(yield* enrolled({ name: "web2" }))
      yield* refused(
        more.planId,
        409,
        /web2 now fits web\* too\. What was proposed is not true any more/u,
        operator.approves(more.planId, more.hash)
      )
      const less = ofPlan(yield* operator.gives(restart("web*")))
      yield* hub.agents.revoke({ params: { agent: "web2" }, payload: {} })
      yield* refused(less.planId, 409, /web2 is not in the fleet any more/u, operator.approves(less.planId, less.hash))
      const dry = ofPlan(yield* operator.gives(restart(), { dryRun: true }))
      yield* refused(dry.planId, 409, /was a dry run/u, operator.approves(dry.planId, dry.hash))
      const no = ofPlan(yield* operator.gives(restart()))
      assert.strictEqual((yield* operator.does("reject", no.planId, { reason: "not now" })).plan?.status, "rejected")
      yield* refused(
        no.planId,
        409,
        /was rejected and cannot be approved any more/u,
        operator.approves(no.planId, no.hash)
      )
      yield* refused(no.planId, 409, /is over|cannot/u, operator.does("cancel", dry.planId))
      assert.lengthOf(socket.requests(), 0)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that nobody approved in time cannot be approved any more", () =>
    Effect.gen(function* () {
      const operator = yield* account("olga", "operator")
      yield* connected(yield* enrolled({ name: "web1" }))
      const clock = yield* Clock.Clock
      const hour = 3_600_000
      const before: Clock.Clock = {
        sleep: (duration) => clock.sleep(duration),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        currentTimeNanos: clock.currentTimeNanos,
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now - hour),
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() - hour
      }
      const { plan } = yield* (yield* Plans)
        .instruct(
          { dryRun: false, meaning: { draft: restart(), origin: { by: "draft" }, understood: [] } },
          { commandId: randomUUID(), actor: "olga", account: "olga" }
        )
        .pipe(Effect.provideService(Clock.Clock, before))
      assert.strictEqual(plan.status, "proposed", plan.question?.reason)
      const { planId, hash } = ofPlan(plan)
      yield* refused(planId, 409, /could be approved until/u, operator.approves(planId, hash))
    }).pipe(
      Effect.provide(Plans.layer.pipe(Layer.provide(FleetLive), Layer.provideMerge(Layer.suspend(() => AgentsTest))))
    )
  )
})

describe("explaining the logs of a plan", () => {
  it.live("is asked of a model by an operator, once at a time, where there are logs", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const operator = yield* account("olga", "operator")
      const viewer = yield* account("vera", "viewer")
      const agent = yield* enrolled({ name: "web1" })
      Object.assign(agent, { hello: { ...agent.hello, actions: [...agent.hello.actions, "log.query"] } })
      const socket = yield* connected(agent)
      const other = ofPlan(yield* operator.gives(restart()))
      yield* refused(other.planId, 409, /has read no logs/u, operator.does("explain", other.planId))
      const { planId } = yield* operator.gives({
        steps: [{ action: "log.query", args: { unit: "nginx.service" }, targets: on("web1") }]
      })
      const { commandId } = yield* Effect.promise(() => socket.request())
      socket.result(commandId, { data: { lines: [{ text: "connect() failed" }] } })
      yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
      yield* refused(planId, 403, /role operator; vera is viewer/u, viewer.does("explain", planId))
      yield* refused(
        planId,
        422,
        /There is no model nonsense/u,
        operator.does("explain", planId, { model: "nonsense" })
      )
      const asked = yield* operator.does("explain", planId, { model: "anthropic/claude-test" })
      assert.strictEqual(asked.status, 200, asked.detail)
      assert.deepInclude(asked.plan?.explanation, { status: "asked", by: "olga", model: "anthropic/claude-test" })
      const before = yield* versionOf(planId)
      assert.strictEqual((yield* operator.does("explain", planId)).status, 200, "a second click")
      assert.strictEqual(yield* versionOf(planId), before)
      // what a worker does, whose own test is beside it
      yield* (yield* Commands).execute({
        decider: planDecider,
        types: planEvents,
        stream: planStream(planId),
        command: {
          _tag: "Explained",
          with: {
            _tag: "LogsExplanationFailed",
            explanationId: asked.plan?.explanation?.explanationId ?? "",
            reason: "The model did not answer."
          }
        },
        commandId: randomUUID(),
        actor: "worker"
      })
      const { plan } = yield* hub.plans.get({ params: { planId } })
      assert.deepInclude(plan.explanation, { status: "failed", reason: "The model did not answer." })
      assert.strictEqual((yield* operator.does("explain", planId)).plan?.explanation?.status, "asked", "once more")
    }).pipe(Effect.provide(AgentsTest))
  )
})
