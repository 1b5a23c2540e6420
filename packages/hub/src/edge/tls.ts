/**
 * One port for both: TLS for everybody, plain HTTP for this machine.
 *
 * Owns: who may speak plain text, the handshake and its time limit. Does not own: the certificate (core), what is served.
 * Invariants: another machine never gets an answer in plain text but the sentence that TLS is spoken here; what breaks one handshake
 * touches no other connection.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import { createServer, type TLSSocket } from "node:tls"
import { clientHello, firstByte } from "./first-byte.ts"
import { isLoopback, plainAddress } from "./loopback.ts"
import { contextOf, type ServedCertificate } from "./served-certificate.ts"

const handshakeMs = 10_000
/** As long as node waits for headers. */
const silenceMs = 20_000
const refusal = "This port speaks TLS to other machines: use https."
const refused = `HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: ${refusal.length}\r\n\r\n${refusal}`

/** Takes over what the server does with a new connection. */
export const withTls = (server: Server, certificate: ServedCertificate): Server => {
  const serve = server.listeners("connection")
  const answer = (stream: Socket | TLSSocket): void => {
    for (const one of serve) one.call(server, stream)
  }
  const secure = createServer({ ...contextOf(certificate.now()), handshakeTimeout: handshakeMs }, answer)
  certificate.follow((next) => secure.setSecureContext(contextOf(next)))
  secure.on("tlsClientError", (_, stream) => void stream.destroy())
  server.removeAllListeners("connection")
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => socket.destroy())
    firstByte(socket, silenceMs, (byte) => {
      if (byte === "gone" || byte === undefined) return void socket.destroy()
      if (byte === clientHello) return void secure.emit("connection", socket)
      if (isLoopback(plainAddress(socket.remoteAddress))) return answer(socket)
      socket.end(refused, () => socket.destroy())
    })
  })
  return server
}
