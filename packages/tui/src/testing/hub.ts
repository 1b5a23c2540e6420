/**
 * A hub for tests on a real socket: the API's routes over an in-memory log, with breaks on demand.
 *
 * Owns: HTTP and Server-Sent Events as the contract names them. Does not own: durability, workers (the real hub's tests).
 * Invariants: decisions are the real deciders'; `id:` and Last-Event-ID as the real hub's; `drop` breaks every stream at once.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Result } from "effect"
import { decideTask, type TaskCommand } from "@signalbox/core/task/decider.ts"
import { isSettled, type TaskStatus } from "@signalbox/core/task/view.ts"
import type { TaskRequest } from "@signalbox/core/api/contract.ts"
import { TestChats } from "./chats.ts"
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import { fleet, TestPlans } from "./plans.ts"
import { FixtureLog, taskId, tools, web1Checked } from "./fixture.ts"

interface Output {
  bytes: Buffer
  readonly listeners: Set<() => void>
}
export const testToken = "token-of-a-test"

export class TestHub {
  log = new FixtureLog()
  readonly chats = new TestChats(this.log)
  readonly plans = new TestPlans(this.log, fleet(Date.now()))
  agents: ReadonlyArray<AgentInfo> = []
  readonly requests: Array<{ readonly method: string; readonly path: string; readonly body: unknown }> = []
  private readonly outputs = new Map<string, Output>()
  private readonly streams = new Set<ServerResponse>()
  private readonly server: Server
  /** Tasks whose output is asked for before the read model has seen them: the next question is answered 404. */
  readonly unseen = new Set<string>()
  private nextTask = 900_000
  url = ""

  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response))
    this.listen()
  }

  /** The hub comes back with an empty database. */
  forget(): void {
    this.log = new FixtureLog()
    this.chats.log = this.log
    this.plans.log = this.log
    this.listen()
  }

  private listen(): void {
    this.log.onAppend = (event) => {
      const frame = `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
      for (const stream of this.streams) stream.write(frame)
      this.chats.onEvent(event)
      for (const output of this.outputs.values()) for (const tell of output.listeners) tell()
    }
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve))
    const address: AddressInfo | string | null = this.server.address()
    if (address === null || typeof address === "string") throw new Error("no address")
    this.url = `http://127.0.0.1:${address.port}`
    return this.url
  }

  /** Breaks every connection, and refuses new ones until `start` with the same port. */
  async drop(): Promise<number> {
    const { port } = new URL(this.url)
    const closed = new Promise((resolve) => this.server.close(resolve))
    this.server.closeAllConnections()
    this.streams.clear()
    await closed
    return Number(port)
  }

  async stop(): Promise<void> {
    if (this.server.listening) await this.drop()
  }

  write(id: string, text: string | Uint8Array): void {
    const output = this.output(id)
    output.bytes = Buffer.concat([output.bytes, Buffer.from(text)])
    for (const tell of output.listeners) tell()
  }

  private output(id: string): Output {
    let output = this.outputs.get(id)
    if (output === undefined) this.outputs.set(id, (output = { bytes: Buffer.alloc(0), listeners: new Set() }))
    return output
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://hub")
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array))
    const text = Buffer.concat(chunks).toString()
    const body: unknown = text === "" ? undefined : JSON.parse(text)
    const method = request.method ?? "GET"
    this.requests.push({ method, path: url.pathname, body })
    const json = (status: number, value: unknown): void => {
      response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json" })
      response.end(JSON.stringify(value))
    }
    const problem = (status: number, type: string, detail: string, more = {}): void =>
      json(status, { type: `urn:signalbox:${type}`, status, title: type, detail, ...more })
    if (request.headers.authorization !== `Bearer ${testToken}`)
      return problem(401, "unauthorized", "This token is not known here.")
    const [, , , room = "", name = "", verb = "", last = ""] = url.pathname.split("/")
    const position = this.log.head
    if (room === "events") return this.follow(request, response)
    if (room === "conversations" || room === "models")
      return this.chats.answer(request, response, url, body, { json, problem })
    if (room === "agents") return json(200, { agents: this.agents })
    if (room === "plans") return this.plans.http(method, [name, verb, last], url.searchParams, body, { json, problem })
    if (room === "tools") return json(200, { tools })
    if (room === "log") return json(200, { events: this.page(url.searchParams), head: position })
    if (room === "hosts") {
      if (method === "GET") return json(200, { hosts: this.log.hostStatuses(), position })
      if (verb === "check") {
        this.log.host(name, web1Checked, Date.now())
        return json(200, { host: this.log.hostStatuses().find((h) => h.name === name), position: this.log.head })
      }
      if (method === "DELETE") {
        this.log.host(name, { _tag: "HostRemoved" }, Date.now())
        return json(200, { position: this.log.head })
      }
      const {
        commandId: _,
        acceptNew,
        ...config
      } = body as { commandId: string; acceptNew: boolean; name: string; address: string }
      if (this.log.hosts.get(config.name)?.removed === false)
        return problem(409, "rejected", `There is a host ${config.name} already.`)
      const whole = { kind: "ssh" as const, port: 22, tags: [], hostKeys: [], defaults: {}, ...config }
      this.log.host(config.name, { _tag: "HostAdded", acceptNew, config: whole }, Date.now())
      return json(201, { position: this.log.head })
    }
    if (room !== "tasks") return problem(404, "not-found", "No such thing.", { what: url.pathname })
    if (name === "" && method === "GET") {
      const statuses = url.searchParams.getAll("status") as ReadonlyArray<TaskStatus>
      const all = [...this.log.tasks.values()].filter((t) => statuses.length === 0 || statuses.includes(t.status))
      return json(200, { tasks: all.toReversed().slice(0, Number(url.searchParams.get("limit") ?? 100)), position })
    }
    if (name === "") return json(201, { taskId: this.create(body as TaskRequest), position: this.log.head })
    const task = this.log.tasks.get(name)
    if (task === undefined) return problem(404, "not-found", `There is no task ${name}.`, { what: name })
    if (verb === "") return json(200, { task, position })
    if (verb === "output") {
      if (this.unseen.delete(name)) return problem(404, "not-found", `There is no task ${name}.`, { what: name })
      const key = url.searchParams.get("stream") === "err" ? `${name}/err` : name
      const { bytes } = this.output(key)
      if (last === "follow")
        return this.followOutput(request, response, name, key, Number(url.searchParams.get("from") ?? 0))
      response.writeHead(200, { "x-next-byte": String(bytes.length), "x-task-status": task.status })
      return void response.end(bytes)
    }
    if (verb === "kill") {
      const refused = this.decide(name, { _tag: "RequestKill", reason: "person", graceMs: 5000 })
      return refused === undefined ? json(200, { position: this.log.head }) : problem(409, "rejected", refused)
    }
    if (verb === "message") {
      const { text } = body as { text: string }
      const refused = this.decide(name, { _tag: "SendMessage", text, continues: task.tool !== "shell" })
      return refused === undefined ? json(200, { position: this.log.head }) : problem(409, "rejected", refused)
    }
    return json(201, {
      taskId: this.create({ ...task, command: verb === "resume" ? (body as { text: string }).text : task.command }),
      position: this.log.head
    })
  }

  private create(request: TaskRequest): string {
    const id = taskId(this.nextTask++)
    this.log.make(id, Date.now(), { host: request.host, tool: request.tool, command: request.command })
    return id
  }

  /** The reason of a rejection. */
  private decide(id: string, command: TaskCommand): string | undefined {
    const decided = decideTask(this.log.tasks.get(id), command)
    if (Result.isFailure(decided)) return decided.failure.message
    for (const event of decided.success) this.log.task(id, event, Date.now())
    return undefined
  }

  private page(query: URLSearchParams): ReadonlyArray<unknown> {
    const limit = Number(query.get("limit") ?? 100)
    const before = query.get("before")
    if (before === null) return this.log.events.slice(Number(query.get("from") ?? 1) - 1).slice(0, limit)
    return this.log.events.slice(Math.max(0, Number(before) - 1 - limit), Number(before) - 1)
  }

  private follow(request: IncomingMessage, response: ServerResponse): void {
    const after = Number(request.headers["last-event-id"] ?? 0)
    if (after > this.log.head) {
      const detail = `The log ends at position ${this.log.head}.`
      response.writeHead(422, { "content-type": "application/problem+json" })
      return void response.end(JSON.stringify({ type: "urn:signalbox:invalid", status: 422, title: "Invalid", detail }))
    }
    response.writeHead(200, { "content-type": "text/event-stream" })
    for (const event of this.log.events.slice(after))
      response.write(`id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    response.write(`event: caught-up\ndata: ${this.log.head}\n\n`)
    this.streams.add(response)
    response.on("close", () => this.streams.delete(response))
  }

  private followOutput(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    key: string,
    from: number
  ): void {
    const output = this.output(key)
    let at = Number(request.headers["last-event-id"] ?? from)
    response.writeHead(200, { "content-type": "text/event-stream" })
    const send = (): void => {
      if (at < output.bytes.length) {
        const base64 = output.bytes.subarray(at).toString("base64")
        response.write(`id: ${output.bytes.length}\nevent: chunk\ndata: ${JSON.stringify({ from: at, base64 })}\n\n`)
        at = output.bytes.length
      }
      const task = this.log.tasks.get(id)
      if (task === undefined || !isSettled(task.status)) return
      response.end(`event: end\ndata: ${JSON.stringify({ status: task.status, exitCode: task.exitCode })}\n\n`)
      output.listeners.delete(send)
    }
    output.listeners.add(send)
    response.on("close", () => output.listeners.delete(send))
    response.write(": hello\n\n")
    send()
  }
}
