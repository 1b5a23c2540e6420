/**
 * Talking to a hub whose certificate is known by its fingerprint alone.
 *
 * Owns: the connection and the look at the certificate; a `fetch` over it. Does not own: what is said.
 * Invariants: not a byte of a request leaves before the certificate is the pinned one; a body is read as slowly as its reader reads.
 */
import type { IncomingMessage, RequestOptions } from "node:http"
import { Readable } from "node:stream"
import type { Duplex } from "node:stream"

type CreateConnection = NonNullable<RequestOptions["createConnection"]>

/** @param fingerprint SHA-256, lower case, without colons */
export const pinnedConnection =
  (url: URL, fingerprint: string): CreateConnection =>
  (_options, done: (error: Error | null, socket: Duplex) => void) => {
    const { connect } = process.getBuiltinModule("node:tls")
    const host = url.hostname.replace(/^\[|\]$/gu, "")
    const socket = connect({
      host,
      port: url.port === "" ? 443 : Number(url.port),
      servername: /^[\d.:]+$/u.test(host) || host.includes(":") ? "" : host,
      // the pin says more than any authority
      rejectUnauthorized: false,
      minVersion: "TLSv1.2"
    })
    const failed = (error: Error): void => done(error, socket)
    socket.once("error", failed)
    socket.once("secureConnect", () => {
      socket.off("error", failed)
      const shown = socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase()
      if (shown === fingerprint) return done(null, socket)
      socket.on("error", () => {})
      socket.destroy()
      done(new WrongCertificate(shown), socket)
    })
    return undefined
  }

export class WrongCertificate extends Error {
  readonly code = "WRONG_CERTIFICATE"
  constructor(shown: string) {
    super(`the hub showed another certificate than SIGNALBOX_HUB_FINGERPRINT says: ${shown}`)
  }
}

/** For requests to https addresses; all others go the usual way. */
export const pinnedFetch =
  (fingerprint: string): typeof globalThis.fetch =>
  async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.protocol !== "https:") return await globalThis.fetch(request)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = process.getBuiltinModule("node:https").request(
        url,
        {
          method: request.method,
          headers: {
            ...Object.fromEntries(request.headers),
            ...(body === undefined ? {} : { "content-length": String(body.length) })
          },
          createConnection: pinnedConnection(url, fingerprint),
          signal: request.signal
        },
        resolve
      )
      asked.on("error", reject).end(body)
    })
    const headers = new Headers()
    for (let at = 0; at + 1 < response.rawHeaders.length; at += 2)
      headers.append(response.rawHeaders[at] ?? "", response.rawHeaders[at + 1] ?? "")
    const status = response.statusCode ?? 502
    const empty = status === 204 || status === 304 || request.method === "HEAD"
    if (empty) response.resume()
    return new Response(empty ? null : (Readable.toWeb(response) as ReadableStream<Uint8Array>), { status, headers })
  }
