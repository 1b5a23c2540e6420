/**
 * What the screens show, as plain data: the same for the live log, for tests and for a replay.
 *
 * Owns: the shape, the order and the counts of tasks. Does not own: getting it (`store.ts`), what a person is doing (`ui.ts`).
 * Invariants: pure; every number is a fold of events; waiting tasks come first, then active, queued and settled ones, each newest first.
 */
import type { HostStatus, ToolInfo } from "@signalbox/core/api/contract.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { activeStatuses, isSettled, type TaskStatus, type TaskView } from "@signalbox/core/task/view.ts"
import { holds } from "./fuzzy.ts"
import { type Ids, idsOf } from "./list.ts"
import type { LogLine } from "./log/lines.ts"
import type { Connection } from "./screen/header.ts"
import type { ChatModel } from "./conversation/model.ts"
import type { AgentModel } from "./agent/AgentStore.ts"
import type { PlanModel } from "./plan/model.ts"

/** `agentAlone`: nobody has added it, so nothing is known but what its agent tells. */
export type Host = HostStatus & { readonly agentAlone?: true }

export interface LogModel {
  readonly taskId: string
  readonly lines: ReadonlyArray<LogLine>
  readonly bytes: number
  readonly state: "loading" | "following" | "ended" | "reconnecting" | "failed"
  readonly problem?: string
  /** The beginning was left out: only the last part was fetched, or old lines fell off. */
  readonly cut: boolean
}

export interface Listed<A> {
  readonly rows: ReadonlyArray<A>
  readonly ids: Ids
  /** Before the filter. */
  readonly total: number
}

export interface Model {
  readonly place: string
  readonly now: number
  readonly connection: Connection
  readonly position: number
  readonly tasks: Listed<TaskView>
  readonly chat: ChatModel
  readonly plans: PlanModel
  readonly agents: AgentModel
  readonly hosts: Listed<Host>
  readonly events: Listed<RecordedEvent>
  readonly counts: { readonly active: number; readonly waiting: number; readonly queued: number }
  /** Ids of what waits for a person: tasks, the longest wait first, then plans, then conversations. */
  readonly waiting: ReadonlyArray<string>
  readonly tools: ReadonlyArray<ToolInfo>
  readonly hostNames: ReadonlyArray<string>
  /** Hosts that are being checked now. */
  readonly checking: ReadonlySet<string>
  readonly log: LogModel | undefined
  /** Every task and host, unfiltered: for the palette. */
  readonly allTasks: ReadonlyArray<TaskView>
  readonly loaded: boolean
}

const group = (status: TaskStatus): number =>
  status === "waiting" ? 0 : activeStatuses.includes(status) ? 1 : isSettled(status) ? 3 : 2

/** True when the place of a task in the list may have changed. */
export const moved = (before: TaskView | undefined, after: TaskView): boolean =>
  before === undefined || group(before.status) !== group(after.status)

export const ordered = (tasks: Iterable<TaskView>): ReadonlyArray<TaskView> =>
  [...tasks].toSorted(
    (a, b) =>
      group(a.status) - group(b.status) ||
      (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : a.taskId < b.taskId ? 1 : -1)
  )

/** What a task has to say in one line: the question, the reason, or what was asked of it. */
export const headline = (task: TaskView): string => {
  if (task.status === "waiting" && task.report.waiting !== undefined) return task.report.waiting
  if (isSettled(task.status) && task.status !== "succeeded" && task.message !== null) return task.message
  return task.command
}

const taskText = (t: TaskView): string =>
  `${t.taskId} ${t.tool} ${t.host} ${t.status} ${t.actor} ${t.command.slice(0, 500)} ${t.message ?? ""} ${t.report.waiting ?? ""}`
const hostText = (h: Host): string => `${h.name} ${h.displayName ?? ""} ${h.address} ${h.kind} ${h.tags.join(" ")}`
export const eventText = (e: RecordedEvent): string =>
  `${e.position} ${e.type} ${e.stream} ${e.actor} ${shortData(e.data, 300)}`

const listed = <A>(
  all: ReadonlyArray<A>,
  filter: string,
  text: (row: A) => string,
  id: (row: A) => string
): Listed<A> => {
  const rows = filter.trim() === "" ? all : all.filter((row) => holds(filter, text(row)))
  return { rows, ids: idsOf(rows, id), total: all.length }
}

export const listTasks = (all: ReadonlyArray<TaskView>, filter: string): Listed<TaskView> =>
  listed(all, filter, taskText, (t) => t.taskId)
export const listHosts = (all: ReadonlyArray<Host>, filter: string): Listed<Host> =>
  listed(all, filter, hostText, (h) => h.name)

/** Positions grow by one, so an unfiltered stretch of the log needs no index. */
export const listEvents = (all: ReadonlyArray<RecordedEvent>, filter: string): Listed<RecordedEvent> => {
  const first = all[0]?.position ?? 0
  if (filter.trim() !== "") return listed(all, filter, eventText, (e) => String(e.position))
  return {
    rows: all,
    total: all.length,
    ids: {
      count: all.length,
      indexOf: (id) => {
        const at = Number(id) - first
        return at >= 0 && at < all.length ? at : -1
      },
      idAt: (i) => String(all[i]?.position ?? "")
    }
  }
}

/** `name: value` pairs of an event's data in one line, no longer than `most` characters. */
export const shortData = (data: unknown, most: number): string => {
  if (typeof data !== "object" || data === null) return String(data).slice(0, most)
  let out = ""
  for (const [name, value] of Object.entries(data)) {
    if (out.length >= most) break
    const text = typeof value === "string" ? value.slice(0, most) : (JSON.stringify(value) ?? "").slice(0, most)
    out += `${out === "" ? "" : "  "}${name}: ${text}`
  }
  return out.slice(0, most)
}
