/**
 * config.add-site: a server block for a domain in nginx, enabled, with proof that nginx answers for it.
 *
 * Owns: the block's text and where it goes. Does not own: the order of a change (`change.ts`).
 * Invariants: nothing that was said becomes a statement of its own in the block; a domain that nginx serves already is left alone, and so is
 * a port where plain HTTP would be answered by somebody or something else, because that answer would look like success.
 */
import { request } from "node:http"
import { connect } from "node:net"
import { readFile, stat } from "node:fs/promises"
import { run } from "../child.ts"
import { resolved } from "../file/open.ts"
import { NotDone, Refused } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import type { Surroundings } from "../Surroundings.ts"
import { clean } from "../text/clean.ts"
import { mask } from "../text/mask.ts"
import { type Change, change } from "./change.ts"
import { type Block, parseNginx, unquoted } from "./edit/nginx.ts"
import { look } from "./node.ts"
import { changeable } from "./perform.ts"

const hostName = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u
const available = "/etc/nginx/sites-available"
const enabled = "/etc/nginx/sites-enabled"
const answersWithin = 5_000

interface Site {
  readonly domain: string
  readonly port: number
  readonly root?: string
  readonly proxy?: string
}

export const addSite =
  (own: Surroundings): Performer<"config.add-site"> =>
  async ({ domain: said, root, proxy, port = 80 }, of) => {
    const domain = said.toLowerCase()
    if (!hostName.test(domain) || /^[\d.]+$/u.test(domain)) throw new Refused({ why: `${said} is no domain name.` })
    if ((root === undefined) === (proxy === undefined))
      throw new Refused({ why: "A site has either a root directory or a proxied address." })
    if (
      root !== undefined &&
      (await stat(root).then(
        (found) => !found.isDirectory(),
        () => true
      ))
    )
      throw new Refused({ why: `There is no directory ${root} on this host.` })
    if (root !== undefined) await resolved(root, { roots: [], own: own.ownPaths })
    const site = { domain, port, ...(root === undefined ? {} : { root }), ...(proxy === undefined ? {} : { proxy }) }
    await refuseServed(site, of.signal)

    const text = siteText(site, await hasIpv6())
    const paired = (await isDirectory(available)) && (await isDirectory(enabled))
    const file = await changeable(own, paired ? `${available}/${domain}` : `/etc/nginx/conf.d/${domain}.conf`)
    const seen = await look(file)
    if (seen.node.kind !== "absent") throw new Refused({ why: `${file} exists already.` })
    const places: Array<Change["places"][number]> = [
      { path: file, wanted: { kind: "file", bytes: Buffer.from(text) }, before: seen.node, bytes: null }
    ]
    if (paired) {
      const link = await changeable(own, `${enabled}/${domain}`)
      const there = await look(link)
      if (there.node.kind !== "absent") throw new Refused({ why: `${link} exists already.` })
      places.push({ path: link, wanted: { kind: "link", to: file }, before: there.node, bytes: null })
    }
    return change(
      own,
      {
        action: "config.add-site",
        places,
        done: `nginx serves ${domain} on port ${port}, from ${root ?? mask(proxy ?? "")}`,
        facts: { domain, port },
        proof: async (signal) => {
          if (!(await serverNames(signal)).some((one) => one.names.includes(domain) && one.ports.includes(port)))
            return `${file} is not among the files that nginx reads`
          return answers(site)
        }
      },
      of
    )
  }

export const siteText = ({ domain, port, root, proxy }: Site, ipv6: boolean): string =>
  [
    `# ${domain}, added by Signalbox`,
    "server {",
    `    listen ${port};`,
    ...(ipv6 ? [`    listen [::]:${port};`] : []),
    `    server_name ${domain};`,
    "",
    ...(root === undefined
      ? [
          "    location / {",
          `        proxy_pass ${proxied(proxy ?? "")};`,
          "        proxy_http_version 1.1;",
          "        proxy_set_header Host $host;",
          "        proxy_set_header X-Real-IP $remote_addr;",
          "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
          "        proxy_set_header X-Forwarded-Proto $scheme;",
          "    }"
        ]
      : [
          `    root ${quoted(root)};`,
          "    index index.html;",
          "",
          "    location / {",
          "        try_files $uri $uri/ =404;",
          "    }"
        ]),
    "}",
    ""
  ].join("\n")

