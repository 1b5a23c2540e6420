/** `host prepare`: a worker sets a host up over SSH, and looks at it. */
import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { withHub } from "../client/hub.ts"
import { answer, CommandFailed, talk } from "../output.ts"

export const prepare = (flags: { readonly name: string; readonly agent: boolean; readonly replace: boolean }) =>
  withHub(
    Effect.gen(function* () {
      const { name } = flags
      const hub = yield* HubClient
      const { host } = yield* hub.hosts.check({ params: { name }, payload: { commandId: randomUUID() } })
      const { report } = host
      const lines = [...(report?.problem === undefined ? [] : [report.problem]), ...(report?.warnings ?? [])]
      const reachable = report?.reachable === true
      if (!reachable || !flags.agent) {
        yield* answer({ host: name, reachable, agent: false, said: lines }, () =>
          reachable && lines.length === 0
            ? `${name} is ready for tasks. With --agent it becomes an agent, too.`
            : lines.join("\n")
        )
        if (!reachable) return yield* Effect.fail(new CommandFailed({ reason: "", code: 1 }))
        return
      }
      yield* talk(`Installing the agent on ${name}…`)
      const { said } = yield* hub.hosts.prepare({
        params: { name },
        payload: { commandId: randomUUID(), ...(flags.replace ? { replace: true } : {}) }
      })
      yield* answer({ host: name, reachable, agent: true, said: [...lines, ...said] }, () =>
        [...lines, ...said].join("\n")
      )
    })
  )
