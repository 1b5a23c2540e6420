/**
 * network.listening and network.routes: what ss and ip tell.
 *
 * Owns: reading both. Does not own: names of addresses (never looked up).
 * Invariants: names of processes may hold anything, quotes and parentheses too: the pid is read from what follows the last of them.
 */
import { Schema } from "effect"
import { run } from "../child.ts"
import { NotDone } from "../outcome.ts"
import type { Performer } from "../Performer.ts"
import { clean, fitting, listBytes } from "../text/clean.ts"

export interface Listening {
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly process: string | null
  readonly pid: number | null
}

export const listening: Performer<"network.listening"> = async ({ port }, of) => {
  const ran = await run("ss", ["-H", "-l", "-n", "-t", "-u", "-p"], { signal: of.signal, maxBytes: 8 * 1024 * 1024 })
  if (ran.code !== 0) throw new NotDone({ why: `ss could not list the sockets: ${clean(ran.stderr, 300)}` })
  const all = parseListening(ran.stdout).filter((one) => port === undefined || one.port === port)
  const { items, left } = fitting(all, listBytes)
  return {
    outcome: "succeeded",
    summary:
      port === undefined
        ? `${all.length} listening ${all.length === 1 ? "socket" : "sockets"}.`
        : whoListens(port, all),
    data: { listening: items.map((one) => ({ ...one })), left }
  }
}

/** `nginx listens on port 80 (tcp 0.0.0.0, tcp ::).` */
export const whoListens = (port: number, all: ReadonlyArray<Listening>): string => {
  if (all.length === 0) return `Nothing listens on port ${port}.`
  const who = distinct(all.flatMap((one) => one.process ?? [])).join(", ")
  const where = distinct(all.map((one) => `${one.protocol} ${one.address}`))
  const more = where.length > mostPlaces ? `, and ${where.length - mostPlaces} more` : ""
  return `${who === "" ? "Something" : who} listens on port ${port} (${where.slice(0, mostPlaces).join(", ")}${more}).`
}
const mostPlaces = 6
const distinct = (list: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(list)]

export const parseListening = (text: string): ReadonlyArray<Listening> =>
  text.split("\n").flatMap((line) => {
    const found = /^(tcp|udp)\S*\s+\S+\s+\d+\s+\d+\s+(\S+):(\d+)\s+\S+\s*(.*)$/u.exec(line)
    if (found === null) return []
    const [, protocol = "", address = "", port = "", rest = ""] = found
    const owner = /^users:\(\("(.*?)",pid=(\d+),fd=\d+\)/u.exec(rest)
    return [
      {
        protocol,
        address: clean(address.replace(/^\[(.*)\]/u, "$1"), 100),
        port: Number(port),
        process: owner === null ? null : clean(owner[1] ?? "", 60),
        pid: owner === null ? null : Number(owner[2])
      }
    ]
  })

const Addresses = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      ifname: Schema.String,
      operstate: Schema.optionalKey(Schema.String),
      mtu: Schema.optionalKey(Schema.Int),
      address: Schema.optionalKey(Schema.String),
      addr_info: Schema.optionalKey(
        Schema.Array(
          Schema.Struct({ local: Schema.optionalKey(Schema.String), prefixlen: Schema.optionalKey(Schema.Int) })
        )
      )
    })
  )
)
const Routes = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      dst: Schema.String,
      gateway: Schema.optionalKey(Schema.String),
      dev: Schema.optionalKey(Schema.String),
      metric: Schema.optionalKey(Schema.Int)
    })
  )
)
const decodeAddresses = Schema.decodeUnknownSync(Addresses)
const decodeRoutes = Schema.decodeUnknownSync(Routes)

export const routes: Performer<"network.routes"> = async (_args, of) => {
  const ip = async (...args: ReadonlyArray<string>): Promise<string> => {
    const ran = await run("ip", ["-json", ...args], { signal: of.signal, timeoutMs: 10_000, maxBytes: 8 * 1024 * 1024 })
    if (ran.code !== 0) throw new NotDone({ why: `ip could not tell: ${clean(ran.stderr, 300)}` })
    return ran.stdout.trim() === "" ? "[]" : ran.stdout
  }
  const [addresses, four, six] = await Promise.all([
    ip("address", "show"),
    ip("-4", "route", "show"),
    ip("-6", "route", "show").catch(() => "[]")
  ])
  const interfaces = decodeAddresses(addresses).map((one) => ({
    name: clean(one.ifname, 60),
    state: clean(one.operstate ?? "", 20),
    mtu: one.mtu ?? null,
    mac: clean(one.address ?? "", 60),
    addresses: (one.addr_info ?? []).flatMap(({ local, prefixlen }) =>
      local === undefined ? [] : [`${local}/${prefixlen ?? ""}`]
    )
  }))
  const all = [...decodeRoutes(four), ...decodeRoutes(six)].map((one) => ({
    to: clean(one.dst, 100),
    via: one.gateway ?? null,
    interface: clean(one.dev ?? "", 60),
    metric: one.metric ?? null
  }))
  const shown = fitting(all, listBytes / 2)
  const default_ = all.find(({ to }) => to === "default")
  return {
    outcome: "succeeded",
    summary: `${interfaces.length} interfaces, ${all.length} routes; ${default_ === undefined ? "no default route" : `the default route is via ${default_.via ?? default_.interface}`}.`,
    data: { interfaces: [...fitting(interfaces, listBytes / 2).items], routes: [...shown.items], left: shown.left }
  }
}
