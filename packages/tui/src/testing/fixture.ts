/**
 * Worlds for tests: logs of recorded events made by the real deciders' events, as a hub would serve them.
 *
 * Owns: an in-memory log with the envelope's fields. Does not own: HTTP (`hub.ts`).
 * Invariants: positions are dense from 1 and versions per stream from 1, as the real log's; time is given, never read.
 */
import type { Schema } from "effect"
import type { HostStatus, ToolInfo } from "@signalbox/core/api/contract.ts"
import { type ConversationEvent, conversationEvents, conversationStream } from "@signalbox/core/conversation/events.ts"
import { type ConversationView, evolveConversation } from "@signalbox/core/conversation/view.ts"
import { type HostEvent, hostEvents, hostStream } from "@signalbox/core/host/events.ts"
import { evolveHost, type HostView, initialHost } from "@signalbox/core/host/view.ts"
import { type PlanEvent, planEvents, planStream } from "@signalbox/core/plan/events.ts"
import { evolvePlan } from "@signalbox/core/plan/evolve.ts"
import type { PlanView } from "@signalbox/core/plan/view.ts"
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { type TaskEvent, taskEvents, taskStream } from "@signalbox/core/task/events.ts"
import { activeStatuses, evolveTask, isSettled, type TaskView } from "@signalbox/core/task/view.ts"

export const noon = Date.parse("2026-11-20T12:00:00.000Z")

export const taskId = (n: number): string => `task-20261120-120000-${n.toString(36).padStart(6, "0")}`

export const chatId = (n: number): string => `chat-20261120-120000-${n.toString(36).padStart(6, "0")}`
export const replyId = (n: number): string => `00000000-0000-4000-9000-${String(n).padStart(12, "0")}`

export class FixtureLog {
  readonly events: Array<RecordedEvent> = []
  readonly tasks = new Map<string, TaskView>()
  readonly hosts = new Map<string, HostView>()
  readonly chats = new Map<string, ConversationView>()
  readonly plans = new Map<string, PlanView>()
  private readonly versions = new Map<string, number>()
  onAppend: (event: RecordedEvent) => void = () => {}

  constructor() {
    const local = initialHost("local")
    if (local !== undefined) this.hosts.set("local", local)
  }

  get head(): number {
    return this.events.length
  }

  append(stream: string, type: string, data: Schema.Json, at: number, actor = "ana"): RecordedEvent {
    const version = (this.versions.get(stream) ?? 0) + 1
    this.versions.set(stream, version)
    const position = this.events.length + 1
    const event: RecordedEvent = {
      position,
      stream,
      version,
      type,
      data,
      actor,
      commandId: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
      correlationId: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
      causationId: null,
      at: new Date(at).toISOString().replace("Z", "000Z"),
      hash: position.toString(16).padStart(64, "0")
    }
    this.events.push(event)
    return event
  }

  task(id: string, event: TaskEvent, at: number, actor = "ana"): RecordedEvent {
    const { type, data } = taskEvents.encode(event)
    const recorded = this.append(taskStream(id), type, data, at, actor)
    const after = evolveTask(this.tasks.get(id), event, recorded)
    if (after !== undefined) this.tasks.set(id, after)
    this.onAppend(recorded)
    return recorded
  }

  host(name: string, event: HostEvent, at: number): RecordedEvent {
    const { type, data } = hostEvents.encode(event)
    const recorded = this.append(hostStream(name), type, data, at)
    const after = evolveHost(this.hosts.get(name), event, recorded)
    if (after !== undefined) this.hosts.set(name, after)
    this.onAppend(recorded)
    return recorded
  }

  chat(id: string, event: ConversationEvent, at: number, actor = "ana"): RecordedEvent {
    const { type, data } = conversationEvents.encode(event)
    const recorded = this.append(conversationStream(id), type, data, at, actor)
    const after = evolveConversation(this.chats.get(id), event, recorded)
    if (after !== undefined) this.chats.set(id, after)
    this.onAppend(recorded)
    return recorded
  }

  plan(id: string, event: PlanEvent, at: number, actor = "ana"): RecordedEvent {
    const { type, data } = planEvents.encode(event)
    const recorded = this.append(planStream(id), type, data, at, actor)
    const after = evolvePlan(this.plans.get(id), event, recorded)
    if (after !== undefined) this.plans.set(id, after)
    this.onAppend(recorded)
    return recorded
  }

  chatEvents(id: string): ReadonlyArray<RecordedEvent> {
    return this.events.filter((event) => event.stream === conversationStream(id))
  }

