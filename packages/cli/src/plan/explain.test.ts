/** `signalbox plan explain` against a real hub; what a model answers is recorded here as a worker does it, whose own test is beside it. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { planEvents, planStream } from "@signalbox/core/plan/events.ts"
import type { PlanCommand } from "@signalbox/core/plan/decider.ts"
import { planDecider } from "@signalbox/core/plan/room.ts"
import { connected, enrolled, planWhen } from "../../../../test/support/agents.ts"
import { CliAgentsTest, signalbox } from "../../../../test/support/cli.ts"
import { until } from "../../../../test/support/until.ts"

type Told = Extract<PlanCommand, { readonly _tag: "Explained" }>["with"]
type Findings = Omit<Extract<Told, { readonly _tag: "LogsExplained" }>, "explanationId">
type Failure = Omit<Extract<Told, { readonly _tag: "LogsExplanationFailed" }>, "explanationId">

const origin = { by: "model" as const, model: "anthropic/claude-test" }
const found: Findings = {
  _tag: "LogsExplained",
  findings: [{ kind: "network", unit: "nginx.service", count: 2, quote: "connect() failed (111: Connection refused)" }],
  lines: 12,
  unfounded: 1,
  origin
}

/** A plan that has read logs of web1. */
const readLogs = Effect.gen(function* () {
  const agent = yield* enrolled({ name: "web1" })
  Object.assign(agent, { hello: { ...agent.hello, actions: [...agent.hello.actions, "log.query"] } })
  const socket = yield* connected(agent)
  const ran = yield* Effect.forkChild(signalbox("do", "show the last 20 lines of the nginx log on web1", "--json"))
  const { commandId } = yield* Effect.promise(() => socket.request())
  socket.result(commandId, { data: { lines: [{ text: "connect() failed" }] } })
  const { code, out, err } = yield* Fiber.join(ran)
  assert.strictEqual(code, 0, err)
  const { planId }: { readonly planId: string } = JSON.parse(out)
  yield* planWhen(planId, "has succeeded", ({ status }) => status === "succeeded")
  return planId
})

/** `plan explain`, while somebody answers what it asked. */
const explained = (planId: string, answer: Findings | Failure, ...flags: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const asked = yield* Effect.map(log.read({ type: "LogsExplanationRequested" }), (all) => all.length)
    const running = yield* Effect.forkChild(signalbox("plan", "explain", planId, ...flags))
    const { explanationId } = yield* until(
      "a model is asked",
      Effect.map(log.read({ type: "LogsExplanationRequested" }), (all) =>
        all.length > asked ? (all.at(-1)?.data as { readonly explanationId: string }) : undefined
      )
    )
    yield* (yield* Commands).execute({
      decider: planDecider,
      types: planEvents,
      stream: planStream(planId),
      command: { _tag: "Explained", with: { ...answer, explanationId } },
      commandId: randomUUID(),
      actor: "worker"
    })
    return yield* Fiber.join(running)
  })

describe("plan explain", () => {
  it.live("waits for what a model found, and prints it for people and for programs", () =>
    Effect.gen(function* () {
      const planId = yield* readLogs
      const shown = yield* explained(planId, found, "--model", "anthropic/claude-test")
      assert.strictEqual(shown.code, 0, shown.err)
      assert.match(shown.out, /network\s+2\s+nginx\.service\s+connect\(\) failed \(111: Connection refused\)/u)
      assert.match(shown.out, /1 more were left out/u)
      const json = yield* explained(planId, { ...found, findings: [], unfounded: 0 }, "--json")
      assert.deepStrictEqual(JSON.parse(json.out), {
        planId,
        findings: [],
        lines: 12,
        unfounded: 0,
        model: "anthropic/claude-test"
      })
    }).pipe(Effect.provide(CliAgentsTest))
  )

  it.live("says why there is no answer, and where there is nothing to explain", () =>
    Effect.gen(function* () {
      const planId = yield* readLogs
      const failed = yield* explained(planId, {
        _tag: "LogsExplanationFailed",
        reason: "The model did not answer in time."
      })
      assert.strictEqual(failed.code, 1)
      assert.match(failed.err, /The model did not answer in time\./u)
      const unknown = yield* signalbox("plan", "explain", planId, "--model", "nonsense")
      assert.notStrictEqual(unknown.code, 0)
      assert.match(unknown.err, /There is no model nonsense/u)
      const draft = yield* signalbox("do", "restart nginx on web1", "--dry-run", "--json")
      const dry: { readonly planId: string } = JSON.parse(draft.out)
      const nothing = yield* signalbox("plan", "explain", dry.planId)
      assert.strictEqual(nothing.code, 1)
      assert.match(nothing.err, /has read no logs/u)
    }).pipe(Effect.provide(CliAgentsTest))
  )
})
