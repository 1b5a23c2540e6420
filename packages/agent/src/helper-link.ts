/**
 * The unprivileged process's side of the helper's socket.
 *
 * Owns: handing in what needs root, again after the helper died, until it is answered. Does not own: what the helper does.
 * Invariants: nothing is answered in the helper's place but a command that was never handed over before its time was over, or for which
 * there is no room; what is handed over is as the hub signed it.
 */
import { connect, type Socket } from "node:net"
import { AgentMessage, type HubMessage } from "@signalbox/core/agent/protocol.ts"
import type { CommandRequest } from "@signalbox/core/agent/grant.ts"
import type { GuardReleased } from "./desk.ts"
import { readLines, writeLine } from "./lines.ts"
import { codeOf, reasonOf } from "./trouble.ts"

const retryMillis = 1_000
/** As many as the helper's desk takes. */
const mostPending = 500

type Note = Extract<HubMessage, { readonly _tag: "result_acknowledged" | "relapse_acknowledged" | "guard_released" }>

export interface HelperLink {
  readonly request: (request: CommandRequest) => void
  readonly acknowledge: (commandId: string) => void
  readonly relapseHeard: (commandId: string) => void
  readonly release: (released: GuardReleased) => void
  /** Connects anew, and with that hears again of everything that is not acknowledged. Undefined: nobody listens. */
  readonly attach: (answer: ((message: AgentMessage) => void) | undefined) => void
  readonly close: () => void
}

interface Pending {
  readonly request: CommandRequest
  handed: boolean
}

export const makeHelperLink = (path: string): HelperLink => {
  const pending = new Map<string, Pending>()
  /** Small things that wait for a connection. */
  const notes = new Map<string, object>()
  let socket: Socket | undefined
  let ready = false
  let answer: ((message: AgentMessage) => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let trouble = "it is not there"
  let closed = false

  const open = (): void => {
    if (closed || socket !== undefined) return
    clearTimeout(timer)
    const mine = connect(path)
    socket = mine
    ready = false
    mine.once("connect", () => {
      ready = true
      for (const note of notes.values()) writeLine(mine, note)
      notes.clear()
      for (const one of pending.values()) hand(mine, one)
    })
    readLines(mine, AgentMessage, (message) => {
      if (message._tag === "command_result") pending.delete(message.commandId)
      answer?.(message)
    })
    mine.on("error", (cause) => {
      trouble = codeOf(cause) || reasonOf(cause)
    })
    mine.once("close", () => {
      if (socket !== mine) return
      socket = undefined
      ready = false
      giveUpLate()
      if (pending.size + notes.size > 0) timer = setTimeout(open, retryMillis)
    })
  }
  const hand = (to: Socket, one: Pending): void => {
    one.handed = true
    writeLine(to, one.request)
  }
  /** What the helper never saw has certainly not been done. */
  const giveUpLate = (): void => {
    for (const [commandId, { request, handed }] of pending) {
      if (handed || Date.now() <= request.grant.expiresAt) continue
      pending.delete(commandId)
      answer?.(
        notDone(
          commandId,
          "expired",
          "no-helper",
          `The agent's helper could not be reached in time (${trouble}), so nothing was done. Look at systemctl status signalbox-agent-helper.socket.`
        )
      )
    }
  }
  const note = (message: Note): void => {
    if (ready && socket !== undefined) writeLine(socket, message)
    else {
      if (notes.size < mostPending) notes.set(`${message._tag} ${message.commandId}`, message)
      open()
    }
  }
  return {
    request: (request) => {
      if (pending.size >= mostPending && !pending.has(request.commandId))
        return answer?.(
          notDone(
            request.commandId,
            "refused",
            "busy",
            `${mostPending} commands wait on this host already, so nothing was done.`
          )
        )
      const one: Pending = { request, handed: false }
      pending.set(request.commandId, one)
      if (ready && socket !== undefined) hand(socket, one)
      else open()
    },
    acknowledge: (commandId) => note({ _tag: "result_acknowledged", commandId }),
    relapseHeard: (commandId) => note({ _tag: "relapse_acknowledged", commandId }),
    release: note,
    attach: (to) => {
      answer = to
      if (to === undefined) return
      const old = socket
      socket = undefined
      old?.destroy()
      open()
    },
    close: () => {
      closed = true
      clearTimeout(timer)
      socket?.destroy()
    }
  }
}

const notDone = (
  commandId: string,
  outcome: "expired" | "refused",
  reason: "no-helper" | "busy",
  summary: string
): AgentMessage => {
  const at = Date.now()
  return { _tag: "command_result", commandId, outcome, summary, data: { reason }, startedAt: at, finishedAt: at }
}
