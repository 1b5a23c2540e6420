/** `signalbox status`: everything at a glance, or one host or task. A plain read: nothing of effect is loaded here. */
import { isHosts, show as showHost } from "./host/show.ts"
import type { Ask } from "./read/ask.ts"
import { answer, type Given } from "./read/definition.ts"
import { list, number, record, text } from "./read/shape.ts"
import { show as showTask } from "./task/show.ts"
import { isBriefTask } from "./task/shape.ts"

export const status = (given: Given, ask: Ask, name: string | undefined): AsyncIterable<string> =>
  name === undefined
    ? overview(given, ask)
    : name.startsWith("task-")
      ? showTask(given, ask, name)
      : showHost(given, ask, name)

const isHealth = record({ version: text })
const isProjections = record({
  head: number,
  projections: list(record({ position: number })),
  parked: list(record({}))
})
const isLast = record({ tasks: list(isBriefTask) })

async function* overview(given: Given, ask: Ask): AsyncGenerator<string, void> {
  const [{ version }, { head, projections, parked }, { hosts }, { tasks }] = await Promise.all([
    ask.get("/health", {}, isHealth),
    ask.get("/api/v1/log/projections", {}, isProjections),
    ask.get("/api/v1/hosts", {}, isHosts),
    ask.get("/api/v1/tasks", { limit: 1 }, isLast)
  ])
  const sum = (pick: (host: (typeof hosts)[number]) => number) => hosts.reduce((all, host) => all + pick(host), 0)
  const counts = {
    queued: sum((host) => host.tasks.queued),
    active: sum((host) => host.tasks.active),
    settled: sum((host) => host.tasks.settled)
  }
  const reachable = hosts.filter((host) => host.report?.reachable === true).length
  const behind = Math.max(0, ...projections.map((one) => head - one.position))
  const now = Date.now()
  const [last] = tasks
  yield* answer(
    given,
    () => ({
      hub: ask.url,
      version,
      head,
      behind,
      parked: parked.length,
      hosts: { total: hosts.length, reachable },
      tasks: counts
    }),
    async () => {
      const [{ age }, { facts }] = await Promise.all([import("@signalbox/tui/format.ts"), import("./client/table.ts")])
      return facts([
        ["hub", `${ask.url} (${version})`],
        ["events", `${head}${behind > 0 ? `, read models ${behind} behind` : ""}`],
        ["parked", parked.length === 0 ? undefined : `${parked.length} events could not be applied`],
        ["hosts", `${hosts.length}, ${reachable} known to be reachable`],
        ["tasks", `${counts.active} running, ${counts.queued} queued, ${counts.settled} ended`],
        [
          "last task",
          last === undefined ? undefined : `${last.taskId}, ${last.status}, ${age(last.createdAt, now)} ago`
        ]
      ])
    }
  )
}
