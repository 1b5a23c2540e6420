/**
 * network.port: whether a TCP connection is accepted.
 *
 * Owns: one connection, closed at once. Does not own: what is spoken on it.
 * Invariants: nothing is sent; a port that is closed is an answer and no failure of the action.
 */
import { connect } from "node:net"
import type { Performer } from "../Performer.ts"

const within = 10_000
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is closed",
  ENOTFOUND: "is not known by that name",
  EAI_AGAIN: "could not be looked up",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached: there is no route",
  ETIMEDOUT: "does not answer"
}

export const port: Performer<"network.port"> = ({ address, port }, of) =>
  new Promise((resolve) => {
    const from = performance.now()
    const socket = connect({ host: address, port, timeout: within, autoSelectFamily: true }) // not by itself before Node 20
    const done = (open: boolean, why: string, reached: string | null) => {
      socket.destroy()
      of.signal.removeEventListener("abort", onAbort)
      const ms = Math.round(performance.now() - from)
      resolve({
        outcome: "succeeded",
        summary: open ? `${address} port ${port} is open (${ms} ms).` : `${address} port ${port} ${why}.`,
        data: { address, port, open, why: open ? null : why, reached, ms }
      })
    }
    const onAbort = () => done(false, "did not answer in the time that was given", null)
    of.signal.addEventListener("abort", onAbort, { once: true })
    socket.once("connect", () => done(true, "", socket.remoteAddress ?? null))
    socket.once("timeout", () => done(false, `did not answer within ${within / 1000} s`, null))
    socket.on("error", (cause: NodeJS.ErrnoException) =>
      done(false, words[cause.code ?? ""] ?? `failed (${cause.code ?? "unknown"})`, null)
    )
  })