/** nginx knows no way to write a `$` that is none of a variable. */
const quoted = (path: string): string => {
  if (path.includes("$")) throw new Refused({ why: `${path} holds a $, which nginx would take for a variable.` })
  return /^[\w/.-]+$/u.test(path) ? path : `"${path.replace(/["\\]/gu, "\\$&")}"`
}

const proxied = (proxy: string): string => {
  const url = parsedUrl(proxy)
  if (url === undefined || url.username !== "" || url.password !== "" || !/^[\w:/.[\]%~?&=+@!*,-]+$/u.test(proxy))
    throw new Refused({
      why: "The proxied address must be a plain URL, without a user, and without characters that mean something to nginx."
    })
  return proxy
}

const parsedUrl = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

const refuseServed = async (site: Site, signal: AbortSignal): Promise<void> => {
  const why = trouble(site, await serverNames(signal), await accepts(site.port, signal))
  if (why !== undefined) throw new Refused({ why })
}

/** @param taken somebody accepts connections on the port now */
export const trouble = (
  { domain, port }: Pick<Site, "domain" | "port">,
  servers: ReadonlyArray<Server>,
  taken: boolean
): string | undefined => {
  if (servers.some(({ names, ports }) => names.includes(domain) && ports.includes(port)))
    return `nginx serves ${domain} on port ${port} already. Change its file with config.set or config.write.`
  if (servers.some(({ tls }) => tls.includes(port)))
    return `Port ${port} of nginx speaks TLS, and this adds a site of plain HTTP. Choose another port, or write the site with its certificate by config.write.`
  if (taken && !servers.some(({ ports }) => ports.includes(port)))
    return `Port ${port} is taken by another program than nginx. Choose another port.`
  return undefined
}

const accepts = (port: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: answersWithin, signal })
    const done = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.once("connect", () => done(true))
    socket.once("timeout", () => done(false))
    socket.on("error", () => done(false))
  })

interface Server {
  readonly names: ReadonlyArray<string>
  readonly ports: ReadonlyArray<number>
  /** Those of them where TLS is spoken. */
  readonly tls: ReadonlyArray<number>
}

/** Of the whole configuration, included files too, as nginx itself puts it together. */
const serverNames = async (signal: AbortSignal): Promise<ReadonlyArray<Server>> => {
  const ran = await run("nginx", ["-T"], { signal, maxBytes: 16 * 1024 * 1024, timeoutMs: 20_000 })
  if (ran.code !== 0)
    throw new NotDone({ why: `The configuration of nginx is broken as it is: ${clean(mask(ran.stderr), 600)}` })
  return ran.stdout.split(/^# configuration file [^\n]*:$/mu).flatMap((file) => serversIn(parseNginx(file)))
}

export const serversIn = (block: Block): ReadonlyArray<Server> =>
  block.directives.flatMap(({ name, block: inner }) => {
    if (inner === null) return []
    if (name.text !== "server") return serversIn(inner)
    const args = (directive: string) =>
      inner.directives
        .filter((one) => one.name.text === directive)
        .map((one) => one.args.map((arg) => unquoted(arg.text)))
    const listens = args("listen").flatMap(([address = "", ...how]) =>
      address.startsWith("unix:")
        ? []
        : [
            {
              port: Number(/(?:^|:)(\d+)$/u.exec(address)?.[1] ?? 80),
              secure: how.includes("ssl") || how.includes("quic")
            }
          ]
    )
    const ports = listens.map(({ port }) => port)
    const always = args("ssl").some(([state]) => state === "on")
    return [
      {
        names: args("server_name")
          .flat()
          .map((one) => one.toLowerCase()),
        ports: ports.length === 0 && args("listen").length === 0 ? [80] : ports,
        tls: listens.filter(({ secure }) => secure || always).map(({ port }) => port)
      }
    ]
  })

const answers = ({ domain, port }: Site): Promise<string | undefined> =>
  new Promise((resolve) => {
    const asked = request(
      { host: "127.0.0.1", port, path: "/", headers: { host: domain }, timeout: answersWithin },
      (answer) => {
        answer.destroy()
        resolve(undefined)
      }
    )
    asked.once("timeout", () => asked.destroy(new Error(`it did not answer within ${answersWithin / 1000} s`)))
    asked.once("error", (cause) => resolve(`nginx does not answer for ${domain} on port ${port}: ${cause.message}`))
    asked.end()
  })

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )

const hasIpv6 = async (): Promise<boolean> =>
  (await readFile("/proc/net/if_inet6", "utf8").catch(() => "")).trim() !== ""
