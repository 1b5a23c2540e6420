/** `host list`, `show` and `check`. */
import { randomUUID } from "node:crypto"
import { Clock, Effect, Schema } from "effect"
import { HostStatus } from "@signalbox/core/api/contract.ts"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { TaskDefaults } from "@signalbox/core/host/config.ts"
import { age, bytes, duration } from "@signalbox/tui/format.ts"
import { withHub } from "../client/hub.ts"
import { facts, table } from "../client/table.ts"
import { answer, CommandFailed } from "../output.ts"

const encode = Schema.encodeSync(Schema.toCodecJson(HostStatus))
const json = (host: HostStatus): Schema.Json => encode(host) as Schema.Json

export const list = (tag: string | undefined) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const all = (yield* hub.hosts.list()).hosts
      const hosts = tag === undefined ? all : all.filter((host) => host.tags.includes(tag))
      const now = yield* Clock.currentTimeMillis
      yield* answer({ hosts: hosts.map(json) }, () =>
        hosts.length === 0
          ? "No hosts."
          : table(
              [
                { title: "HOST", cell: (host) => host.name, keep: true },
                { title: "STATE", cell: state, color: colorOf },
                { title: "ADDRESS", cell: address },
                { title: "RUNNING", cell: (host) => String(host.tasks.active) },
                { title: "QUEUED", cell: (host) => String(host.tasks.queued) },
                { title: "LOAD", cell: (host) => host.report?.load?.[0]?.toFixed(2) ?? "" },
                { title: "CHECKED", cell: (host) => (host.checkedAt === null ? "never" : age(host.checkedAt, now)) },
                { title: "NOTE", cell: (host) => host.report?.problem ?? host.tags.join(" "), flexible: true }
              ],
              hosts
            )
      )
    })
  )

export const show = (name: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { host } = yield* hub.hosts.get({ params: { name } })
      const now = yield* Clock.currentTimeMillis
      yield* answer(json(host), () => details(host, now))
    })
  )

export const check = (name: string, key: "as-is" | "accept-new" | "replace") =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const commandId = randomUUID()
      if (key !== "as-is")
        yield* hub.hosts.acceptKey({ params: { name }, payload: { commandId, replace: key === "replace" } })
      const { host } = yield* hub.hosts.check({ params: { name }, payload: { commandId: randomUUID() } })
      const now = yield* Clock.currentTimeMillis
      yield* answer(json(host), () => details(host, now))
      if (host.report?.reachable !== true) return yield* Effect.fail(new CommandFailed({ reason: "", code: 1 }))
    })
  )

const state = (host: HostStatus): string =>
  host.report === null ? "unknown" : host.report.reachable ? "ok" : "unreachable"

const colorOf = (host: HostStatus): "red" | "green" | "dim" =>
  host.report === null ? "dim" : host.report.reachable ? "green" : "red"

const address = (host: HostStatus): string =>
  host.kind === "local"
    ? "this machine"
    : `${host.user === undefined ? "" : `${host.user}@`}${host.address}${host.port === 22 ? "" : `:${host.port}`}`

const details = (host: HostStatus, now: number): string => {
  const { report, tasks } = host
  const tools = (report?.tools ?? []).map((tool) => `${tool.name} ${tool.version ?? "missing"}`)
  return facts([
    ["host", host.displayName === undefined ? host.name : `${host.name} (${host.displayName})`],
    ["state", state(host)],
    ["problem", report?.problem ?? host.keyProblem],
    ["checked", host.checkedAt === null ? "never" : `${age(host.checkedAt, now)} ago`],
    ["address", address(host)],
    ["jump", host.jump],
    ["tags", host.tags.join(" ")],
    ["key", host.fingerprint],
    ["tasks", `${tasks.active} running, ${tasks.queued} queued, ${tasks.settled} ended`],
    ["watched by", host.watcher],
    ["system", [report?.os, report?.kernel].filter(Boolean).join(", ")],
    ["user", report?.user],
    ["load", report?.load?.map((one) => one.toFixed(2)).join(" ")],
    ["cpus", report?.cpus],
    [
      "memory",
      report?.memoryTotalBytes === undefined
        ? undefined
        : `${bytes(report.memoryAvailableBytes ?? 0)} free of ${bytes(report.memoryTotalBytes)}`
    ],
    ["disk", report?.diskFreeBytes === undefined ? undefined : `${bytes(report.diskFreeBytes)} free`],
    ["tmux", report?.tmux === null ? "missing" : report?.tmux],
    ["tools", tools.join("\n")],
    ["warnings", report?.warnings.join("\n")],
    ["settings", settings(host.defaults)],
    ...Object.entries(host.tools ?? {}).map(([tool, values]) => [`for ${tool}`, settings(values)] as const)
  ])
}

/** Limits and settings as the flags that made them; of the environment the names only: a value may be nobody else's business. */
const settings = (values: TaskDefaults): string =>
  [
    values.maxTasks === undefined ? [] : [`at most ${values.maxTasks} at once`],
    values.timeoutMs === undefined ? [] : [`timeout ${duration(values.timeoutMs)}`],
    values.idleTimeoutMs === undefined ? [] : [`idle timeout ${duration(values.idleTimeoutMs)}`],
    values.cwd === undefined ? [] : [`directory ${values.cwd}`],
    values.env === undefined ? [] : [`environment ${Object.keys(values.env).join(" ")}`],
    values.preCommand === undefined ? [] : [`first runs ${values.preCommand}`],
    values.args === undefined ? [] : [`arguments ${values.args.join(" ")}`]
  ]
    .flat()
    .join("\n")
