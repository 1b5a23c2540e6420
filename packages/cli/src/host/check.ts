/** `host check`: a worker looks at a host now. */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Schema } from "effect"
import { HostStatus } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { answer, CommandFailed } from "../output.ts"
import { details } from "./screen.ts"

const encode = Schema.encodeSync(Schema.toCodecJson(HostStatus))

export const check = (name: string, key: "as-is" | "accept-new" | "replace") =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const commandId = randomUUID()
      if (key !== "as-is")
        yield* hub.hosts.acceptKey({ params: { name }, payload: { commandId, replace: key === "replace" } })
      const { host } = yield* hub.hosts.check({ params: { name }, payload: { commandId: randomUUID() } })
      const now = yield* Clock.currentTimeMillis
      yield* answer(encode(host) as Schema.Json, () => details(host, now))
      if (host.report?.reachable !== true) return yield* Effect.fail(new CommandFailed({ reason: "", code: 1 }))
    })
  )
