/**
 * A connection to the hub on which nothing was said yet and which is known to end at the hub.
 *
 * Owns: TCP, CONNECT through a proxy, TLS, the pinned certificate. Does not own: what is said on it (HTTP, WebSocket).
 * Invariants: no byte of ours leaves before the certificate's SHA-256 was compared; plain TCP only to this very machine; whoever is in
 * between has so much time and no more.
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
  const { protocol, host } = placeOf(target.hub)
  const below = await reach(target.hub, environment)
  if (protocol === "http:") return below
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
      `${target.hub} shows another certificate (${shown}) than the one this agent was enrolled with. If the hub's certificate was replaced, put its fingerprint into /etc/signalbox-agent/agent.json or enroll this host anew; if not, somebody is in between.`
    )
  }
  return secure
}

/** TCP to the hub, or to a proxy that leads to it: who is at the other end has to be shown by what is said on it. */
export const reach = async (
  hub: string,
  environment: Readonly<Record<string, string | undefined>> = process.env
): Promise<Duplex> => {
  const { protocol, host, port } = placeOf(hub)
  if (protocol === "http:" && !["localhost", "127.0.0.1", "::1"].includes(host))
    throw new Trouble(`${hub} is not encrypted and not on this machine. Give the hub's https address.`)
  const proxy = proxyFor(new URL(hub), environment)
  return proxy === undefined ? opened(connect({ host, port }), "connect", hub) : through(proxy, authorityOf(hub))
}

const placeOf = (hub: string) => {
  const { protocol, hostname, port } = new URL(hub)
  return {
    protocol,
    host: hostname.replace(/^\[|\]$/gu, ""),
    port: Number(port || (protocol === "https:" ? 443 : 80))
  }
}

/** host:port as CONNECT names it. */
export const authorityOf = (hub: string): string => {
  const { host, port } = placeOf(hub)
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
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

const through = async (proxy: URL, authority: string): Promise<Duplex> => {
  const { request: ask } = await (proxy.protocol === "https:" ? import("node:https") : import("node:http"))
  return new Promise((resolve, reject) => {
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
      agent: false
    })
    const where = `The proxy ${proxy.host}`
    const late = setTimeout(() => request.destroy(new Error(`no answer in ${dialMillis / 1_000} s`)), dialMillis)
    request.once("close", () => clearTimeout(late))
    request.once("error", (cause) => reject(new Trouble(`${where} cannot be reached: ${reasonOf(cause)}.`)))
    request.once("response", (response) => {
      response.destroy()
      reject(new Trouble(`${where} does not let us through (status ${response.statusCode ?? 0}).`))
    })
    request.once("connect", (response, socket, head) => {
      clearTimeout(late)
      if (response.statusCode !== 200) {
        socket.destroy()
        reject(new Trouble(`${where} does not let us through to ${authority} (status ${response.statusCode ?? 0}).`))
        return
      }
      socket.on("error", () => undefined) // whoever uses it hears of the close
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.end()
  })
}
