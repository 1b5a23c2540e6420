/** Plain instructions at once: what is told is what `do` tells, and what is not for them is left as if they had not been there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { HubAddress } from "@signalbox/hub/HubAddress.ts"
import { AgentsTest, connected, enrolled } from "../../../../test/support/agents.ts"
import type { FakeSocket } from "../../../../test/support/fake-agent.ts"
import { adminToken } from "../../../../test/support/hub.ts"
import { begun } from "./begun.ts"
import { type Here, planNow, type Printed } from "./now.ts"
import { preview } from "./print.ts"

const web1 = Effect.gen(function* () {
  return yield* connected(yield* enrolled({ name: "web1" }))
})
const asked = (...args: ReadonlyArray<string>) => told(args, {})
const within = (momentMs: number, args: ReadonlyArray<string>) => told(args, { momentMs })
const told = (args: ReadonlyArray<string>, here: Partial<Here>) =>
  Effect.gen(function* () {
    const { url } = yield* HubAddress
    const printed: Array<Printed> = []
    const where = { url, token: Redacted.value(adminToken) }
    const done = yield* Effect.promise(() =>
      planNow(args, {
        hubOf: () => where,
        print: (one) => printed.push(one),
        momentMs: 60_000,
        asks: () => false,
        ...here
      })
    )
    return { done, printed: printed[0] }
  })
/** Answers the next command of an agent. */
const answering = (socket: FakeSocket, change: Parameters<FakeSocket["result"]>[1]) =>
  Effect.promise(async () => socket.result((await socket.request()).commandId, change))

describe("an instruction at once", () => {
  it.live("prints what was read, as it is when it is over", () =>
    Effect.gen(function* () {
      const socket = yield* web1
      const answer = yield* Effect.forkChild(answering(socket, { summary: "CPU 12 %\u001b[2J", data: { cpu: 12 } }))
      const { done, printed } = yield* asked("do", "uptime", "of", "all", "servers")
      yield* Fiber.join(answer)
      assert.isTrue(done)
      assert.match(printed?.out ?? "", /^✓ web1 {2}CPU 12 %[^]*\n[^]*cpu[^]*12/u)
      assert.notInclude(printed?.out ?? "", "\u001b")
      assert.match(printed?.err ?? "", /^p-\d{8}-\w{6}: succeeded \(1 succeeded\)\n$/u)
      assert.strictEqual(printed?.code, 0)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("approves what waits and tells a failure with its exit code", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const socket = yield* web1
      const proposed = yield* told(["do", "restart nginx on web1"], { asks: () => true })
      assert.deepStrictEqual(proposed, { done: false, printed: undefined })
      // whoever goes on with it gives the same instruction once more and gets the same plan
      const again = { payload: { commandId: begun() ?? "", text: "restart nginx on web1" } }
      const { plan, position } = yield* hub.plans.give(again)
      const listed = yield* hub.plans
        .list({ query: {} })
        .pipe(Effect.repeat({ until: (known) => known.position >= position })) // the list is a read model
      assert.strictEqual(listed.plans.length, 1)
      const answer = yield* Effect.forkChild(
        answering(socket, { outcome: "failed", summary: "It broke.", proven: false })
      )
      const { done, printed } = yield* asked("plan", "approve", plan.planId)
      yield* Fiber.join(answer)
      assert.deepStrictEqual([done, printed?.code], [true, 1])
      assert.match(printed?.out ?? "", /^✗ web1 {2}It broke\./u)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("shows a proposal where nobody is there to be asked, as `do` shows it, and approves nothing", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      yield* web1
      const { done, printed } = yield* asked("do", "restart nginx on web1 if cpu > 80%")
      assert.isTrue(done)
      const planId = /^It waits for approval: signalbox plan approve (\S+)$/mu.exec(printed?.err ?? "")?.[1] ?? ""
      const { plan } = yield* hub.plans.get({ params: { planId } })
      assert.strictEqual(plan.status, "proposed")
      const first = preview({ ...plan, steps: [] }, 100_000) // what was looked at meanwhile came later
      assert.strictEqual(printed?.err, `${first}\nIt waits for approval: signalbox plan approve ${planId}\n`)
      assert.match(
        printed?.err ?? "",
        /service\.restart nginx\.service[^]*if {7}cpu > 80 %[^]*proof {4}the unit is active/u
      )
      assert.deepStrictEqual([printed?.out, printed?.code], ["", 2])
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("leaves what is not plain, what the hub refuses and what takes its time, without a word", () =>
    Effect.gen(function* () {
      yield* web1
      const left = { done: false, printed: undefined }
      assert.deepStrictEqual(yield* asked("do", "--dry-run", "uptime of all servers"), left)
      assert.deepStrictEqual(yield* asked("plan", "approve", "p-20261121-000000"), left)
      assert.deepStrictEqual(yield* asked("plan", "list"), left)
      assert.deepStrictEqual(yield* within(50, ["do", "uptime of all servers"]), left) // nobody answers
    }).pipe(Effect.provide(AgentsTest))
  )
})
