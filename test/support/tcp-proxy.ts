/**
 * A loopback door in front of Postgres at which a test may stand: it can cut a request before the server sees it, or the
 * answer after the server has carried it out.
 */
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

export interface Cut {
  /** Bytes by which the request is known. */
  readonly marker: string
  readonly at: "before send" | "before answer"
  /** What else happens at that moment: a process is killed. */
  readonly act?: () => void
}

export const startProxy = async (target: string) => {
  const to = new URL(target)
  const sockets = new Set<Socket>()
  let cut: Cut | undefined
  let cuts = 0
  let frozen = false
  let closed = false
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    let answerIsCut = false
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    const strike = () => {
      cuts++
      cut?.act?.()
      cut = undefined
      end()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      if (frozen || closed) socket.pause()
      socket.on("error", end)
      socket.on("close", () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on("data", (chunk) => {
      if (cut !== undefined && chunk.includes(cut.marker)) {
        if (cut.at === "before send") return strike()
        answerIsCut = true
      }
      upstream.write(chunk)
    })
    upstream.on("data", (chunk) => {
      if (answerIsCut) return strike()
      client.write(chunk)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const url = new URL(target)
  url.port = String(typeof address === "object" && address !== null ? address.port : 0)
  return {
    url: url.toString(),
    /** Armed for one request. */
    cutNext: (next: Cut) => {
      cut = next
    },
    cuts: () => cuts,
    /** Connections that are made from now on are taken and get no answer, as on a machine that is too busy for them. */
    holdNew: () => {
      closed = true
    },
    /** Like a pulled cable: connections stay, and new ones are made, but nothing comes through until it is undone. */
    freeze: (now: boolean) => {
      frozen = now
      for (const socket of sockets)
        if (now) socket.pause()
        else socket.resume()
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, "close")
    }
  }
}
