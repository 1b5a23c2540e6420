/**
 * Taking a port.
 *
 * Owns: which addresses are possible, what happens when the port is taken. Does not own: what is served.
 * Invariants: nothing but loopback until there are TLS and sign-in; a local hub goes on to the next free port, a server's hub
 * says which one is taken and stops.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Schema } from "effect"
import type { HttpServerError } from "effect/http"

export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export interface ListenOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** local: the next free port when it is taken. server: an error. */
  readonly mode: "local" | "server"
}

const attempts = 50

export const listening = (options: ListenOptions): ReturnType<typeof listenAt> =>
  isLoopback(options.host)
    ? listenAt(options, options.port, options.mode === "local" ? attempts : 1)
    : Layer.effectContext(
        Effect.fail(
          new CannotListen({
            reason: `SIGNALBOX_HTTP_HOST=${options.host} is not possible: this version serves its own machine only, as 127.0.0.1, ::1 or localhost. Reach it from elsewhere through ssh -L.`
          })
        )
      )

export const isLoopback = (host: string): boolean => /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/i.test(host)

const listenAt = (options: ListenOptions, port: number, left: number) => {
  const server = NodeHttpServer.layer(
    () => holdEarly(createServer({ requestTimeout: 60_000, headersTimeout: 20_000, maxHeaderSize: 32_768 })),
    { host: options.host, port, gracefulShutdownTimeout: "5 seconds" }
  )
  return server.pipe(
    Layer.catch((error): Layer.Layer<Layer.Success<typeof server>, CannotListen> => {
      const code = codeOf(error)
      return code === "EADDRINUSE" && left > 1 && port < 65_535
        ? listenAt(options, port + 1, left - 1)
        : Layer.effectContext(Effect.fail(new CannotListen({ reason: why(options, port, code) })))
    })
  )
}

/** The port is open before the routes are there: what comes in between would never be answered, so it waits for them. */
export const holdEarly = (server: Server): Server => {
  const early: Array<readonly [IncomingMessage, ServerResponse]> = []
  const hold = (request: IncomingMessage, response: ServerResponse): void => void early.push([request, response])
  const served = (event: string | symbol): void => {
    if (event !== "request") return
    server.off("newListener", served)
    server.off("request", hold)
    setImmediate(() => {
      for (const [request, response] of early) server.emit("request", request, response)
    })
  }
  server.on("request", hold)
  server.on("newListener", served)
  return server
}

const codeOf = (error: HttpServerError.ServeError): string => {
  const { cause } = error
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)
}

const why = (options: ListenOptions, port: number, code: string): string => {
  switch (code) {
    case "EADDRINUSE":
      return options.mode === "local"
        ? `The ports ${options.port} to ${port} are all in use by other programs. Choose another with SIGNALBOX_HTTP_PORT.`
        : `Port ${port} is in use by another program. Stop it, or choose another port with SIGNALBOX_HTTP_PORT.`
    case "EACCES":
      return `Port ${port} needs more rights than this user has. Choose one above 1023 with SIGNALBOX_HTTP_PORT.`
    case "EADDRNOTAVAIL":
      return `This machine has no address ${options.host}. Choose another with SIGNALBOX_HTTP_HOST.`
    default:
      return `Port ${port} cannot be taken (${code}). Choose another with SIGNALBOX_HTTP_PORT.`
  }
}
