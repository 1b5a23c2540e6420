import { createServer } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { startSshd } from "../../../../test/support/sshd.ts"
import { until } from "../../../../test/support/until.ts"
import { taskHome } from "../../../../test/support/task-home.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { HostCommands } from "../host/HostCommands.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { TaskCommands } from "./TaskCommands.ts"
import { makeTrouble } from "./trouble.ts"

const recorder = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

/** Takes every connection and ends it at once. @returns how many came */
const hangingUp = Effect.acquireRelease(
  Effect.promise(
    () =>
      new Promise<{ readonly port: number; readonly calls: () => number; readonly close: () => void }>((resolve) => {
        let calls = 0
        const server = createServer((socket) => {
          calls++
          socket.destroy()
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resolve({ port, calls: () => calls, close: () => void server.close() })
        })
      })
  ),
  (server) => Effect.sync(server.close)
)

describe("trouble that lasts", () => {
  it.effect("is said when it begins, changes and ends, and not for a number that counts down", () => {
    const { layer, lines } = recorder()
    return Effect.gen(function* () {
      const trouble = makeTrouble("watching web1", "every few seconds")
      yield* trouble.over
      for (const left of [4, 3, 2]) yield* trouble.met(`web1 is not reachable: refused; tried again in ${left} s`)
      yield* trouble.met("web1 does not accept the key")
      yield* trouble.over
      yield* trouble.over
      yield* trouble.met("web1 does not accept the key")
      const again = "it is tried again every few seconds, and said again when that changes"
      assert.deepStrictEqual(lines, [
        `watching web1: web1 is not reachable: refused; ${again}`,
        `watching web1: web1 does not accept the key; ${again}`,
        "watching web1: it works again",
        `watching web1: web1 does not accept the key; ${again}`
      ])
    }).pipe(Effect.provide(layer))
  })

  it.live(
    "with a host is one line of a worker's log, however often it is tried",
    () => {
      const { layer, lines } = recorder()
      return Effect.gen(function* () {
        const server = yield* hangingUp
        const sshd = yield* Effect.acquireRelease(
          Effect.promise(() => startSshd()),
          (one) => Effect.promise(() => one.dispose())
        )
        const config = sshd.host("web1", { port: server.port, hostKeys: [sshd.hostKey] })
        yield* (yield* HostCommands).run("web1", { _tag: "Add", config, acceptNew: true }, "test")
        const tasks = yield* TaskCommands
        const taskId = "task-20261120-143022-abc123"
        const created = { taskId, host: "web1", tool: "shell", command: "true", params: {}, priority: 0, after: [] }
        yield* tasks.run(taskId, { _tag: "Create", created: { ...created, sessionId: "s" } }, "create")
        yield* tasks.run(taskId, { _tag: "RecordLaunch", pid: 7, bootId: "b", adopted: false }, "launched")
        yield* Effect.forkScoped(runWorker)
        yield* until(
          "it was dialed six times",
          Effect.sync(() => server.calls() >= 6),
          "120 seconds"
        )
        const told = lines.filter((line) => line.startsWith("watching web1"))
        assert.lengthOf(told, 1)
        assert.match(told[0] ?? "", /^watching web1: .*; it is tried again every few seconds/)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.unwrap(Effect.map(taskHome, (localHome) => workerServices({ name: "one", localHome }))).pipe(
            Layer.provideMerge(withoutModels),
            Layer.provideMerge(eventLogLayer),
            Layer.provideMerge(DbTest),
            Layer.provideMerge(layer)
          )
        )
      )
    },
    300_000
  )
})
