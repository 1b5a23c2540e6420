/**
 * How a performer says that it could not, and what is made of it.
 *
 * Owns: the errors that performers throw, and the answers made of two of them. Does not own: what performers do.
 * Invariants: `Refused` means that nothing was changed and `NotDone` that it is known how it failed; everything else goes through,
 * because then nobody can tell.
 */
import { Schema } from "effect"
import type { Performed, Performing } from "./Performer.ts"
import { clean } from "./text/clean.ts"

/** Nothing was done. The sentence says why and what would help. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** It was tried and did not come to its end. */
export class NotDone extends Schema.TaggedError<NotDone>()("NotDone", {
  why: Schema.String,
  data: Schema.optionalKey(Schema.Json)
}) {
  override get message(): string {
    return this.why
  }
}

/** It was begun and its time was over: what became of it nobody here can tell. Goes through to whoever called. */
export class CannotTell extends Schema.TaggedError<CannotTell>()("CannotTell", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** Of a sentence in a result; the protocol allows 2,000. */
const summaryLimit = 1_900

export const answering =
  <Args>(perform: (args: Args, of: Performing) => Promise<Performed>) =>
  async (args: Args, of: Performing): Promise<Performed> => {
    try {
      return capped(await perform(args, of))
    } catch (cause) {
      if (cause instanceof Refused) return capped({ outcome: "refused", summary: cause.why, data: null })
      if (cause instanceof NotDone) return capped({ outcome: "failed", summary: cause.why, data: cause.data ?? null })
      throw cause
    }
  }

const capped = (performed: Performed): Performed => ({ ...performed, summary: clean(performed.summary, summaryLimit) })

/** One sentence for what Node or a program threw. */
export const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return "Something failed that gave no reason."
  const { code } = cause as NodeJS.ErrnoException // Node's own errors have it
  const path = "path" in cause && typeof cause.path === "string" ? cause.path : undefined
  if (code === "ENOENT" && path !== undefined) return `${path} does not exist.`
  if (code === "EACCES" && path !== undefined) return `The agent may not open ${path}.`
  if (code === "ENOSPC") return "The disk is full."
  return cause.message === "" ? cause.name : cause.message
}
