/**
 * network.http: status, time and certificate of one request.
 *
 * Owns: the request, and the facts of the certificate. Does not own: following redirects (it says where they lead), bodies (never read).
 * Invariants: a certificate that is not trusted is told, and is no reason not to look; headers of the answer are text of strangers;
 * a URL with a password in it is refused, because it would be in the log; link-local addresses, where clouds keep a machine's own
 * credentials, are never asked, whatever name leads there.
 */
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as plain } from "node:http"
import { request as secure } from "node:https"
import { lookup } from "node:dns"
import { BlockList, isIP, type LookupFunction } from "node:net"
import { TLSSocket } from "node:tls"
import { Refused } from "../outcome.ts"
import type { Performed, Performer } from "../Performer.ts"
import { clean } from "../text/clean.ts"
import { mask } from "../text/mask.ts"

const linkLocal = new BlockList()
linkLocal.addSubnet("169.254.0.0", 16, "ipv4")
linkLocal.addSubnet("fe80::", 10, "ipv6")
linkLocal.addAddress("fd00:ec2::254", "ipv6")

const isLinkLocal = (address: string): boolean => {
  const family = isIP(address)
  return family !== 0 && linkLocal.check(address, family === 4 ? "ipv4" : "ipv6")
}

/** The very address that is then connected to. */
const lookupOutside: LookupFunction = (name, options, done) =>
  lookup(name, { ...options, all: true }, (cause, found) => {
    const allowed = (found ?? []).filter(({ address }) => !isLinkLocal(address))
    const [first] = allowed
    if (cause !== null) done(cause, "")
    else if (first === undefined) done(new Error("the name leads to a link-local address, which is never asked"), "")
    else if (options.all) done(null, allowed)
    else done(null, first.address, first.family)
  })

const within = 20_000
const day = 24 * 60 * 60 * 1000

export const http: Performer<"network.http"> = async ({ url }, of) => {
  const target = parsed(url)
  if (target.username !== "" || target.password !== "")
    throw new Refused({ why: "The URL holds a user or a password, which would be kept in the log. Leave them out." })
  if (isLinkLocal(target.hostname.replace(/^\[(.*)\]$/u, "$1")))
    throw new Refused({ why: "A link-local address is never asked: clouds keep a machine's credentials there." })
  const shown = clean(mask(target.href), 300)
  const from = performance.now()
  const elapsed = () => Math.round(performance.now() - from)
  return new Promise<Performed>((resolve) => {
    const failed = (why: string) =>
      resolve({
        outcome: "succeeded",
        summary: `${shown}: ${clean(why, 300)}.`,
        data: { url: shown, status: null, error: clean(why, 300), ms: elapsed() }
      })
    const asked = send(target, of.signal, (answer) => {
      const certificate = certificateOf(answer)
      const status = answer.statusCode ?? 0
      const data = {
        url: shown,
        status,
        ms: elapsed(),
        server: header(answer, "server"),
        type: header(answer, "content-type"),
        location: header(answer, "location"),
        address: answer.socket.remoteAddress ?? null,
        certificate
      }
      answer.destroy()
      const trust =
        certificate === null || certificate.trusted
          ? ""
          : `, but its certificate is not trusted (${certificate.why ?? ""})`
      resolve({ outcome: "succeeded", summary: `${shown} answered ${status} after ${data.ms} ms${trust}.`, data })
    })
    asked.once("timeout", () => asked.destroy(new Error(`no answer within ${within / 1000} s`)))
    asked.on("error", (cause: NodeJS.ErrnoException) =>
      failed(cause.code === "ECONNREFUSED" ? "the connection was refused" : cause.message)
    )
    asked.end()
  })
}

const parsed = (url: string): URL => {
  try {
    return new URL(url)
  } catch {
    throw new Refused({ why: "This is no URL." })
  }
}

const send = (target: URL, signal: AbortSignal, onAnswer: (answer: IncomingMessage) => void): ClientRequest => {
  const options: RequestOptions = {
    method: "GET",
    signal,
    timeout: within,
    agent: false,
    lookup: lookupOutside,
    headers: { "user-agent": "signalbox-agent", accept: "*/*" }
  }
  return target.protocol === "https:"
    ? secure(target, { ...options, rejectUnauthorized: false }, onAnswer)
    : plain(target, options, onAnswer)
}

const header = (answer: IncomingMessage, name: string): string | null => {
  const value = answer.headers[name]
  return typeof value === "string" ? clean(value, 300) : null
}

const certificateOf = ({ socket }: IncomingMessage) => {
  if (!(socket instanceof TLSSocket)) return null
  const found = socket.getPeerCertificate()
  const end = Date.parse(found.valid_to)
  return {
    trusted: socket.authorized,
    why: socket.authorized ? null : clean(String(socket.authorizationError), 200),
    subject: name(found.subject?.CN),
    issuer: name(found.issuer?.O ?? found.issuer?.CN),
    names: clean(found.subjectaltname ?? "", 1_000),
    from: time(found.valid_from),
    to: time(found.valid_to),
    daysLeft: Number.isFinite(end) ? Math.floor((end - Date.now()) / day) : null,
    sha256: clean(found.fingerprint256 ?? "", 100),
    protocol: socket.getProtocol()
  }
}

const name = (value: string | ReadonlyArray<string> | undefined): string =>
  clean(typeof value === "string" ? value : (value?.join(", ") ?? ""), 200)
const time = (text: string): string | null => {
  const at = Date.parse(text)
  return Number.isFinite(at) ? new Date(at).toISOString() : null
}
