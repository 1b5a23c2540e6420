/**
 * Taking a port.
 *
 * Owns: which addresses are possible, what happens when the port is taken. Does not own: what is served, TLS (`tls.ts`).
 * Invariants: beyond loopback with TLS only; this machine always finds the hub on loopback, in plain text, whatever other address it
 * serves; a local hub goes on to the next free port, a server's hub says which one is taken and stops.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { createServer as createNetServer, type Server as NetServer } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect, Layer, Schema, type Scope } from "effect"
import { isLoopback, isWildcard } from "./loopback.ts"
import type { ServedCertificate } from "./served-certificate.ts"
import { withTls } from "./tls.ts"

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
  /** Needed beyond loopback. */
  readonly certificate?: ServedCertificate | undefined
}

const attempts = 50

export const listening = (options: ListenOptions) =>
  listenAt(options, options.port, options.mode === "local" ? attempts : 1)

type Listened = Layer.Layer<Layer.Success<ReturnType<typeof NodeHttpServer.layer>>, CannotListen>

const listenAt = (options: ListenOptions, port: number, left: number): Listened => {
  const failed = (code: string): Listened =>
    code === "EADDRINUSE" && left > 1 && port < 65_535
      ? listenAt(options, port + 1, left - 1)
      : refuse(why(options, port, code))
  const on = (server: Server, port: number) =>
    NodeHttpServer.layer(() => server, { host: options.host, port, gracefulShutdownTimeout: "5 seconds" })
  const made = holdEarly(createServer({ requestTimeout: 60_000, headersTimeout: 20_000, maxHeaderSize: 32_768 }))
  if (isLoopback(options.host)) return on(made, port).pipe(Layer.catch((error) => failed(codeOf(error.cause))))
  if (options.certificate === undefined)
    return refuse("Other machines are served with TLS only. Make a certificate with signalbox cert.")
  const server = withTls(made, options.certificate)
  if (isWildcard(options.host)) return on(server, port).pipe(Layer.catch((error) => failed(codeOf(error.cause))))
  return Layer.unwrap(
    Effect.map(onLoopback(server, port), (taken) =>
      on(server, taken).pipe(Layer.catch((error) => failed(codeOf(error.cause))))
    )
  ).pipe(Layer.catch((error) => (error._tag === "CannotListen" ? refuse(error.reason) : failed(codeOf(error)))))
}

const refuse = (reason: string): Listened => Layer.effectContext(Effect.fail(new CannotListen({ reason })))

class LoopbackTaken extends Schema.TaggedError<LoopbackTaken>()("LoopbackTaken", { code: Schema.String }) {}

/** The door for this machine's own programs, at the same port as the other address. */
const onLoopback = (server: Server, port: number): Effect.Effect<number, LoopbackTaken, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<NetServer, LoopbackTaken>((resume) => {
      const door = createNetServer((socket) => void server.emit("connection", socket))
      door.once("error", (error) => resume(Effect.fail(new LoopbackTaken({ code: codeOf(error) }))))
      door.listen({ host: "127.0.0.1", port }, () => resume(Effect.succeed(door)))
    }),
    (door) => Effect.sync(() => void door.close())
  ).pipe(
    Effect.map((door) => {
      const address = door.address()
      return typeof address === "object" && address !== null ? address.port : port
    })
  )

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

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

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
