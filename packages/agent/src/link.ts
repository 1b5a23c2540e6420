/**
 * The socket to the hub: opened, kept, opened again.
 *
 * Owns: signing in, hello, heartbeats, noticing that nobody is there, when to call again. Does not own: what commands do (the two desks).
 * Invariants: one socket at a time; frames have a limit and are decoded before anything looks at them; revoked, in the hub's own words,
 * means stop, and everything else means call again after a wait that is drawn by chance; setting the clock changes nothing here.
 */
import type { KeyObject } from "node:crypto"
import { agentPaths, closeCodes } from "@signalbox/core/agent/enrollment.ts"
import {
  frameLimit,
  heartbeatMillis,
  HubMessage,
  type AgentHello,
  type AgentMessage,
  type AgentSample
} from "@signalbox/core/agent/protocol.ts"
import { Result, Schema } from "effect"
import { WebSocket } from "ws"
import { Refused } from "./ask.ts"
import { failuresAfter, waitMillis } from "./backoff.ts"
import { dial, type Target } from "./dial.ts"
import { signIn } from "./sign-in.ts"
import { reasonOf, say, Trouble } from "./trouble.ts"

export interface LinkOptions {
  readonly target: Target
  readonly agentId: string
  readonly key: KeyObject
  readonly hello: () => Promise<AgentHello>
  readonly sample: () => Promise<AgentSample>
  /** A socket is there; what is given back is told when it is gone. */
  readonly connected: (send: (message: AgentMessage) => void) => () => void
  readonly received: (message: HubMessage) => void
  readonly signal: AbortSignal
  readonly heartbeatMillis?: number
}

export type LinkEnd = "stopped" | "revoked"

/** Nothing heard for so many heartbeats: the hub is not there any more. */
const silentBeats = 3
const slowDownMillis = 30_000
/** However long a hub asks us to stay away: it may have been wrong. */
const longestAwayMillis = 300_000
/** For the hub's farewell when we stop. */
const farewellMillis = 2_000

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(HubMessage))

export const keepLink = async (options: LinkOptions): Promise<LinkEnd> => {
  let failures = 0
  while (!options.signal.aborted) {
    const since = performance.now()
    const ended = await once(options).catch((cause: unknown): Ended => failedToOpen(cause))
    if (ended.how === "revoked") {
      say(`The hub has revoked this agent (${ended.reason}). It stops; enroll this host anew to use it again.`)
      return "revoked"
    }
    if (options.signal.aborted) break
    failures = failuresAfter(failures, ended.opened ? performance.now() - since : 0)
    const wait = Math.max(ended.atLeastMillis, waitMillis(failures, Math.random()))
    say(`${ended.reason} Calling again in ${(wait / 1_000).toFixed(1)} s.`)
    await pause(wait, options.signal)
  }
  return "stopped"
}

interface Ended {
  readonly how: "lost" | "revoked"
  readonly opened: boolean
  readonly reason: string
  readonly atLeastMillis: number
}

const forbidden = "urn:signalbox:forbidden"

const failedToOpen = (cause: unknown): Ended => ({
  // in the hub's own words: a 403 alone may be anybody's who is in between
  how: cause instanceof Refused && cause.problem === forbidden ? "revoked" : "lost",
  opened: false,
  reason: reasonOf(cause),
  atLeastMillis: cause instanceof Refused ? Math.min((cause.retryAfterSeconds ?? 0) * 1_000, longestAwayMillis) : 0
})

const once = async (options: LinkOptions): Promise<Ended> => {
  // each takes its time, and a host that boots has little of it
  const opening = Promise.allSettled([
    signIn(options.target, options.agentId, options.key),
    dial(options.target),
    options.hello()
  ])
  const settled = await Promise.race([opening, aborted(options.signal)])
  if (settled === undefined) {
    void opening.then(([, late]) => (late.status === "fulfilled" ? late.value.destroy() : undefined))
    throw new Trouble("The agent stops.")
  }
  const [signed, dialed, told] = settled
  if (signed.status === "rejected" || dialed.status === "rejected" || told.status === "rejected") {
    if (dialed.status === "fulfilled") dialed.value.destroy()
    throw [signed, dialed, told].find((one) => one.status === "rejected")?.reason
  }
  const [token, below, hello] = [signed.value, dialed.value, told.value]
  const socket = new WebSocket(`ws://${new URL(options.target.hub).host}${agentPaths.socket}`, {
    createConnection: () => below, // TLS, if any, is below already
    headers: { authorization: `Bearer ${token}` },
    maxPayload: frameLimit,
    perMessageDeflate: false,
    handshakeTimeout: 15_000,
    followRedirects: false
  })
  return new Promise((resolve) => {
    const send = (message: AgentMessage): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
    }
    const beatMillis = options.heartbeatMillis ?? heartbeatMillis
    let opened = false
    let heard = performance.now()
    let trouble = ""
    let gone: () => void = () => undefined
    let beats: NodeJS.Timeout | undefined

    const beat = async (): Promise<void> => {
      if (performance.now() - heard > silentBeats * beatMillis) {
        trouble = "The hub has gone silent."
        return socket.terminate()
      }
      socket.ping()
      send({ _tag: "agent_heartbeat", sample: await options.sample() })
    }
    const stop = (): void => {
      socket.close(1000, "the agent stops")
      setTimeout(() => socket.terminate(), farewellMillis).unref()
    }
    const hears = (): void => {
      heard = performance.now()
    }
    options.signal.addEventListener("abort", stop, { once: true })
    socket.on("open", () => {
      opened = true
      hears()
      say(`Connected to ${options.target.hub}.`)
      send({ _tag: "hello", ...hello })
      gone = options.connected(send)
      void beat()
      beats = setInterval(() => void beat(), beatMillis)
    })
    socket.on("ping", hears)
    socket.on("pong", hears)
    socket.on("message", (data, binary) => {
      hears()
      try {
        if (binary) throw new Trouble("a binary frame")
        options.received(Result.getOrThrowWith(decode(data.toString()), (failure) => failure))
      } catch (cause) {
        trouble = `The hub said something that this agent does not understand (${reasonOf(cause).slice(0, 200)}).`
        socket.close(1008, "not understood")
      }
    })
    socket.on("unexpected-response", (_, response) => {
      trouble = `The hub refused the socket with status ${response.statusCode ?? 0}.`
      response.destroy()
      socket.terminate()
    })
    socket.on("error", (cause) => {
      trouble ||= `The connection failed: ${reasonOf(cause)}.`
    })
    socket.on("close", (code, text) => {
      clearInterval(beats)
      options.signal.removeEventListener("abort", stop)
      below.destroy()
      gone()
      const reason = text.toString().replace(/\p{Cc}/gu, " ")
      resolve({
        how: code === closeCodes.revoked ? "revoked" : "lost",
        opened,
        reason:
          trouble ||
          (reason === "" ? `The hub closed the connection (${code}).` : `The hub closed the connection: ${reason}.`),
        atLeastMillis: code === closeCodes.slowDown || code === closeCodes.clone ? slowDownMillis : 0
      })
    })
  })
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true })
    if (signal.aborted) resolve(undefined)
  })

const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, millis)
    signal.addEventListener("abort", done, { once: true })
    if (signal.aborted) done()
  })
