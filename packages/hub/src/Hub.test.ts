import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { adminToken, HubTest } from "../../../test/support/hub.ts"
import { HubAddress } from "./Hub.ts"

describe("the hub", () => {
  it.live("makes a task, shows it, lists it, and kills it", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const made = yield* hub.tasks.create({ payload: { host: "local", tool: "shell", command: "echo hello" } })
      assert.match(made.taskId, /^task-\d{8}-\d{6}-[a-z0-9]{6}$/)
      const { task, position } = yield* hub.tasks.get({ params: { taskId: made.taskId } })
      assert.isAtLeast(position, made.position)
      assert.strictEqual(task.status, "queued")
      assert.strictEqual(task.actor, "local-admin")
      const list = yield* hub.tasks.list({ query: {} })
      assert.deepStrictEqual(
        list.tasks.map((one) => [one.taskId, one.command]),
        [[made.taskId, "echo hello"]]
      )
      const killed = yield* hub.tasks.kill({ params: { taskId: made.taskId }, payload: {} })
      assert.isAbove(killed.position, made.position)
      assert.strictEqual((yield* hub.tasks.get({ params: { taskId: made.taskId } })).task.status, "killed")
      const again = yield* Effect.flip(hub.tasks.kill({ params: { taskId: made.taskId }, payload: {} }))
      assert.strictEqual(again._tag, "Rejected")
    }).pipe(Effect.provide(HubTest))
  )

  it.live("answers health, readiness, metrics, its description and its docs without a token", () =>
    Effect.gen(function* () {
      const { url } = yield* HubAddress
      const hub = yield* HubClient
      assert.deepStrictEqual(yield* hub.health(), { status: "ok", version: "1.2.3" })
      assert.strictEqual((yield* hub.ready()).status, "ready")
      const text = (path: string) => Effect.promise(() => fetch(`${url}${path}`).then((response) => response.text()))
      assert.match(yield* text("/metrics"), /^signalbox_log_position 0$/m)
      const described: { openapi: string; paths: object } = JSON.parse(yield* text("/openapi.json"))
      assert.match(described.openapi, /^3\.1/)
      assert.includeMembers(Object.keys(described.paths), ["/api/v1/tasks", "/health"])
      const docs = yield* text("/docs")
      assert.notMatch(docs, /<(script|link)[^>]+(src|href)="https?:/)
      assert.notInclude(docs, Redacted.value(adminToken))
    }).pipe(Effect.provide(HubTest))
  )
})
