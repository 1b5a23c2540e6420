import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { withoutModels } from "../../../../test/support/models.ts"
import { DbTest } from "../../../../test/support/database.ts"
import { startSshd } from "../../../../test/support/sshd.ts"
import { until } from "../../../../test/support/until.ts"
import type { HostConfig } from "@signalbox/core/host/config.ts"
import type { HostCommand } from "@signalbox/core/host/decider.ts"
import { layer as eventLogLayer } from "@signalbox/core/log/EventLogLive.ts"
import { runWorker, workerServices } from "../Worker.ts"
import { HostCommands } from "./HostCommands.ts"
import { Transport } from "./Transport.ts"

const services = workerServices({ name: "one" }).pipe(
  Layer.provideMerge(withoutModels),
  Layer.provideMerge(eventLogLayer),
  Layer.provideMerge(DbTest)
)

const sshd = Effect.acquireRelease(
  Effect.promise(() => startSshd()),
  (server) => Effect.promise(() => server.dispose())
)
let told = 0
const tell = (name: string, command: HostCommand) =>
  Effect.flatMap(HostCommands, (commands) => commands.run(name, command, `test/${told++}`))
const exec = (host: HostConfig) => Effect.flatMap(Transport, (transport) => transport.exec(host, "true"))

describe("the connections of a worker", () => {
  it.live(
    "end when their host is removed, and when it has moved, without anybody asking for it",
    () =>
      Effect.gen(function* () {
        const [here, there] = [yield* sshd, yield* sshd]
        const web = here.host("web", { hostKeys: [here.hostKey] })
        const db = here.host("db", { hostKeys: [here.hostKey] })
        for (const config of [web, db]) yield* tell(config.name, { _tag: "Add", config, acceptNew: false })
        yield* Effect.forkScoped(runWorker)
        for (const config of [web, db]) yield* exec(config)
        assert.strictEqual(here.connections(), 2)
        yield* tell("web", { _tag: "Remove" })
        yield* until(
          "that of web has ended",
          Effect.sync(() => here.connections() === 1)
        )
        const moved = { ...db, port: there.port, keyFile: there.keyFile, hostKeys: [there.hostKey] }
        yield* tell("db", { _tag: "Edit", config: moved })
        yield* until(
          "that of db has ended",
          Effect.sync(() => here.connections() === 0)
        )
        yield* exec(moved)
        assert.strictEqual(there.connections(), 1)
        yield* tell("db", { _tag: "RequestCheck" })
        yield* exec(moved)
        assert.strictEqual(there.connections(), 1)
      }).pipe(Effect.scoped, Effect.provide(services)),
    300_000
  )
})
