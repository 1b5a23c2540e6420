/**
 * Results on their way to the hub: each is told until it is acknowledged.
 *
 * Owns: which were told, a few at a time, and telling them again. Does not own: the file that keeps those of acts.
 * Invariants: what was acted is told until acknowledged, whatever dies; a read's result lives in memory only, since it can be read again.
 */
import { fitting } from "./fitting.ts"
import type { AgentMessage, CommandResult } from "@signalbox/core/agent/protocol.ts"
import type { Ended, Receipts } from "./receipts.ts"

type Answer = (message: AgentMessage) => void

/** On the way without an acknowledgment: of 256 KiB each at most. */
const mostOnTheWay = 8
/** Reads whose results wait in memory; the oldest makes room. */
const mostReads = 32
const repeatMillis = 30_000

export interface Outbox {
  readonly attach: (answer: Answer | undefined) => void
  /** Said if somebody listens, and forgotten. */
  readonly tell: (message: AgentMessage) => void
  /** A refusal: nothing was done, so nothing is kept. */
  readonly once: (result: CommandResult) => void
  /** @param durable kept in the receipts */
  readonly add: (result: CommandResult, digest: string, durable: boolean) => Promise<void>
  readonly repeat: (commandId: string) => void
  readonly acknowledge: (commandId: string) => void
  /** The digest of a read whose result is still here. */
  readonly find: (commandId: string) => string | undefined
  readonly empty: () => boolean
  /** Resolves when what can be told now was told. */
  readonly told: () => Promise<unknown>
}

export const makeOutbox = (
  receipts: Receipts,
  since: (commandId: string, ended: Ended) => Promise<Ended> = (_, ended) => Promise.resolve(ended)
): Outbox => {
  const reads = new Map<string, { readonly result: CommandResult; readonly digest: string }>()
  const unwritten = new Map<string, CommandResult>()
  /** Acts that have just ended and were not told yet. */
  const fresh = new Set<string>()
  const loading = new Set<Promise<void>>()
  let queue: Array<string> = []
  let onTheWay = new Set<string>()
  let answer: Answer | undefined
  let timer: NodeJS.Timeout | undefined

  const load = async (id: string): Promise<CommandResult | undefined> => {
    const read = reads.get(id)?.result
    if (read !== undefined) return read
    const result = unwritten.get(id) ?? (await receipts.result(id))
    if (result === undefined || fresh.delete(id)) return result
    return fitting({ ...result, ...(await since(id, result).catch(() => result)) })
  }

  const pump = (): void => {
    const to = answer
    if (to === undefined) return
    while (onTheWay.size < mostOnTheWay) {
      const id = queue.shift()
      if (id === undefined) return
      if (onTheWay.has(id)) continue
      onTheWay.add(id)
      const work = load(id)
        .catch(() => undefined) // the file is closed, or the disk broken: told by whoever opens it next
        .then((result) => {
          loading.delete(work)
          if (result === undefined) onTheWay.delete(id)
          else if (to === answer) to({ _tag: "command_result", ...result })
        })
      loading.add(work)
    }
  }
  const again = (): void => {
    queue = [...new Set([...receipts.unacknowledged(), ...unwritten.keys(), ...reads.keys()])]
    onTheWay = new Set()
    pump()
  }
  return {
    attach: (to) => {
      clearInterval(timer)
      answer = to
      fresh.clear() // whatever waited for somebody to listen
      if (to === undefined) return
      again()
      timer = setInterval(again, repeatMillis)
      timer.unref()
    },
    tell: (message) => answer?.(message),
    once: (result) => answer?.({ _tag: "command_result", ...result }),
    add: async (result, digest, durable) => {
      const id = result.commandId
      if (durable) {
        fresh.add(id)
        await receipts.end(digest, result).catch(() => unwritten.set(id, result)) // told all the same; unknown after a restart
      } else {
        reads.set(id, { result, digest })
        const [oldest] = reads.keys()
        if (reads.size > mostReads && oldest !== undefined) reads.delete(oldest)
      }
      queue.push(id)
      pump()
    },
    repeat: (id) => {
      onTheWay.delete(id)
      queue.push(id)
      pump()
    },
    acknowledge: (id) => {
      reads.delete(id)
      unwritten.delete(id)
      onTheWay.delete(id)
      void receipts.acknowledge(id).catch(() => undefined) // told once more then
      pump()
    },
    told: () => Promise.all(loading),
    find: (id) => reads.get(id)?.digest,
    empty: () => reads.size === 0 && unwritten.size === 0 && receipts.unacknowledged().length === 0
  }
}
