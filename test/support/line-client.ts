/** A client of the line protocol as plain as `nc`: sends what it is told, and shows everything that came. */
import { connect, type Socket } from "node:net"
import { connect as connectTls, type TLSSocket } from "node:tls"

export interface LineClient {
  readonly socket: Socket | TLSSocket
  readonly send: (text: string | Uint8Array) => void
  /** Everything that came so far. */
  readonly seen: () => string
  /** Resolves with what came since the last call, once it holds `wanted`. */
  readonly until: (wanted: string | RegExp) => Promise<string>
  readonly closed: Promise<void>
  readonly close: () => Promise<void>
}

const connected = <S extends Socket>(socket: S, event: "connect" | "secureConnect"): Promise<S> =>
  new Promise((resolve, reject) => {
    socket.once("error", reject)
    socket.once(event, () => {
      socket.off("error", reject)
      resolve(socket)
    })
  })

/** A server that takes both greets in plain text whoever has said nothing for a moment: on a busy machine that may be we. */
const encrypted = async (port: number, triesLeft = 20): Promise<TLSSocket> => {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
  try {
    return await connected(socket, "secureConnect")
  } catch (cause) {
    const plain = cause instanceof Error && "code" in cause && cause.code === "ERR_SSL_WRONG_VERSION_NUMBER"
    if (!plain || triesLeft === 0) throw cause
    return encrypted(port, triesLeft - 1)
  }
}

export const lineClient = async (
  port: number,
  options: { readonly tls?: boolean; readonly deadlineMs?: number } = {}
): Promise<LineClient> => {
  const socket = await (options.tls === true
    ? encrypted(port)
    : connected(connect({ port, host: "127.0.0.1" }), "connect"))
  let all = ""
  let from = 0
  const decoder = new TextDecoder()
  const listeners = new Set<() => void>()
  socket.on("data", (chunk: Buffer) => {
    all += decoder.decode(chunk, { stream: true })
    for (const look of listeners) look()
  })
  socket.on("error", () => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  void closed.then(() => {
    for (const look of listeners) look()
  })
  return {
    socket,
    send: (text) => void socket.write(text),
    seen: () => all,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const done = (): void => {
          clearTimeout(timer)
          listeners.delete(look)
        }
        const look = (): void => {
          const fresh = all.slice(from)
          const found = typeof wanted === "string" ? fresh.indexOf(wanted) : fresh.search(wanted)
          if (found !== -1) {
            const length = typeof wanted === "string" ? wanted.length : (wanted.exec(fresh)?.[0].length ?? 0)
            from += found + length
            done()
            resolve(fresh.slice(0, found + length))
          } else if (socket.destroyed) {
            done()
            reject(new Error(`the server closed before ${String(wanted)} came: ${fresh.slice(-500)}`))
          }
        }
        const timer = setTimeout(() => {
          done()
          reject(new Error(`${String(wanted)} did not come: ${all.slice(from).slice(-500)}`))
        }, options.deadlineMs ?? 60_000)
        listeners.add(look)
        look()
      }),
    closed,
    close: () => {
      socket.destroy()
      return closed
    }
  }
}
