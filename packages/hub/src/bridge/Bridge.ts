/**
 * The line protocol on a TCP port, with TLS, for `nc`, `openssl s_client` and `signalbox bridge connect`.
 *
 * Owns: listening, telling TLS from plain text, how many connections there may be, their end. Does not own: the talk (`session.ts`).
 * Invariants: without TLS nothing is served beyond loopback; one client's trouble is its own: whatever it sends, it cannot end
 * another's session or the server; when the server stops, clients are told.
 */
import { createServer, type Server, type Socket } from "node:net"
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls"
import { Cause, Context, DateTime, Deferred, Effect, FiberSet, Layer } from "effect"
import { clientHello, firstByte } from "../edge/first-byte.ts"
import { CannotListen } from "../edge/listen.ts"
import { isLoopback, plainAddress } from "../edge/loopback.ts"
import { Draining } from "../edge/Draining.ts"
import { contextOf, type ServedCertificate } from "../edge/served-certificate.ts"
import type { Peer } from "./Peer.ts"
import { runSession } from "./session.ts"
import { makeWire, type WireLimits } from "./wire.ts"

export interface BridgeOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** local: the next free port when it is taken. server: an error. */
  readonly mode: "local" | "server"
  /** Undefined: plain text only, and loopback only. */
  readonly certificate: ServedCertificate | undefined
  /** Whether this machine's clients talk to models before they sign in. */
  readonly open: boolean
}

/** Where it listens in fact; null: there is no bridge. */
export class BridgeAddress extends Context.Service<
  BridgeAddress,
  {
    readonly at: {
      readonly host: string
      readonly port: number
      readonly tls: boolean
      /** Of the certificate it serves with. */
      readonly fingerprint?: string
    } | null
  }
>()("@signalbox/hub/bridge/BridgeAddress") {
  static readonly none: Layer.Layer<BridgeAddress> = Layer.succeed(BridgeAddress, BridgeAddress.of({ at: null }))
}

export interface BridgeLimits extends WireLimits {
  readonly connections: number
  /** Per address beyond this machine. */
  readonly perAddress: number
  /** How long a client may take to begin TLS, or to show that it does not. */
  readonly handshakeMs: number
  /** A client that says nothing for so long at first speaks plain text: it waits for the greeting. */
  readonly plainMs: number
}
export const BridgeLimits = Context.Reference<BridgeLimits>("@signalbox/hub/bridge/BridgeLimits", {
  defaultValue: () => ({
    line: 65_536,
    ahead: 64,
    perSecond: 20,
    burst: 200,
    stallMs: 30_000,
    connections: 2_000,
    perAddress: 64,
    handshakeMs: 10_000,
    plainMs: 300
  })
})

const attempts = 50

export const bridgeLayer = (options: BridgeOptions, version: string) =>
  Layer.effect(
    BridgeAddress,
    Effect.gen(function* () {
      const limits = yield* BridgeLimits
      const draining = yield* Draining
      const loopback = isLoopback(options.host)
      if (!loopback && options.certificate === undefined)
        return yield* Effect.fail(
          new CannotListen({
            reason: "The bridge serves other machines with TLS only. Make a certificate with signalbox cert."
          })
        )
      const { certificate } = options
      let secure = certificate === undefined ? undefined : createSecureContext(contextOf(certificate.now()))
      certificate?.follow((next) => (secure = createSecureContext(contextOf(next))))
      const doors = makeDoors(limits)
      const talk = Effect.fnUntraced(function* (socket: Socket, address: string) {
        const local = isLoopback(address)
        const stream = yield* secured(socket, { secure, plainAllowed: local, limits })
        if (stream === undefined) return
        const peer: Peer = {
          address,
          port: socket.remotePort ?? 0,
          connectedAt: DateTime.formatIso(yield* DateTime.now),
          trusted: local && options.open,
          tls:
            stream instanceof TLSSocket
              ? { version: stream.getProtocol() ?? "TLS", cipher: stream.getCipher().name }
              : null,
          account: undefined
        }
        const wire = makeWire(stream, limits)
        const farewell = yield* runSession(wire, peer, version).pipe(
          Effect.raceFirst(Effect.as(Deferred.await(draining), "The server is stopping. Come back later.\n")),
          Effect.raceFirst(Effect.as(wire.closed, ""))
        )
        yield* wire.end(farewell)
      })
      const serve = (socket: Socket) => {
        const address = plainAddress(socket.remoteAddress)
        return Effect.acquireUseRelease(
          Effect.sync(() => doors.enter(address)),
          (entered) =>
            entered
              ? talk(socket, address)
              : Effect.sync(() => void socket.end("Too many connections. Come back later.\n")),
          (entered) => Effect.sync(() => (entered ? doors.leave(address) : undefined))
        ).pipe(
          Effect.catchCause((cause) =>
            Cause.hasInterruptsOnly(cause)
              ? Effect.void
              : Effect.logWarning(`a bridge session of ${address} broke off`, cause)
          ),
          Effect.ensuring(Effect.sync(() => void setTimeout(() => socket.destroy(), 1_000).unref()))
        )
      }
      const run = yield* FiberSet.makeRuntime<Effect.Services<ReturnType<typeof serve>>>()
      const server = createServer(
        { pauseOnConnect: true, allowHalfOpen: true, noDelay: true, keepAlive: true },
        (socket) => {
          socket.on("error", () => socket.destroy())
          run(serve(socket))
        }
      )
      const port = yield* listenOn(server, options, options.port, options.mode === "local" ? attempts : 1)
      yield* Effect.addFinalizer(() =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
        }).pipe(Effect.timeoutOption("3 seconds"))
      )
      // such as no file descriptor for one more client: that one waits, the others go on
      server.on(
        "error",
        (error) => void run(Effect.logWarning(`the bridge did not take a connection: ${error.message}`))
      )
      const shown = certificate === undefined ? {} : { fingerprint: certificate.now().fingerprint }
      return BridgeAddress.of({ at: { host: options.host, port, tls: secure !== undefined, ...shown } })
    })
  )

