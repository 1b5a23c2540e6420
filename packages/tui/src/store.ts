/**
 * The terminal's copy of the world: a snapshot, then every event folded by the very functions that the hub folds with.
 *
 * Owns: tasks, hosts, the newest events, the log that is read, and when screens hear of changes.
 * Does not own: conversations (`conversation/ChatStore.ts`), plans (`plan/PlanStore.ts`), fetching (`Hub.ts`), what a person is doing (`ui.ts`).
 * Invariants: an event is folded once, whatever the overlap of snapshot and stream (position for the log, version for a view);
 * memory is bounded: beyond `mostTasks` the oldest settled tasks go, beyond `mostEvents` the oldest events; an event that does
 * not decode is kept in the timeline, counted, and changes nothing else.
 */
import { Result } from "effect"
import type { HostStatus, ToolInfo } from "@signalbox/core/api/contract.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { hostEvents } from "@signalbox/core/host/events.ts"
import { evolveHost } from "@signalbox/core/host/view.ts"
import { taskEvents } from "@signalbox/core/task/events.ts"
import { activeStatuses, evolveTask, isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { type LogModel, type Model, listEvents, listHosts, listTasks, moved, ordered } from "./model.ts"
import type { Connection } from "./screen/header.ts"
import type { ConversationView } from "@signalbox/core/conversation/view.ts"
import { ChatStore } from "./conversation/ChatStore.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import { AgentStore } from "./agent/AgentStore.ts"
import { agentHost } from "./agent/rows.ts"
import { PlanStore } from "./plan/PlanStore.ts"
import { Ticker } from "./ticker.ts"

export interface Snapshot {
  readonly tasks: ReadonlyArray<TaskView>
  readonly chats: ReadonlyArray<ConversationView>
  readonly plans: ReadonlyArray<PlanView>
  readonly agents: ReadonlyArray<AgentInfo>
  readonly hosts: ReadonlyArray<HostStatus>
  readonly tools: ReadonlyArray<ToolInfo>
  readonly events: ReadonlyArray<RecordedEvent>
  /** Everything up to here is in the snapshot. */
  readonly position: number
}

export interface Filters {
  readonly tasks: string
  readonly chats: string
  readonly hosts: string
  readonly plans: string
  readonly timeline: string
  /** Conversations that are archived, and no others. */
  readonly archived?: boolean
}

export class Store {
  readonly ticker: Ticker
  readonly chats: ChatStore
  readonly plans: PlanStore
  readonly agents: AgentStore
  readonly place: string
  position = 0
  connection: Connection = { state: "connecting" }
  log: LogModel | undefined
  loaded = false
  /** Events whose payload this version does not understand. */
  undecodable = 0
  readonly checking = new Set<string>()
  /** Told of a task that the log speaks of and that is not in memory. */
  onUnknownTask: (taskId: string) => void = () => {}
  readonly mostTasks: number
  readonly mostEvents: number

  private readonly tasks = new Map<string, TaskView>()
  private readonly hosts = new Map<string, HostStatus>()
  private tools: ReadonlyArray<ToolInfo> = []
  private events: Array<RecordedEvent> = []
  private eventCap: number
  /** Models share it: a task that keeps its place is replaced in it, for a copy per event would cost more than the fold. */
  private order: Array<TaskView> | undefined
  private orderedIds: Map<string, number> | undefined

  constructor(options: { place?: string; interval?: number; mostTasks?: number; mostEvents?: number } = {}) {
    this.place = options.place ?? ""
    this.ticker = new Ticker(options.interval ?? 100)
    this.chats = new ChatStore(this.ticker)
    this.plans = new PlanStore(this.ticker)
    this.agents = new AgentStore(this.ticker)
    this.mostTasks = options.mostTasks ?? 5000
    this.mostEvents = options.mostEvents ?? 5000
    this.eventCap = this.mostEvents
  }

  get oldestEvent(): number | undefined {
    return this.events[0]?.position
  }
  get taskCount(): number {
    return this.tasks.size
  }
  get eventCount(): number {
    return this.events.length
  }
  task(taskId: string): TaskView | undefined {
    return this.tasks.get(taskId)
  }
  tool(name: string): ToolInfo | undefined {
    return this.tools.find((t) => t.name === name)
  }

  load(snapshot: Snapshot): void {
    for (const task of snapshot.tasks) this.putTask(task)
    for (const chat of snapshot.chats) this.chats.put(chat)
    for (const plan of snapshot.plans) this.plans.put(plan)
    this.agents.set(snapshot.agents)
    this.hosts.clear()
    for (const host of snapshot.hosts) this.hosts.set(host.name, host)
    this.tools = snapshot.tools
    this.events = [...snapshot.events]
    this.position = snapshot.position
    this.loaded = true
    this.trim()
    this.ticker.flush()
  }

  /** Forgets the world, as before the first snapshot. */
  clear(): void {
    this.tasks.clear()
    this.chats.clear()
    this.plans.clear()
    this.agents.clear()
    this.hosts.clear()
    this.checking.clear()
    this.events = []
    this.order = undefined
    this.position = 0
    this.loaded = false
    this.ticker.flush()
  }

  /** One event of the log, in order. Events that were seen already change nothing. */
  apply(event: RecordedEvent): void {
    this.position = Math.max(this.position, event.position)
    const last = this.events.at(-1)
    // A gap cannot be, for positions are dense: after one (events came faster than the page was read) the timeline starts anew.
    if (last !== undefined && event.position > last.position + 1) this.events = [event]
    else if (last === undefined || event.position > last.position) this.events.push(event)
    const [room = "", name = ""] = split(event.stream)
    if (room === "task") this.foldTask(name, event)
    else if (room === "host") this.foldHost(name, event)
    else if (room === "conversation") this.chats.apply(event)
    else if (room === "plan") this.plans.apply(event)
    else if (room === "agent") this.agents.onChanged()
    if (this.events.length > this.eventCap + 500) this.trim()
    this.ticker.touch()
  }

  connected(connection: Connection): void {
    this.connection = connection
    this.ticker.flush()
  }

  putTask(task: TaskView): void {
    const before = this.tasks.get(task.taskId)
    if (before !== undefined && before.version > task.version) return
    this.setTask(task)
    this.ticker.touch()
  }

  putHost(host: HostStatus): void {
    this.hosts.set(host.name, host)
    this.ticker.touch()
  }

  /** Room for older events is four times that of the newest ones; further back one reads with another start. */
  get mayLoadOlder(): boolean {
    return (this.oldestEvent ?? 1) > 1 && this.events.length < this.mostEvents * 4
  }

  /** Older events, read on demand: they end where the ones in memory begin. */
  prepend(older: ReadonlyArray<RecordedEvent>): void {
    const first = this.events[0]?.position
    const fitting = first === undefined ? older : older.filter((e) => e.position < first)
    if (first !== undefined && fitting.at(-1)?.position !== first - 1) return
    this.events = [...fitting, ...this.events]
    this.eventCap = Math.max(this.eventCap, this.events.length)
    this.ticker.flush()
  }

  /** Resolves when the log has been followed to `position`; at the latest after `patience`, for a screen must not hang. */
  reached(position: number, patience = 5000): Promise<void> {
    if (this.position >= position) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        leave()
        resolve()
      }
      const timer = setTimeout(end, patience)
      const leave = this.ticker.subscribe(() => {
        if (this.position >= position) end()
      })
    })
  }

  setLog(log: LogModel | undefined): void {
    this.log = log
    this.ticker.touch()
  }

  model(filters: Filters, now: number): Model {
    const all = this.ordered()
    const waiting = all.filter((t) => t.status === "waiting")
    const hosts = [...this.hosts.values()]
      .filter((h) => !h.removed)
      .toSorted((a, b) => Number(b.kind === "local") - Number(a.kind === "local") || (a.name < b.name ? -1 : 1))
    const agents = this.agents.model
    const alone = [...agents.byHost.values()].filter((agent) => this.hosts.get(agent.host)?.removed !== false)
    const running = all.filter((t) => activeStatuses.includes(t.status)).length
    const plans = this.plans.model(filters.plans, this.agents.vocabulary)
    const chat = this.chats.model(filters.chats, filters.archived === true)
    return {
      place: this.place,
      now,
      connection: this.connection,
      position: this.position,
      tasks: listTasks(all, filters.tasks),
      chat,
      plans,
      agents,
      hosts: listHosts([...hosts.map((h) => this.withCounts(h)), ...alone.map(agentHost)], filters.hosts),
      events: listEvents(this.events, filters.timeline),
      counts: {
        active: running - waiting.length,
        waiting: waiting.length,
        queued: all.filter((t) => t.status === "queued").length
      },
      waiting: [
        ...waiting.toSorted((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1)).map((t) => t.taskId),
        ...plans.waiting,
        ...chat.waiting
      ],
      tools: this.tools,
      hostNames: hosts.map((h) => h.name),
      checking: new Set(this.checking),
      log: this.log,
      allTasks: all,
      loaded: this.loaded
    }
  }

  private foldTask(taskId: string, event: RecordedEvent): void {
    const before = this.tasks.get(taskId)
    if (before !== undefined && event.version <= before.version) return
    const decoded = taskEvents.decode(event)
    if (Result.isFailure(decoded)) return void this.undecodable++
    if (decoded.success === undefined) return
    const after = evolveTask(before, decoded.success, event)
    if (after === undefined) this.onUnknownTask(taskId)
    else this.setTask(after)
  }

  private foldHost(name: string, event: RecordedEvent): void {
    const before = this.hosts.get(name)
    if (before !== undefined && event.version <= before.version) return
    const decoded = hostEvents.decode(event)
    if (Result.isFailure(decoded)) return void this.undecodable++
    if (decoded.success === undefined) return
    if (decoded.success._tag === "HostCheckRequested") this.checking.add(name)
    if (decoded.success._tag === "HostChecked") this.checking.delete(name)
    const after = evolveHost(before, decoded.success, event)
    if (after === undefined) return
    this.hosts.set(name, {
      ...after,
      tasks: before?.tasks ?? { queued: 0, active: 0, settled: 0 },
      watcher: before?.watcher ?? null
    })
  }

  private setTask(after: TaskView): void {
    const before = this.tasks.get(after.taskId)
    if (before !== undefined && !isSettled(before.status) && isSettled(after.status)) {
      const host = this.hosts.get(after.host)
      if (host !== undefined)
        this.hosts.set(host.name, { ...host, tasks: { ...host.tasks, settled: host.tasks.settled + 1 } })
    }
    this.tasks.set(after.taskId, after)
    if (moved(before, after)) this.order = undefined
    else {
      const at = this.orderedIds?.get(after.taskId)
      if (this.order !== undefined && at !== undefined) this.order[at] = after
    }
    if (this.tasks.size > this.mostTasks + 500) this.trim()
  }

  private ordered(): ReadonlyArray<TaskView> {
    if (this.order === undefined) {
      this.order = [...ordered(this.tasks.values())]
      this.orderedIds = new Map(this.order.map((t, i) => [t.taskId, i]))
    }
    return this.order
  }

  private withCounts(host: HostStatus): HostStatus {
    let queued = 0
    let active = 0
    for (const task of this.ordered()) {
      if (isSettled(task.status)) break // settled ones come last
      if (task.host !== host.name) continue
      if (task.status === "queued") queued++
      else active++
    }
    return { ...host, tasks: { ...host.tasks, queued, active } }
  }

  private trim(): void {
    if (this.events.length > this.eventCap) this.events = this.events.slice(-this.eventCap)
    if (this.tasks.size <= this.mostTasks) return
    const kept = this.ordered().slice(0, this.mostTasks)
    const open = this.ordered()
      .slice(this.mostTasks)
      .filter((t) => !isSettled(t.status))
    this.tasks.clear()
    for (const task of [...kept, ...open]) this.tasks.set(task.taskId, task)
    this.order = undefined
  }
}

const split = (stream: string): readonly [string, string] => {
  const slash = stream.indexOf("/")
  return slash < 0 ? [stream, ""] : [stream.slice(0, slash), stream.slice(slash + 1)]
}
