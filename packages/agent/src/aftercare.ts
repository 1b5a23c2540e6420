/**
 * Acts after their answer: looked after for a while, and told when what was well fell over.
 *
 * Owns: one look an act, its end when the same thing is acted on anew, telling a relapse until the hub has it. Does not own: what a relapse
 * is (performers), results (`outbox.ts`).
 * Invariants: a relapse is told only when the hub has acknowledged the result that it takes back; all of it is in memory, because an agent
 * that died cannot have looked; nothing here holds up the next act.
 */
import type { AgentMessage } from "@signalbox/core/agent/protocol.ts"
import type { Performed, Relapse } from "./perform/Performer.ts"

const repeatMillis = 30_000
/** Of relapses that wait for the hub; the oldest makes room. */
const most = 100

export interface Aftercare {
  /** @param key of what was acted on */
  readonly watch: (commandId: string, key: string, look: NonNullable<Performed["afterwards"]>) => void
  /** It is acted on anew: what becomes of it now is that act's. */
  readonly leave: (key: string) => void
  /** The hub has the result. */
  readonly heard: (commandId: string) => void
  readonly acknowledge: (commandId: string) => void
  readonly attach: (answer: ((message: AgentMessage) => void) | undefined) => void
  /** Nothing is looked at, and nothing waits for the hub. */
  readonly idle: () => boolean
  readonly stop: () => void
}

interface Watched {
  readonly key: string
  readonly abort: AbortController
}
type Told = Extract<AgentMessage, { readonly _tag: "command_relapsed" }>

export const makeAftercare = (now: () => number): Aftercare => {
  const watched = new Map<string, Watched>()
  /** Results that the hub does not have yet. */
  const unheard = new Set<string>()
  const relapses = new Map<string, Told>()
  let answer: ((message: AgentMessage) => void) | undefined
  let timer: NodeJS.Timeout | undefined

  const tell = (): void => {
    for (const [id, told] of relapses) if (!unheard.has(id)) answer?.(told)
  }
  const relapsed = (commandId: string, { summary, data }: Relapse): void => {
    relapses.set(commandId, { _tag: "command_relapsed", commandId, summary, data, at: now() })
    const [oldest] = relapses.keys()
    if (relapses.size > most && oldest !== undefined) relapses.delete(oldest)
    if (!unheard.has(commandId)) tell()
  }
  return {
    watch: (commandId, key, look) => {
      const abort = new AbortController()
      watched.set(commandId, { key, abort })
      unheard.add(commandId)
      void look(abort.signal)
        .catch(() => undefined) // left, or systemd cannot be asked: then nobody can tell
        .then((relapse) => {
          watched.delete(commandId)
          if (relapse !== undefined && !abort.signal.aborted) relapsed(commandId, relapse)
          else unheard.delete(commandId)
        })
    },
    leave: (key) => {
      for (const one of watched.values()) if (one.key === key) one.abort.abort()
    },
    heard: (commandId) => {
      if (unheard.delete(commandId) && relapses.has(commandId)) tell()
    },
    acknowledge: (commandId) => void relapses.delete(commandId),
    attach: (to) => {
      clearInterval(timer)
      answer = to
      if (to === undefined) return
      tell()
      timer = setInterval(tell, repeatMillis)
      timer.unref()
    },
    idle: () => watched.size === 0 && relapses.size === 0,
    stop: () => {
      for (const one of watched.values()) one.abort.abort()
    }
  }
}
