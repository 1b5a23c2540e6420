/**
 * A hub as an agent sees it, by hand: it enrolls, signs in, takes sockets and signs grants, and tells what came.
 *
 * For tests of the agent alone; the real hub's own tests are beside the real hub.
 */
import { generateKeyPairSync, randomUUID, verify, type KeyObject } from "node:crypto"
import { once } from "node:events"
import * as http from "node:http"
import * as https from "node:https"
import type { Socket } from "node:net"
import { agentPaths, closeCodes, enrollText, sessionText } from "@signalbox/core/agent/enrollment.ts"
import {
  argsHash,
  publicKeyFrom,
  publicKeyText,
  signGrant,
  signRelease,
  type CommandRequest
} from "@signalbox/core/agent/grant.ts"
import { AgentMessage, type CommandResult, type Grant, type HubMessage } from "@signalbox/core/agent/protocol.ts"
import { Schema } from "effect"
import { WebSocketServer, type WebSocket } from "ws"
import { eventually } from "./eventually.ts"

export interface Tls {
  readonly cert: string
  readonly key: string
}

const decodeMessage = Schema.decodeUnknownSync(Schema.fromJsonString(AgentMessage))
export const inviteToken = `sbx_${"a".repeat(43)}`

export class AgentHub {
  readonly keys = generateKeyPairSync("ed25519")
  readonly agentId = randomUUID()
  readonly messages: Array<AgentMessage> = []
  readonly sockets: Array<WebSocket> = []
  /** Whether results are acknowledged. */
  acknowledges = true
  revoked = false
  signIns = 0
  enrolled: string | undefined
  /** So many enrollments are taken, and their answers never arrive. */
  loses = 0
  /** What signing in and enrolling are refused with. */
  refuses: { readonly status: number; readonly body: object } | undefined
  allows: ReadonlyArray<string> = []
  private readonly server: http.Server
  private readonly wss = new WebSocketServer({ noServer: true })
  private readonly open = new Set<Socket>()
  /** Of all that were enrolled here. */
  private readonly known = new Set<string>()
  private readonly nonces = new Set<string>()
  readonly tls: boolean
  private address = ""

  constructor(tls?: Tls) {
    this.tls = tls !== undefined
    this.server =
      tls === undefined
        ? http.createServer((q, a) => this.answer(q, a))
        : https.createServer(tls, (q, a) => this.answer(q, a))
    this.server.on("connection", (socket: Socket) => {
      this.open.add(socket)
      socket.once("close", () => this.open.delete(socket))
    })
    this.server.on("upgrade", (request, socket: Socket, head) => {
      if (
        request.url !== agentPaths.socket ||
        !this.nonces.delete(request.headers.authorization?.slice("Bearer token ".length) ?? "")
      )
        return void socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n")
      this.wss.handleUpgrade(request, socket, head, (socket) => this.connected(socket))
    })
  }

  async listen(port = 0, address = "127.0.0.1"): Promise<this> {
    this.address = address
    this.server.listen(port, address)
    await once(this.server, "listening")
    return this
  }

