/**
 * Results on their way to the hub: each is told until it is acknowledged.
 *
 * Owns: which were told, a few at a time, and telling them again. Does not own: the file that keeps those of acts.
 * Invariants: what was acted is told until acknowledged, whatever dies; a read's result lives in memory only, since it can be read again;
 * what the disk did not take is told from memory and offered to the disk until it takes it, so that a full one makes nothing `unknown`
 * that was known.
 */
import { fitting } from "./fitting.ts"
import type { AgentMessage, CommandResult } from "@signalbox/core/agent/protocol.ts"
import type { Ended, Receipts } from "./receipts.ts"
import { reasonOf, say } from "./trouble.ts"

type Answer = (message: AgentMessage) => void

/** On the way without an acknowledgment: of 256 KiB each at most. */
const mostOnTheWay = 8
/** Reads whose results wait in memory; the oldest makes room. */
const mostReads = 32
const repeatMillis = 30_000

interface Unwritten {
  readonly result: CommandResult
  readonly digest: string
  /** The hub has it: it is not told again. */
  readonly heard: boolean
}

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
  /** Resolves when what can be told now was told, and what was not on the disk was offered to it once more. */
  readonly settled: () => Promise<unknown>
}

export interface OutboxOptions {
  /** Asked before a result is told again. */
  readonly since?: (commandId: string, ended: Ended) => Promise<Ended>
  readonly rewriteMillis?: number
}

export const makeOutbox = (receipts: Receipts, given: OutboxOptions = {}): Outbox => {
  const options = { since: (_: string, ended: Ended) => Promise.resolve(ended), rewriteMillis: repeatMillis, ...given }
  const reads = new Map<string, { readonly result: CommandResult; readonly digest: string }>()
  /** Results of acts that the disk did not take yet. */
  const unwritten = new Map<string, Unwritten>()
  /** Acts that have just ended and were not told yet. */
  const fresh = new Set<string>()
  const loading = new Set<Promise<void>>()
  let queue: Array<string> = []
  let onTheWay = new Set<string>()
  let answer: Answer | undefined
  let timer: NodeJS.Timeout | undefined
  let rewriter: NodeJS.Timeout | undefined

  const write = async (id: string): Promise<void> => {
    const one = unwritten.get(id)
    if (one === undefined) return
    await receipts.end(one.digest, one.result)
    const { heard } = unwritten.get(id) ?? one // it may have been acknowledged meanwhile
    unwritten.delete(id)
    if (heard) await receipts.acknowledge(id)
  }
  const writeAll = async (): Promise<void> => {
    for (const id of unwritten.keys()) await write(id).catch(() => undefined) // next time
    if (unwritten.size > 0) return
    clearInterval(rewriter)
    rewriter = undefined
  }
  const load = async (id: string): Promise<CommandResult | undefined> => {
    const read = reads.get(id)?.result
    if (read !== undefined) return read
    const result = unwritten.get(id)?.result ?? (await receipts.result(id))
    if (result === undefined || fresh.delete(id)) return result
    return fitting({ ...result, ...(await options.since(id, result).catch(() => result)) })
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
  const untold = (): ReadonlyArray<string> => [...unwritten].flatMap(([id, { heard }]) => (heard ? [] : [id]))
  const again = (): void => {
    queue = [...new Set([...receipts.unacknowledged(), ...untold(), ...reads.keys()])]
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
        unwritten.set(id, { result, digest, heard: false })
        await write(id).catch((cause: unknown) => {
          say(`How ${id} ended cannot be written (${reasonOf(cause)}). It is told all the same, and tried again.`)
          rewriter ??= setInterval(() => void writeAll(), options.rewriteMillis)
        })
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
      const one = unwritten.get(id)
      if (one !== undefined) unwritten.set(id, { ...one, heard: true })
      onTheWay.delete(id)
      void receipts.acknowledge(id).catch(() => undefined) // told once more then
      pump()
    },
    settled: async () => {
      await Promise.all(loading)
      await writeAll()
      clearInterval(rewriter)
    },
    find: (id) => reads.get(id)?.digest,
    empty: () => reads.size === 0 && unwritten.size === 0 && receipts.unacknowledged().length === 0
  }
}
