/** `task message`: a person types into a running task. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/HubConnection.ts"
import { answer } from "../output.ts"
import { stdin } from "./create.ts"

/** From stdin the last newline is not typed: Enter follows anyway. */
export const message = (taskId: string, text: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const said = text === "-" ? (yield* stdin).replace(/\r?\n$/u, "").replaceAll("\r\n", "\n") : text
      const { position } = yield* hub.tasks.message({
        params: { taskId },
        payload: { commandId: randomUUID(), text: said }
      })
      yield* answer({ taskId, position }, () => `${taskId} is being told`)
    })
  )