  /** A conversation: a question and its answer per pair; the last one without an answer leaves its reply open. */
  talk(
    id: string,
    at: number,
    pairs: ReadonlyArray<readonly [question: string, answer?: string]>,
    options: { readonly model?: string; readonly title?: string; readonly price?: number | null } = {}
  ): void {
    const { model = "gemini/gemini-2.5-flash", price = 0.001 } = options
    this.chat(
      id,
      {
        _tag: "ConversationStarted",
        conversationId: id,
        model,
        client: "ana",
        tools: true,
        ...(options.title === undefined ? {} : { title: options.title })
      },
      at
    )
    pairs.forEach(([question, answer], i) => {
      const reply = replyId(Number.parseInt(id.slice(-6), 36) * 1000 + i)
      this.chat(id, { _tag: "MessageSent", text: question }, at + i * 2000)
      this.chat(id, { _tag: "ReplyRequested", replyId: reply, model }, at + i * 2000)
      if (answer !== undefined)
        this.chat(
          id,
          {
            _tag: "ReplyCompleted",
            replyId: reply,
            text: answer,
            stop: "end",
            ...spentCall(model, price)
          },
          at + i * 2000 + 1000,
          "worker"
        )
    })
  }

  /** A task that was created, and where `status` asks for it launched, waiting or ended. */
  make(
    id: string,
    at: number,
    options: {
      readonly status?: "queued" | "running" | "waiting" | "succeeded" | "failed"
      readonly host?: string
      readonly tool?: string
      readonly command?: string
      readonly question?: string
      readonly interactive?: boolean
    } = {}
  ): void {
    const {
      status = "queued",
      host = "local",
      tool = "shell",
      command = `echo ${id}`,
      question = "Proceed? (y/n)"
    } = options
    this.task(
      id,
      {
        _tag: "TaskCreated",
        taskId: id,
        host,
        tool,
        command,
        params: options.interactive === true ? { interactive: true } : {},
        priority: 0,
        after: [],
        sessionId: "5e55"
      },
      at
    )
    if (status === "queued") return
    this.task(id, { _tag: "TaskDispatched" }, at, "worker")
    this.task(id, { _tag: "TaskLaunched", pid: 4242, bootId: "b", adopted: false }, at + 1000, "worker")
    if (status === "waiting")
      this.task(id, { _tag: "TaskObserved", status: "waiting", report: { waiting: question } }, at + 2000, "worker")
    if (status === "succeeded")
      this.task(
        id,
        { _tag: "TaskSucceeded", exitCode: 0, report: { answer: "all good" }, output: {} },
        at + 5000,
        "worker"
      )
    if (status === "failed")
      this.task(
        id,
        { _tag: "TaskFailed", reason: "exit", message: "exit 1: model not configured", exitCode: 1 },
        at + 5000,
        "worker"
      )
  }

  hostStatuses(): ReadonlyArray<HostStatus> {
    const on = (name: string) => [...this.tasks.values()].filter((t) => t.host === name)
    return [...this.hosts.values()]
      .filter((h) => !h.removed)
      .map((h) => ({
        ...h,
        watcher: null,
        tasks: {
          queued: on(h.name).filter((t) => t.status === "queued").length,
          active: on(h.name).filter((t) => activeStatuses.includes(t.status)).length,
          settled: on(h.name).filter((t) => isSettled(t.status)).length
        }
      }))
  }
}

/** What a call to a model took. */
export const spentCall = (model = "gemini/gemini-2.5-flash", price: number | null = 0.001) => ({
  model,
  usage: { inputTokens: 1200, outputTokens: 300 },
  cost: price === null ? null : { usd: price, pricesOf: "2026-11-01" },
  firstTokenMs: 412,
  latencyMs: 1900
})

const tool = (name: string, canResume: boolean, format = "text"): ToolInfo => ({
  name,
  title: name,
  binary: name === "shell" ? null : name,
  format,
  canResume,
  params: {},
  builtIn: true
})
export const tools: ReadonlyArray<ToolInfo> = [
  tool("claude", true, "claude"),
  tool("codex", true, "codex"),
  tool("shell", false)
]

export const web1: HostEvent = {
  _tag: "HostAdded",
  acceptNew: false,
  config: {
    name: "web1",
    kind: "ssh",
    address: "10.0.0.5",
    port: 22,
    user: "deploy",
    tags: ["prod", "web"],
    hostKeys: [],
    defaults: {}
  }
}
export const web1Checked: HostEvent = {
  _tag: "HostChecked",
  report: {
    reachable: true,
    latencyMs: 12,
    os: "Debian GNU/Linux 12",
    load: [0.42, 0.3, 0.2],
    cpus: 4,
    uptimeSeconds: 93_784,
    tmux: "3.3a",
    tools: [
      { name: "claude", version: "2.1.4" },
      { name: "codex", version: null }
    ],
    warnings: ["clock is 4 s behind"]
  }
}
