/** `task attach`: in a file of its own, for it alone needs SSH here. */
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { hostConfig } from "@signalbox/core/host/view.ts"
import { isSettled } from "@signalbox/core/task/view.ts"
import { attach as attachTo } from "@signalbox/worker/host/attach.ts"
import { withHub } from "../client/hub.ts"
import { CommandFailed, cannotTell, failed } from "../output.ts"

/** This terminal becomes the task's tmux session; the exit code is the session's. */
export const attach = (taskId: string) =>
  withHub(
    Effect.gen(function* () {
      if (!process.stdin.isTTY || !process.stdout.isTTY)
        return yield* Effect.fail(cannotTell("Attaching needs a terminal: run it in one."))
      const hub = yield* HubClient
      const { task } = yield* hub.tasks.get({ params: { taskId } })
      if (isSettled(task.status) || task.startedAt === null)
        return yield* Effect.fail(
          failed(`${taskId} is ${task.status.replace("_", " ")}, so it has no session to attach to. See task logs.`)
        )
      const { host } = yield* hub.hosts.get({ params: { name: task.host } })
      const resolve = (name: string) =>
        hub.hosts.get({ params: { name } }).pipe(
          Effect.map((found) => hostConfig(found.host)),
          Effect.catch(() => Effect.succeed(undefined))
        )
      const terminal = {
        stdin: process.stdin,
        stdout: process.stdout,
        ...(process.env["TERM"] === undefined ? {} : { term: process.env["TERM"] })
      }
      const code = yield* attachTo(hostConfig(host), taskId, terminal, { ssh: { resolve } })
      if (code !== undefined && code !== 0) return yield* Effect.fail(new CommandFailed({ reason: "", code: 1 }))
    })
  )
