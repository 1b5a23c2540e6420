/**
 * One socket of an agent: frames in with limits, messages out, silence noticed.
 *
 * Owns: decoding, the flood limit, pausing while too much is being worked on, the heartbeat's timeout, pings. Does not own: what messages
 * mean (`AgentSockets.ts`), who may open it (`route.ts`).
 * Invariants: a frame that does not fit ends the socket with the reason; nothing that an agent sends, pings included, and nothing that it
 * does not read can make this hub keep more than a few frames and the backlog; `closed` is called once.
 */
import { randomBytes } from "node:crypto"
import { Result, Schema } from "effect"
import type { RawData, WebSocket } from "ws"
import { closeCodes } from "@signalbox/core/agent/enrollment.ts"
import { AgentMessage, type HubMessage } from "@signalbox/core/agent/protocol.ts"

export interface WireLimits {
  readonly silentMillis: number
  readonly helloMillis: number
  /** Messages at once, and then in a second. */
  readonly burst: number
  readonly perSecond: number
  /** Worked on at once. */
  readonly busy: number
  /** Bytes that wait to be sent to an agent that does not read. */
  readonly backlog: number
}
export const wireLimits: WireLimits = {
  silentMillis: 45_000,
  helloMillis: 15_000,
  burst: 2_000,
  perSecond: 200,
  busy: 16,
  backlog: 32 * 1_048_576
}

const notReading = "it does not read what it is sent"
const decode = Schema.decodeUnknownResult(Schema.fromJsonString(AgentMessage))

export interface Wire {
  readonly send: (message: HubMessage) => void
  readonly close: (code: number, reason: string) => void
  /** @returns whether it answered in time, after all that was sent before */
  readonly answers: (withinMillis: number) => Promise<boolean>
}

/** @param hear resolves when the message was worked on; hello comes first, or the socket ends */
export const makeWire = (
  socket: WebSocket,
  hear: (message: AgentMessage) => Promise<void>,
  closed: (reason: string) => void,
  limits: WireLimits = wireLimits
): Wire => {
  let heard = Date.now()
  let greeted = false
  let busy = 0
  /** Of those, who wait for a pong: it would not be read while the socket is paused. */
  let asking = 0
  let tokens = limits.burst
  let filled = Date.now()
  let why = ""

  const end = (code: number, reason: string): void => {
    why ||= reason
    socket.close(code, reason.slice(0, 120))
    setTimeout(() => socket.terminate(), 2_000).unref()
  }
  const watch = setInterval(
    () => {
      const quiet = Date.now() - heard
      if (!greeted && quiet > limits.helloMillis) return end(1008, "no hello in time")
      if (quiet > limits.silentMillis) {
        why ||= `nothing was heard of it for ${Math.round(limits.silentMillis / 1_000)} s`
        socket.terminate()
      }
    },
    Math.min(1_000, limits.silentMillis / 3, limits.helloMillis / 3)
  )
  const inTime = (): boolean => {
    const now = Date.now()
    tokens = Math.min(limits.burst, tokens + ((now - filled) / 1_000) * limits.perSecond)
    filled = now
    tokens -= 1
    return tokens >= 0
  }
  const frame = (data: RawData, binary: boolean): void => {
    heard = Date.now()
    if (socket.readyState !== socket.OPEN) return
    if (!inTime()) return end(closeCodes.slowDown, "too many messages")
    const message = binary ? undefined : decode(data.toString())
    if (message === undefined || Result.isFailure(message)) return end(1008, "a message was not understood")
    if (greeted === (message.success._tag === "hello")) return end(1008, "hello comes first, and once")
    greeted = true
    work(1, 0)
    const done = (): void => work(-1, 0)
    void hear(message.success).then(done, done)
  }
  const work = (more: number, ask: number): void => {
    busy += more
    asking += ask
    const full = busy - asking >= limits.busy
    if (full === socket.isPaused) return
    if (full) socket.pause()
    else socket.resume()
  }
  const behind = (): boolean => socket.bufferedAmount > limits.backlog
  /** Pings are answered by themselves, so they cost as messages do. */
  const control = (): void => {
    heard = Date.now()
    if (socket.readyState !== socket.OPEN) return
    if (!inTime()) return end(closeCodes.slowDown, "too many messages")
    if (behind()) end(closeCodes.slowDown, notReading)
  }
  socket.on("message", frame)
  socket.on("ping", control)
  socket.on("pong", control)
  socket.on("error", (cause) => {
    why ||= `the connection failed: ${cause.message}`
  })
  socket.once("close", (code, reason) => {
    clearInterval(watch)
    closed(why || clean(reason.toString()) || `the connection was closed (${code})`)
  })
  return {
    send: (message) => {
      if (socket.readyState !== socket.OPEN) return
      if (behind()) return end(closeCodes.slowDown, notReading)
      socket.send(JSON.stringify(message))
    },
    close: end,
    answers: (withinMillis) =>
      new Promise((resolve) => {
        if (socket.readyState !== socket.OPEN) return resolve(false)
        const mark = randomBytes(8)
        const done = (answered: boolean): void => {
          clearTimeout(timer)
          socket.off("pong", look)
          socket.off("close", no)
          work(0, -1)
          resolve(answered)
        }
        const no = (): void => done(false)
        const look = (data: Buffer): void => (mark.equals(data) ? done(true) : undefined)
        const timer = setTimeout(no, withinMillis)
        work(0, 1)
        socket.on("pong", look)
        socket.once("close", no)
        socket.ping(mark)
      })
  }
}

/** It is said by others and goes into an event. */
const clean = (text: string): string =>
  text
    .replaceAll(/\p{Cc}/gu, " ")
    .toWellFormed()
    .slice(0, 300)
