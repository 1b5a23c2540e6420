/** `task kill` and `wait`. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { answer } from "../output.ts"
import { waitForAll } from "./wait.ts"

export const kill = (taskIds: ReadonlyArray<string>, graceMs: number | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const done = yield* Effect.forEach(
        taskIds,
        (taskId) =>
          hub.tasks
            .kill({
              params: { taskId },
              payload: { commandId: randomUUID(), ...(graceMs === undefined ? {} : { graceMs }) }
            })
            .pipe(Effect.map(({ position }) => ({ taskId, position }))),
        { concurrency: 8 }
      )
      const [only] = done
      yield* answer(done.length === 1 && only !== undefined ? only : { tasks: done }, () =>
        done.map(({ taskId }) => `${taskId} is being ended`).join("\n")
      )
    })
  )

export const wait = (taskIds: ReadonlyArray<string>, timeoutMs: number | undefined) =>
  withHub(waitForAll(taskIds, timeoutMs))
