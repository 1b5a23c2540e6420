/** Health of this process, and whether it can serve. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { EventLog } from "@signalbox/core/log/EventLog.ts"
import { read } from "./edge/answer.ts"

export const systemLive = (version: string) =>
  HttpApiBuilder.group(
    HubApi,
    "system",
    Effect.fnUntraced(function* (handlers) {
      const log = yield* EventLog
      return handlers.handleAll({
        health: () => Effect.succeed({ status: "ok" as const, version }),
        ready: () => read(Effect.map(log.head, (head) => ({ status: "ready" as const, head })))
      })
    })
  )
