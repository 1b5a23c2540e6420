/**
 * A way to the hub for agents that have none: CONNECT to exactly one place, and the bytes of both sides as they are.
 *
 * Owns: the listening, its limits, its counts. Does not own: the way to the hub (`dial.ts`), who may listen where (`relay-config.ts`).
 * Invariants: nothing is let through but to the hub of this agent's own configuration; what goes through is the far agent's TLS with the
 * hub, whose certificate it compares, so the relay can read nothing and fake nothing; whatever comes is bounded in bytes, time and number,
 * and nothing of it ends the agent.
 */
import { createServer, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { authorityOf, reach } from "./dial.ts"
import { parseListen, type RelayConfig, whoMayCome } from "./relay-config.ts"
import { reasonOf, say, Trouble } from "./trouble.ts"

export interface RelayLimits {
  readonly open: number
  /** Of them from one address. */
  readonly fromOne: number
  /** Of them without a connection to the hub yet. */
  readonly unasked: number
  readonly headBytes: number
  /** From the connection to the end of its head. */
  readonly headMillis: number
  /** Without a byte in either direction: agents beat every fifteen seconds. */
  readonly idleMillis: number
  /** From the end of one side to that of the other. */
  readonly lingerMillis: number
  /** Until the address is tried again when it is not there or is taken. */
  readonly retryMillis: number
}
export const relayLimits: RelayLimits = {
  open: 500,
  fromOne: 64,
  unasked: 100,
  headBytes: 4_096,
  headMillis: 10_000,
  idleMillis: 90_000,
  lingerMillis: 10_000,
  retryMillis: 5_000
}

export interface RelayCounts {
  readonly open: number
  readonly passed: number
  readonly refused: number
}

export interface Relay {
  readonly listen: string
  readonly counts: () => RelayCounts
  readonly listening: Promise<void>
  readonly close: () => Promise<void>
}

export interface RelayOptions {
  readonly config: RelayConfig
  readonly hub: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly limits?: Partial<RelayLimits>
}

export const openRelay = ({ config, hub, environment = process.env, limits }: RelayOptions): Relay => {
  const { host, port } = parseListen(config.listen) ?? fail(`${config.listen} is no address to listen on.`)
  if (!hub.startsWith("https:"))
    fail(`A relay needs a hub with TLS, and ${hub} is none. Take "relay" out of agent.json.`)
  const most = { ...relayLimits, ...limits }
  const authority = authorityOf(hub).toLowerCase()
  const mayCome = whoMayCome(config)
  const open = new Map<Socket, string>()
  const unasked = new Set<Socket>()
  let passed = 0
  let refused = 0
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const refuse = (socket: Socket, line: string): void => {
    refused += 1
    unasked.delete(socket)
    socket.resume() // what else it says is not looked at
    socket.end(`HTTP/1.1 ${line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
    linger(socket, most.lingerMillis)
  }
  const came = (socket: Socket): void => {
    socket.on("error", () => undefined) // the close follows
    const from = socket.remoteAddress ?? ""
    const others = [...open.values()].filter((one) => one === from).length
    if (!mayCome(from) || others >= most.fromOne || open.size >= most.open || unasked.size >= most.unasked) {
      refused += 1
      return void socket.destroy()
    }
    open.set(socket, from)
    unasked.add(socket)
    socket.once("close", () => {
      open.delete(socket)
      unasked.delete(socket)
    })
    const late = setTimeout(() => {
      stop()
      refuse(socket, "408 Request Timeout")
    }, most.headMillis)
    socket.once("close", () => clearTimeout(late))
    const stop = readHead(socket, most.headBytes, (head) => {
      clearTimeout(late)
      if (head === undefined) return refuse(socket, "431 Request Header Fields Too Large")
      const [, method, target] = /^([A-Z]{1,20}) (\S{1,300}) HTTP\/1\.[01]\r\n/u.exec(head.text) ?? []
      if (method === undefined) return refuse(socket, "400 Bad Request")
      if (method !== "CONNECT") return refuse(socket, "405 Method Not Allowed")
      if (target?.toLowerCase() !== authority) return refuse(socket, "403 Forbidden")
      void lead(socket, head.rest)
    })
  }
  const lead = async (socket: Socket, rest: Buffer): Promise<void> => {
    const up = await reach(hub, environment).catch((cause: unknown) => {
      say(`The relay could not reach the hub for ${socket.remoteAddress ?? "somebody"}: ${reasonOf(cause)}`)
    })
    unasked.delete(socket)
    if (up === undefined) return socket.destroyed ? undefined : refuse(socket, "502 Bad Gateway")
    if (socket.destroyed || closed) return void up.destroy()
    passed += 1
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
    if (rest.length > 0) up.write(rest)
    join(socket, up, most)
  }

  let heard: () => void = () => undefined
  const listening = new Promise<void>((resolve) => {
    heard = resolve
  })
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, came)
  const listen = (): void => void server.listen({ host, port, backlog: 128 })
  server.on("error", (cause) => {
    say(`The relay cannot listen on ${config.listen}: ${reasonOf(cause)}. It tries again.`)
    clearTimeout(retry)
    if (!closed) retry = setTimeout(listen, most.retryMillis)
  })
  server.on("listening", () => {
    say(`Other agents may reach ${authority} through ${config.listen}.`)
    heard()
  })
  listen()

  return {
    listen: config.listen,
    counts: () => ({ open: open.size, passed, refused }),
    listening,
    close: async () => {
      closed = true
      clearTimeout(retry)
      for (const socket of open.keys()) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    }
  }
}

const fail = (reason: string): never => {
  throw new Trouble(reason)
}

interface Head {
  readonly text: string
  /** What came behind it: the first bytes for the hub. */
  readonly rest: Buffer
}

/** @param use called once; undefined: it is too long. What comes later waits until somebody reads. */
const readHead = (socket: Socket, most: number, use: (head: Head | undefined) => void): (() => void) => {
  let seen = Buffer.alloc(0)
  const stop = (): void => {
    socket.off("data", more)
    socket.pause()
  }
  const more = (part: Buffer): void => {
    seen = Buffer.concat([seen, part])
    const end = seen.indexOf("\r\n\r\n")
    if (end === -1 && seen.length <= most) return
    stop()
    use(
      end === -1 || end > most
        ? undefined
        : { text: seen.subarray(0, end + 4).toString("latin1"), rest: seen.subarray(end + 4) }
    )
  }
  socket.on("data", more)
  return stop
}

const join = (a: Duplex, b: Duplex, { idleMillis, lingerMillis }: RelayLimits): void => {
  const idle = setTimeout(() => {
    a.destroy()
    b.destroy()
  }, idleMillis)
  for (const [from, to] of [
    [a, b],
    [b, a]
  ] as const) {
    from.on("data", () => idle.refresh())
    from.pipe(to)
    from.once("close", () => {
      clearTimeout(idle)
      to.end()
      linger(to, lingerMillis)
    })
  }
}

/** Whoever does not hang up in time is hung up on. */
const linger = (socket: Duplex, millis: number): void => {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), millis)
  socket.once("close", () => clearTimeout(timer))
}
