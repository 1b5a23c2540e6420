/**
 * An agent by hand: it speaks the protocol over real HTTP and a real WebSocket, and does what a test tells it.
 *
 * For tests of the hub; the real agent's own tests are beside the real agent.
 */
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto"
import { agentPaths, enrollText, sessionText } from "@signalbox/core/agent/enrollment.ts"
import { checkGrant, publicKeyFrom, publicKeyText, type CommandRequest } from "@signalbox/core/agent/grant.ts"
import { type AgentHello, type AgentMessage, type CommandResult, HubMessage } from "@signalbox/core/agent/protocol.ts"
import { Schema } from "effect"
import { WebSocket } from "ws"
import { eventually } from "./eventually.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(HubMessage))
const Enrolled = Schema.Struct({ agentId: Schema.String, name: Schema.String, hubKey: Schema.String })
const Nonce = Schema.Struct({ nonce: Schema.String })
const Token = Schema.Struct({ token: Schema.String })

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export class FakeAgent {
  readonly key: KeyObject
  readonly hub: string
  agentId = ""
  name = ""
  hubKey = ""
  readonly hello: AgentHello

  constructor(hub: string, key: KeyObject = generateKeyPairSync("ed25519").privateKey) {
    this.hub = hub
    this.key = key
    this.hello = {
      version: "0.0.1",
      hostname: "fake.example",
      machineId: randomUUID(),
      bootId: randomUUID(),
      os: "Debian GNU/Linux 12 (bookworm)",
      kernel: "6.1.0",
      arch: "x64",
      cpus: 2,
      memoryBytes: 1_000_000_000,
      virtualization: "none",
      allows: [],
      actions: ["system.usage", "service.restart", "service.status", "config.set", "log.query"]
    }
  }

  async post(path: string, body: object): Promise<Answer> {
    const response = await fetch(`${this.hub}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
    return { status: response.status, body: await response.json() }
  }

  signed(text: string): string {
    return sign(null, Buffer.from(text), this.key).toString("base64")
  }

  askToEnroll(token: string, change: object = {}): Promise<Answer> {
    const publicKey = publicKeyText(this.key)
    return this.post(agentPaths.enroll, {
      token,
      publicKey,
      signature: this.signed(enrollText({ token, publicKey })),
      hostname: this.hello.hostname,
      machineId: this.hello.machineId,
      version: "0.0.1",
      ...change
    })
  }

  async enroll(token: string): Promise<this> {
    const { status, body } = await this.askToEnroll(token)
    if (status !== 200) throw new Error(`enroll → ${status} ${JSON.stringify(body)}`)
    const answer = Schema.decodeUnknownSync(Enrolled)(body)
    this.agentId = answer.agentId
    this.name = answer.name
    this.hubKey = answer.hubKey
    return this
  }

  async askForSession(change: object = {}): Promise<Answer> {
    const { nonce } = Schema.decodeUnknownSync(Nonce)(
      (await this.post(agentPaths.challenge, { agentId: this.agentId })).body
    )
    const { agentId } = this
    return this.post(agentPaths.session, {
      agentId,
      nonce,
      signature: this.signed(sessionText({ agentId, nonce })),
      ...change
    })
  }

  async signIn(): Promise<string> {
    const { status, body } = await this.askForSession()
    if (status !== 200) throw new Error(`session → ${status} ${JSON.stringify(body)}`)
    return Schema.decodeUnknownSync(Token)(body).token
  }

  /** @param greets whether it says hello at once */
  async connect(greets = true): Promise<FakeSocket> {
    const socket = await FakeSocket.open(this.hub, await this.signIn())
    if (greets) socket.send({ _tag: "hello", ...this.hello })
    return socket
  }

  /** Why the grant would be refused by the real one. */
  refusal(request: CommandRequest): string | undefined {
    const hubKey = publicKeyFrom(this.hubKey)
    return hubKey === undefined
      ? "no key of the hub"
      : checkGrant(request, { agentId: this.agentId, hubKey, now: Date.now() })
  }
}

export class FakeSocket {
  readonly heard: Array<HubMessage> = []
  /** Whether it answers that a guard is off, as the real one does when that did not come too late. */
  callsOff = true
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly raw: WebSocket

  private constructor(raw: WebSocket) {
    this.raw = raw
    raw.on("message", (data: Buffer) => {
      const message = decode(data.toString())
      this.heard.push(message)
      if (this.callsOff && message._tag === "guard_released")
        this.send({ _tag: "guard_off", commandId: message.commandId })
    })
    raw.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    raw.on("error", () => undefined)
  }

  static open(hub: string, token: string | undefined): Promise<FakeSocket> {
    const raw = new WebSocket(`${hub.replace(/^http/u, "ws")}${agentPaths.socket}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      perMessageDeflate: false
    })
    const socket = new FakeSocket(raw)
    return new Promise((resolve, reject) => {
      raw.once("open", () => resolve(socket))
      raw.once("unexpected-response", (_, response) => reject(new Error(`status ${response.statusCode}`)))
      raw.once("error", reject)
    })
  }

  send(message: AgentMessage): void {
    this.raw.send(JSON.stringify(message))
  }

  beat(cpu = 5): void {
    this.send({
      _tag: "agent_heartbeat",
      sample: { at: Date.now(), cpu, memory: 20, disk: 30, load: 0.1, uptime: 1000 }
    })
  }

  /** Carries out whatever comes as `how` says; undefined: it begins, and `result` says how it ended. */
  answers(how: (request: CommandRequest) => Partial<CommandResult> | undefined): this {
    this.raw.on("message", (data: Buffer) => {
      const message = decode(data.toString())
      if (message._tag !== "command_request") return
      this.send({ _tag: "command_accepted", commandId: message.commandId })
      const change = how(message)
      if (change !== undefined) this.result(message.commandId, change)
    })
    return this
  }

  requests(): ReadonlyArray<CommandRequest> {
    return this.heard.flatMap((one) => (one._tag === "command_request" ? [one] : []))
  }

  /** The nth request, from 1. */
  request(nth = 1): Promise<CommandRequest> {
    return eventually(`request ${nth}`, () => this.requests()[nth - 1])
  }

  result(commandId: string, change: Partial<CommandResult> = {}): void {
    this.send({
      _tag: "command_result",
      commandId,
      outcome: "succeeded",
      summary: "It is done.",
      data: { cpu: 12 },
      startedAt: Date.now() - 5,
      finishedAt: Date.now(),
      ...change
    })
  }

  told(tag: HubMessage["_tag"], commandId: string): Promise<HubMessage> {
    return eventually(`${tag} of ${commandId}`, () =>
      this.heard.find((one) => one._tag === tag && "commandId" in one && one.commandId === commandId)
    )
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    return eventually("the socket's end", () => this.closed)
  }
}