/** How many may come in: in all, and from one other machine. */
export const makeDoors = (limits: Pick<BridgeLimits, "connections" | "perAddress">) => {
  const inside = new Map<string, number>()
  let all = 0
  return {
    enter: (address: string): boolean => {
      const now = inside.get(address) ?? 0
      if (all >= limits.connections || (!isLoopback(address) && now >= limits.perAddress)) return false
      all++
      inside.set(address, now + 1)
      return true
    },
    leave: (address: string): void => {
      all--
      const left = (inside.get(address) ?? 1) - 1
      if (left > 0) inside.set(address, left)
      else inside.delete(address)
    },
    /** How many are known. */
    addresses: (): number => inside.size
  }
}

/** The stream to talk over; undefined: the client went, or began neither. */
const secured = (
  socket: Socket,
  options: {
    readonly secure: SecureContext | undefined
    readonly plainAllowed: boolean
    readonly limits: BridgeLimits
  }
): Effect.Effect<Socket | TLSSocket | undefined> =>
  Effect.gen(function* () {
    const { secure, plainAllowed, limits } = options
    const waitMs = plainAllowed ? limits.plainMs : limits.handshakeMs
    const first = yield* Effect.callback<number | undefined | "gone">((resume) => {
      const stop = firstByte(socket, waitMs, (byte) => resume(Effect.succeed(byte)))
      return Effect.sync(stop)
    })
    if (first === "gone") return undefined
    if (first === clientHello && secure !== undefined) return yield* handshake(socket, secure, limits.handshakeMs)
    if (first === clientHello) {
      socket.end("This server speaks plain text here; it has no certificate (signalbox cert).\n")
      return undefined
    }
    if (plainAllowed) return socket
    socket.end("This server speaks TLS here: use openssl s_client, or signalbox bridge connect.\n")
    return undefined
  })

const handshake = (socket: Socket, secure: SecureContext, waitMs: number): Effect.Effect<TLSSocket | undefined> =>
  Effect.callback((resume) => {
    const stream = new TLSSocket(socket, { isServer: true, secureContext: secure })
    const done = (found: TLSSocket | undefined): void => {
      clearTimeout(timer)
      if (found === undefined) stream.destroy()
      resume(Effect.succeed(found))
    }
    const timer = setTimeout(() => done(undefined), waitMs)
    stream.on("error", () => done(undefined)) // stays: what breaks later is found by the wire
    stream.once("close", () => done(undefined))
    stream.once("secure", () => done(stream))
    return Effect.sync(() => clearTimeout(timer))
  })

const listenOn = (
  server: Server,
  options: BridgeOptions,
  port: number,
  left: number
): Effect.Effect<number, CannotListen> =>
  Effect.callback<number, NodeJS.ErrnoException>((resume) => {
    const failed = (error: NodeJS.ErrnoException): void => resume(Effect.fail(error))
    server.once("error", failed)
    server.listen({ host: options.host, port, backlog: 1024 }, () => {
      server.off("error", failed)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  }).pipe(
    Effect.catch((error) =>
      error.code === "EADDRINUSE" && left > 1 && port < 65_535
        ? listenOn(server, options, port + 1, left - 1)
        : Effect.fail(new CannotListen({ reason: why(options, port, error.code ?? error.message) }))
    )
  )

const why = (options: BridgeOptions, port: number, code: string): string => {
  const mend = "Choose another with SIGNALBOX_BRIDGE_PORT."
  if (code === "EADDRINUSE") return `The bridge's port ${port} is in use by another program. ${mend}`
  if (code === "EACCES") return `The bridge's port ${port} needs more rights than this user has. ${mend}`
  return `The bridge cannot listen on ${options.host} port ${port} (${code}). ${mend}`
}
