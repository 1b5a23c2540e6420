/** Hosts as a person reads them: a table, or all of one. Loaded only for people. */
import { age, bytes, duration } from "@signalbox/tui/format.ts"
import { facts, table } from "../client/table.ts"
import type { ShownHost, ShownSettings } from "./shape.ts"

export const rows = (hosts: ReadonlyArray<ShownHost>, now: number): string =>
  table(
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

const state = (host: ShownHost): string =>
  host.report === null ? "unknown" : host.report.reachable ? "ok" : "unreachable"

const colorOf = (host: ShownHost): "red" | "green" | "dim" =>
  host.report === null ? "dim" : host.report.reachable ? "green" : "red"

const address = (host: ShownHost): string =>
  host.kind === "local"
    ? "this machine"
    : `${host.user === undefined ? "" : `${host.user}@`}${host.address}${host.port === 22 ? "" : `:${host.port}`}`

export const details = (host: ShownHost, now: number): string => {
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
const settings = (values: ShownSettings): string =>
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
