/**
 * One act or read, within its time.
 *
 * Owns: the time limit, and what is said of a performer that fails or does not come back. Does not own: the performers, receipts.
 * Invariants: an act whose performer did not say how it ended is `unknown`, and so is one that failed because its time was over: what it had
 * begun may still come to its end; a read that failed is `failed`.
 */
import type { Act } from "@signalbox/core/action/catalog.ts"
import type { CommandResult } from "@signalbox/core/agent/protocol.ts"
import type { Performed, Performer, Performers, Performing } from "./perform/Performer.ts"
import { reasonOf } from "./trouble.ts"

/** For a performer that was aborted, to end its children and say how it ended. */
const graceMillis = 10_000

type Ended = Pick<CommandResult, "outcome" | "summary" | "data" | "proven">

export interface CarriedOut {
  readonly performed: Ended & Pick<Performed, "afterwards">
  /** Resolves when the performer is truly gone, which may be after the answer. */
  readonly rest: Promise<unknown>
}

export const carryOut = async (
  performers: Partial<Performers>,
  act: Act,
  of: {
    readonly commandId: string
    readonly timeoutMs: number
    readonly effect: "reads" | "acts"
    readonly guardMillis?: number
  }
): Promise<CarriedOut> => {
  const performer = performers[act.name] as Performer<typeof act.name> | undefined
  if (performer === undefined)
    return { performed: broken(of.effect, "it cannot carry this out"), rest: Promise.resolve() }
  const abort = new AbortController()
  const performing: Performing = {
    commandId: of.commandId,
    signal: abort.signal,
    ...(of.guardMillis === undefined ? {} : { guardMillis: of.guardMillis })
  }
  const work = Promise.resolve()
    .then(() => performer(act.args as never, performing)) // decoded by the very entry that named the performer
    .then((performed): CarriedOut["performed"] =>
      abort.signal.aborted && performed.outcome === "failed" && of.effect === "acts"
        ? { ...performed, outcome: "unknown" }
        : performed
    )
    .catch((cause: unknown) =>
      broken(of.effect, abort.signal.aborted ? `it was not done in ${of.timeoutMs / 1_000} s` : reasonOf(cause))
    )
  const late = {
    performed: broken(of.effect, `it was not done in ${of.timeoutMs / 1_000} s and could not be ended`),
    rest: work
  }
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<CarriedOut>((resolve) => {
    timer = setTimeout(() => {
      abort.abort()
      timer = setTimeout(() => resolve(late), graceMillis)
    }, of.timeoutMs)
  })
  try {
    return await Promise.race([over, work.then((performed) => ({ performed, rest: work }))])
  } finally {
    clearTimeout(timer)
  }
}

const broken = (effect: "reads" | "acts", reason: string): Ended =>
  effect === "reads"
    ? { outcome: "failed", summary: `Nothing could be read: ${reason}.`, data: null }
    : {
        outcome: "unknown",
        summary: `Nobody can tell what was done: ${reason}. Look at the host before you try again.`,
        data: null
      }
