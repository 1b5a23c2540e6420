import { assert, describe, it } from "@effect/vitest"
import { randomUUID } from "node:crypto"
import { Effect, Fiber, Redacted, Stream } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { HostCommand } from "@signalbox/core/host/decider.ts"
import { hostEvents, hostStream } from "@signalbox/core/host/events.ts"
import { hostDecider } from "@signalbox/core/host/room.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { adminToken, HubTest } from "../../../test/support/hub.ts"
import { streams } from "@signalbox/core/api/contract.ts"
import { HubAddress } from "./HubAddress.ts"

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
      const paths = Object.keys(described.paths)
      assert.includeMembers(paths, ["/api/v1/tasks", "/health", "/metrics"])
      const beside = [
        streams.events,
        streams.conversationImport,
        streams.output("{taskId}"),
        streams.followOutput("{taskId}"),
        streams.report("{name}"),
        streams.conversation("{conversationId}"),
        streams.conversationExport("{conversationId}")
      ]
      assert.includeMembers(paths, beside)
      assert.strictEqual(Object.keys(streams).length, beside.length, "every route beside the contract is described")
      const ids = Array.from((yield* text("/openapi.json")).matchAll(/"operationId":"([^"]+)"/gu), ([, id]) => id)
      assert.strictEqual(new Set(ids).size, ids.length)
      const docs = yield* text("/docs")
      assert.notMatch(docs, /<(script|link)[^>]+(src|href)="https?:/)
      assert.notInclude(docs, Redacted.value(adminToken))
    }).pipe(Effect.provide(HubTest))
  )

  it.live("waits for the worker's visit when a host is looked at or its key is pinned", () =>
    Effect.gen(function* () {
      const hub = yield* HubClient
      const log = yield* EventLog
      const commands = yield* Commands
      yield* hub.hosts.add({ payload: { name: "web1", address: "10.0.0.5" } })
      /** A worker that answers the next wish of this type. */
      const worker = (type: string, command: HostCommand) =>
        log.follow({ stream: hostStream("web1") }).pipe(
          Stream.filter((one) => one._tag === "Event" && one.event.type === type),
          Stream.take(1),
          Stream.runDrain,
          Effect.andThen(
            commands.execute({
              decider: hostDecider("web1"),
              types: hostEvents,
              stream: hostStream("web1"),
              command,
              commandId: randomUUID(),
              actor: "worker:test"
            })
          ),
          Effect.forkChild
        )
      const visit = yield* worker("HostCheckRequested", {
        _tag: "RecordCheck",
        report: { reachable: true, latencyMs: 3, warnings: [] }
      })
      const checked = yield* hub.hosts.check({ params: { name: "web1" }, payload: {} })
      yield* Fiber.join(visit)
      assert.strictEqual(checked.host.report?.latencyMs, 3)
      const refusing = yield* worker("HostKeyAcceptRequested", { _tag: "RefuseKey", reason: "web1 offers no key." })
      const refused = yield* Effect.flip(hub.hosts.acceptKey({ params: { name: "web1" }, payload: {} }))
      yield* Fiber.join(refusing)
      assert.deepStrictEqual([refused._tag, refused.message], ["Rejected", "web1 offers no key."])
      const nowhere = yield* Effect.flip(hub.hosts.check({ params: { name: "nowhere" }, payload: {} }))
      assert.strictEqual(nowhere._tag, "NotFound")
    }).pipe(Effect.provide(HubTest))
  )
})