  get port(): number {
    const address = this.server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  get url(): string {
    return `${this.tls ? "https" : "http"}://${this.address}:${this.port}`
  }

  get publicKey(): KeyObject {
    return this.keys.publicKey
  }

  /** Every connection ends at once, without a farewell. */
  cut(): void {
    for (const socket of this.open) socket.destroy()
  }

  async close(): Promise<void> {
    this.server.close()
    this.cut()
    await eventually("the hub has closed", () => !this.server.listening)
  }

  /** @param change what is amended after signing, or before when it is of the grant */
  request(
    action: string,
    args: CommandRequest["args"],
    change: { readonly grant?: Partial<Grant>; readonly after?: Partial<CommandRequest> } = {}
  ): CommandRequest {
    const commandId = change.grant?.commandId ?? randomUUID()
    const now = Date.now()
    const grant: Grant = {
      v: 1,
      commandId,
      agentId: this.agentId,
      planId: "p-20261121-TEST00",
      planHash: "0".repeat(64),
      action,
      argsHash: argsHash(args),
      notBefore: now - 60_000,
      expiresAt: now + 60_000,
      timeoutMs: change.after?.timeoutMs ?? 30_000,
      ...change.grant
    }
    return {
      _tag: "command_request",
      commandId,
      action,
      args,
      timeoutMs: grant.timeoutMs,
      grant,
      signature: signGrant(grant, this.keys.privateKey),
      ...change.after
    }
  }

  /** @param by another hub's key: a word that nobody believes */
  release(commandId: string, by = this.keys.privateKey): void {
    this.send({ _tag: "guard_released", commandId, signature: signRelease({ agentId: this.agentId, commandId }, by) })
  }

  send(message: HubMessage): void {
    this.sockets.at(-1)?.send(JSON.stringify(message))
  }

  resultsOf(commandId: string): ReadonlyArray<CommandResult> {
    return this.messages.flatMap((one) => (one._tag === "command_result" && one.commandId === commandId ? [one] : []))
  }

  result(commandId: string, timeoutMs = 20_000): Promise<CommandResult> {
    return eventually(`a result of ${commandId}`, () => this.resultsOf(commandId)[0], timeoutMs)
  }

  async connection(number = 1): Promise<void> {
    await eventually(`connection ${number}`, () => this.sockets.length >= number)
    await eventually("hello", () => this.messages.filter((one) => one._tag === "hello").length >= number)
  }

  /** Asks and waits for how it ended. */
  ask(action: string, args: CommandRequest["args"]): Promise<CommandResult> {
    const request = this.request(action, args)
    this.send(request)
    return this.result(request.commandId)
  }

  private connected(socket: WebSocket): void {
    this.sockets.push(socket)
    if (this.revoked) return socket.close(closeCodes.revoked, "revoked")
    socket.on("message", (data: Buffer) => {
      const message = decodeMessage(data.toString())
      this.messages.push(message)
      if (message._tag === "command_result" && this.acknowledges)
        socket.send(JSON.stringify({ _tag: "result_acknowledged", commandId: message.commandId } satisfies HubMessage))
    })
  }

  private answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const parts: Array<Buffer> = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => {
      const { status, body } = this.decide(request.url ?? "", JSON.parse(Buffer.concat(parts).toString() || "{}"))
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    })
  }

  private decide(path: string, body: Record<string, string>): { readonly status: number; readonly body: object } {
    const refuse = (status: number, detail: string) => ({ status, body: { detail } })
    const holds = (text: string, key: string | undefined) => {
      const parsed = publicKeyFrom(key ?? "")
      return (
        parsed !== undefined && verify(null, Buffer.from(text), parsed, Buffer.from(body["signature"] ?? "", "base64"))
      )
    }
    if (this.refuses !== undefined && path !== agentPaths.challenge) return this.refuses
    if (path === agentPaths.enroll) {
      const { token = "", publicKey = "" } = body
      if (token !== inviteToken || !holds(enrollText({ token, publicKey }), publicKey))
        return refuse(403, "No such invite.")
      this.enrolled = publicKey
      this.known.add(publicKey)
      if (this.loses-- > 0) this.cut()
      const hubKey = publicKeyText(this.keys.publicKey)
      return { status: 200, body: { agentId: this.agentId, name: "web1", hubKey, allows: this.allows } }
    }
    if (path === agentPaths.challenge) {
      const nonce = randomUUID()
      this.nonces.add(nonce)
      return { status: 200, body: { nonce } }
    }
    const { agentId = "", nonce = "" } = body
    const known = [...this.known, this.enrolled].some((key) => holds(sessionText({ agentId, nonce }), key))
    if (path !== agentPaths.session || !this.nonces.has(nonce) || !known)
      return refuse(401, "The signature does not hold.")
    this.signIns += 1
    return { status: 200, body: { token: `token ${nonce}` } }
  }
}
