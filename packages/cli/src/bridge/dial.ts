/**
 * Reaching a bridge: TCP, TLS, and whether it is the one that it was.
 *
 * Owns: the connection until it may be used, and the sentence when it may not. Does not own: the talk (`connect.ts`), the pins.
 * Invariants: nothing is sent to a server whose certificate is not the pinned one; no certificate is trusted by silence.
 */
import { connect as connectTcp, type Socket } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"
import { Context, Effect } from "effect"
import { type CommandFailed, cannotTell, failed } from "../output.ts"

export interface Place {
  readonly host: string
  readonly port: number
}
/** Milliseconds until an answer. */
export const Patience = Context.Reference<number>("@signalbox/cli/bridge/Patience", { defaultValue: () => 30_000 })

export const dialPlain = ({ host, port }: Place): Effect.Effect<Socket, CommandFailed> =>
  settled({ host, port }, "connect", () => connectTcp({ host, port }))

/** @returns the encrypted connection and the fingerprint that it showed */
export const dialTls = (
  place: Place
): Effect.Effect<{ readonly socket: TLSSocket; readonly shown: string }, CommandFailed> =>
  settled(place, "secureConnect", () =>
    connectTls({
      ...place,
      servername: /^[\d.:]+$/u.test(place.host) ? "" : place.host,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2"
    })
  ).pipe(Effect.map((socket) => ({ socket, shown: socket.getPeerCertificate().fingerprint256 })))

const settled = <S extends Socket>(place: Place, event: "connect" | "secureConnect", open: () => S) =>
  Effect.flatMap(Patience, (patienceMs) => opened(place, event, open, patienceMs))

const opened = <S extends Socket>(
  place: Place,
  event: "connect" | "secureConnect",
  open: () => S,
  patienceMs: number
) =>
  Effect.callback<S, CommandFailed>((resume) => {
    const socket = open()
    const stop = (): void => {
      clearTimeout(timer)
      socket.off("error", broken)
      socket.off("close", closed)
    }
    const no = (error: CommandFailed): void => {
      stop()
      socket.on("error", () => {})
      socket.destroy()
      resume(Effect.fail(error))
    }
    const broken = (error: NodeJS.ErrnoException): void => no(why(place, error))
    const closed = (): void =>
      no(failed(`${named(place)} closed the connection before it was ready. It may not be a bridge.`))
    const timer = setTimeout(
      () =>
        no(
          cannotTell(
            `${named(place)} did not answer within ${patienceMs / 1000} s. Is the address right, and does a firewall let it through?`
          )
        ),
      patienceMs
    )
    socket.once("error", broken)
    socket.once("close", closed)
    socket.once(event, () => {
      stop()
      socket.setNoDelay(true)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => {
      stop()
      socket.destroy()
    })
  })

export const named = ({ host, port }: Place): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

const why = (place: Place, error: NodeJS.ErrnoException): CommandFailed => {
  const at = named(place)
  switch (error.code) {
    case "ECONNREFUSED":
      return failed(
        `Nothing listens at ${at}. Start it there with signalbox up (or hub, or bridge), or give another HOST:PORT.`
      )
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return failed(`There is no address for ${place.host}. Check the name.`)
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return failed(`${place.host} cannot be reached from here (${error.code}).`)
    case "ETIMEDOUT":
      return cannotTell(`${at} did not answer. Is the address right, and does a firewall let it through?`)
    default:
      return /SSL|TLS|wrong version|EPROTO/iu.test(`${error.code} ${error.message}`)
        ? failed(
            `${at} does not speak TLS (${error.code ?? error.message}). On this machine --plain may do; else make a certificate there with signalbox cert.`
          )
        : failed(`The connection to ${at} failed (${error.code ?? error.message}).`)
  }
}
