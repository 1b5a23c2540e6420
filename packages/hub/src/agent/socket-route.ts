/**
 * GET /agents: the WebSocket of agents.
 *
 * Owns: the handshake: who may open it and how often, frame limit, no compression. Does not own: what is said (`AgentSockets.ts`).
 * Invariants: nothing is upgraded without a token that holds; a client that is no WebSocket gets a plain answer.
 */
import { IncomingMessage } from "node:http"
import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import { Clock, Effect, Layer } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { WebSocketServer } from "ws"
import { agentPaths } from "@signalbox/core/agent/enrollment.ts"
import { frameLimit } from "@signalbox/core/agent/protocol.ts"
import { Invalid, Throttled } from "@signalbox/core/api/problems.ts"
import { plainAddress } from "../edge/loopback.ts"
import { AgentSockets } from "./AgentSockets.ts"
import { makeConnects } from "./connects.ts"
import { AgentSignIn } from "./SignIn.ts"

export const agentSocketRoute = Layer.unwrap(
  Effect.gen(function* () {
    const sockets = yield* AgentSockets
    const signIn = yield* AgentSignIn
    const connects = makeConnects()
    const server = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new WebSocketServer({
            noServer: true,
            maxPayload: frameLimit,
            perMessageDeflate: false,
            clientTracking: false
          })
      ),
      (made) => Effect.sync(() => void made.close())
    )
    return HttpRouter.add(
      "GET",
      agentPaths.socket,
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const token = /^Bearer (\S{1,4000})$/u.exec(request.headers["authorization"] ?? "")?.[1] ?? ""
        const agentId = yield* signIn.verify(token)
        const incoming = toIncomingMessage(request)
        if (!(incoming instanceof IncomingMessage) || incoming.headers.upgrade?.toLowerCase() !== "websocket")
          return yield* Effect.fail(new Invalid({ detail: "Agents open a WebSocket here." }))
        if (!connects.allowed(agentId, yield* Clock.currentTimeMillis))
          return yield* Effect.fail(new Throttled({ detail: "This agent connects too often. Wait a minute." }))
        const address = plainAddress(incoming.socket.remoteAddress)
        yield* Effect.callback<void>((resume) => {
          incoming.socket.once("close", () => resume(Effect.void)) // also when the handshake was refused
          server.handleUpgrade(incoming, incoming.socket, Buffer.alloc(0), (socket) => {
            resume(sockets.serve(socket, agentId, address))
          })
        })
        return HttpServerResponse.empty() // to nobody: the connection is gone
      })
    )
  })
)
