/** Contents of plans reach the agent whole and under the grant, and nobody else. */
import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { planStream } from "@signalbox/core/plan/events.ts"
import { shortCode } from "@signalbox/core/plan/code.ts"
import { Db } from "@signalbox/core/postgres/Db.ts"
import { AgentsTest, enrolled, onlineAs, planWhen } from "../../../../test/support/agents.ts"

const secret = "hunter2-and-more"

const proposed = Effect.gen(function* () {
  const hub = yield* HubClient
  const text = `set db_password to ${secret} in /etc/app.conf on web1`
  const { plan } = yield* hub.plans.give({ payload: { commandId: randomUUID(), text } })
  assert.strictEqual(plan.status, "proposed")
  return { planId: plan.planId, hash: plan.hash ?? "" }
})
const connected = Effect.gen(function* () {
  const agent = yield* enrolled({ name: "web1" })
  const socket = yield* Effect.promise(() => agent.connect())
  socket.beat()
  yield* onlineAs("web1")
  return { agent, socket }
})
const approve = ({ planId, hash }: { readonly planId: string; readonly hash: string }) =>
  Effect.flatMap(HubClient, (hub) =>
    hub.plans.approve({ params: { planId }, payload: { hash, code: shortCode(hash) } })
  )

describe("a secret value", () => {
  it.live("is what the agent gets under the hub's signature, and stands in no event and no answer of the API", () =>
    Effect.gen(function* () {
      const { agent, socket } = yield* connected
      const of = yield* proposed
      yield* approve(of)
      const request = yield* Effect.promise(() => socket.request())
      assert.deepStrictEqual(request.args, { path: "/etc/app.conf", key: "db_password", value: secret })
      assert.isUndefined(agent.refusal(request))
      socket.result(request.commandId, { proven: true, summary: `password=${secret} was set` })
      yield* Effect.promise(() => socket.told("result_acknowledged", request.commandId))
      const plan = yield* planWhen(of.planId, "has succeeded", ({ status }) => status === "succeeded")
      const events = yield* Effect.flatMap(EventLog, (log) => log.read({ stream: planStream(of.planId) }))
      assert.isAbove(events.length, 4)
      assert.notInclude(JSON.stringify([plan, events]), secret)
    }).pipe(Effect.provide(AgentsTest))
  )

  it.live("that was deleted after the approval is not carried out, and its plan says so", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const db = yield* Db
      const { agent, socket } = yield* connected
      socket.raw.terminate()
      // dispatched while nobody is there, then deleted
      const of = yield* proposed
      yield* approve(of)
      yield* planWhen(of.planId, "was dispatched", ({ steps }) => steps[0]?.[0]?.state === "dispatched")
      const other = yield* proposed
      yield* db.query("delete", (sql) => sql`delete from plan.content`)
      const again = yield* Effect.promise(() => agent.connect())
      again.beat()
      yield* onlineAs("web1")
      const { plan } = yield* hub.plans.give({
        payload: { commandId: randomUUID(), text: "what is the cpu usage of web1" }
      })
      const only = yield* Effect.promise(() => again.request())
      assert.deepStrictEqual([only.grant.planId, only.action], [plan.planId, "system.usage"])
      const refused = yield* Effect.flip(approve(other))
      assert.match(refused.message, /deleted or changed since it was proposed/u)
    }).pipe(Effect.provide(AgentsTest))
  )
})
