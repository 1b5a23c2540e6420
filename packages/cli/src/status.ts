/** `signalbox status`: everything at a glance, or one host or task. */
import { Clock, Effect } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import { age } from "@signalbox/tui/format.ts"
import { HubConnection } from "./client/HubConnection.ts"
import { withHub } from "./client/hub.ts"
import { facts } from "./client/table.ts"
import { show as showHost } from "./host/show.ts"
import { answer } from "./output.ts"
import { show as showTask } from "./task/show.ts"

export const status = (name: string | undefined) =>
  name === undefined ? overview : name.startsWith("task-") ? showTask(name) : showHost(name)

const overview = withHub(
  Effect.gen(function* () {
    const hub = yield* HubClient
    const { url } = yield* HubConnection
    const { version } = yield* hub.health()
    const { head, projections, parked } = yield* hub.log.projections()
    const { hosts } = yield* hub.hosts.list()
    const { tasks } = yield* hub.tasks.list({ query: { limit: 1 } })
    const sum = (pick: (host: (typeof hosts)[number]) => number) => hosts.reduce((all, host) => all + pick(host), 0)
    const counts = {
      queued: sum((host) => host.tasks.queued),
      active: sum((host) => host.tasks.active),
      settled: sum((host) => host.tasks.settled)
    }
    const reachable = hosts.filter((host) => host.report?.reachable === true).length
    const behind = Math.max(0, ...projections.map((one) => head - one.position))
    const now = yield* Clock.currentTimeMillis
    const [last] = tasks
    yield* answer(
      {
        hub: url,
        version,
        head,
        behind,
        parked: parked.length,
        hosts: { total: hosts.length, reachable },
        tasks: counts
      },
      () =>
        facts([
          ["hub", `${url} (${version})`],
          ["events", `${head}${behind > 0 ? `, read models ${behind} behind` : ""}`],
          ["parked", parked.length === 0 ? undefined : `${parked.length} events could not be applied`],
          ["hosts", `${hosts.length}, ${reachable} known to be reachable`],
          ["tasks", `${counts.active} running, ${counts.queued} queued, ${counts.settled} ended`],
          [
            "last task",
            last === undefined ? undefined : `${last.taskId}, ${last.status}, ${age(last.createdAt, now)} ago`
          ]
        ])
    )
  })
)
