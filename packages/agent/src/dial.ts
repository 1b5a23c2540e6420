/**
 * A connection to the hub on which nothing was said yet and which is known to end at the hub.
 *
 * Owns: TCP, CONNECT through a proxy, TLS, the pinned certificate. Does not own: what is said on it (HTTP, WebSocket).
 * Invariants: no byte of ours leaves before the certificate's SHA-256 was compared; plain TCP only to this very machine.
 */
import { connect, isIP } from "node:net"
import type { Duplex } from "node:stream"
import type { ConnectionOptions } from "node:tls"
import { proxyFor } from "./proxy.ts"
import { reasonOf, Trouble } from "./trouble.ts"

export interface Target {
  readonly hub: string
  readonly fingerprint?: string
}

const dialMillis = 20_000

export const dial = async (
  target: Target,
  environment: Readonly<Record<string, string | undefined>> = process.env
): Promise<Duplex> => {
  const hub = new URL(target.hub)
  const host = hub.hostname.replace(/^\[|\]$/gu, "")
  const port = Number(hub.port || (hub.protocol === "https:" ? 443 : 80))
  if (hub.protocol === "http:") {
    if (!["localhost", "127.0.0.1", "::1"].includes(host))
      throw new Trouble(`${target.hub} is not encrypted and not on this machine. Give the hub's https address.`)
    return opened(connect({ host, port }), "connect", target.hub)
  }
  const proxy = proxyFor(hub, environment)
  const below =
    proxy === undefined
      ? await opened(connect({ host, port }), "connect", target.hub)
      : await through(proxy, host, port)
  const options: ConnectionOptions = {
    socket: below,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    rejectUnauthorized: target.fingerprint === undefined,
    ...(isIP(host) === 0 ? { servername: host } : { host })
  }
  const tls = await import("node:tls") // plain hubs and proxies do without, and so does their memory
  const secure = await opened(tls.connect(options), "secureConnect", target.hub)
  const shown = secure.getPeerCertificate().fingerprint256
  if (target.fingerprint !== undefined && shown !== target.fingerprint) {
    secure.destroy()
    throw new Trouble(
      `${target.hub} shows another certificate (${shown}) than the one this agent was enrolled with. If the hub's certificate was replaced, enroll this host anew; if not, somebody is in between.`
    )
  }
  return secure
}

/** Resolves at the event; an error or too much time before it ends the connection. */
const opened = <S extends Duplex>(socket: S, event: "connect" | "secureConnect", whither: string): Promise<S> =>
  new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(new Trouble(`${whither} cannot be reached: ${reason}.`))
    }
    const timer = setTimeout(() => fail(`no answer in ${dialMillis / 1_000} s`), dialMillis)
    const failed = (cause: unknown): void => fail(reasonOf(cause))
    const closed = (): void => fail("the connection was closed")
    socket.once("error", failed)
    socket.once("close", closed)
    socket.once(event, () => {
      clearTimeout(timer)
      socket.off("error", failed)
      socket.off("close", closed)
      socket.on("error", () => undefined) // whoever uses it hears of the close
      resolve(socket)
    })
  })

const through = async (proxy: URL, host: string, port: number): Promise<Duplex> => {
  const { request: ask } = await (proxy.protocol === "https:" ? import("node:https") : import("node:http"))
  return new Promise((resolve, reject) => {
    const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
    const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
    const request = ask({
      host: proxy.hostname.replace(/^\[|\]$/gu, ""),
      port: proxy.port || (proxy.protocol === "https:" ? 443 : 80),
      method: "CONNECT",
      path: authority,
      headers: {
        host: authority,
        ...(credentials === ":"
          ? {}
          : { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` })
      },
      agent: false,
      timeout: dialMillis
    })
    const where = `The proxy ${proxy.host}`
    request.once("timeout", () => request.destroy(new Error(`no answer in ${dialMillis / 1_000} s`)))
    request.once("error", (cause) => reject(new Trouble(`${where} cannot be reached: ${reasonOf(cause)}.`)))
    request.once("response", (response) => {
      response.destroy()
      reject(new Trouble(`${where} does not let us through (status ${response.statusCode ?? 0}).`))
    })
    request.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        reject(new Trouble(`${where} does not let us through to ${authority} (status ${response.statusCode ?? 0}).`))
        return
      }
      socket.setTimeout(0)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.end()
  })
}
