/**
 * Random but repeatable appends: the same seed gives the same commands, so that a writer that was killed can be run again and
 * whoever checks the log knows what each command was.
 */
import { createHash } from "node:crypto"
import { Effect, Result } from "effect"
import { type Append, EventLog } from "@signalbox/core/log/EventLog.ts"

export interface Reported {
  readonly commandId: string
  readonly outcome: "accepted" | "VersionConflict" | "CommandRejected" | "CommandIdReused"
  readonly from: number
  readonly to: number
  readonly position: number
}

/** Appends, stale and lucky expectations, rejections, repeats of a command and reuses of its id, on eight shared streams. */
export const operations = (seed: number, count: number): ReadonlyArray<Append> => {
  const random = generator(seed)
  const below = (n: number) => Math.floor(random() * n)
  const made: Array<Append> = []
  for (let n = 0; n < count; n++) {
    const fresh: Append = {
      stream: `stream-${below(8)}`,
      expected: "any",
      commandId: uuid(`${seed}/${n}`),
      events: Array.from({ length: 1 + below(4) }, (_, i) => ({
        type: "Happened",
        data: { seed, n, i, text: "é✓🚂".repeat(below(50)) }
      })),
      actor: `writer:${seed}`
    }
    const before = made[below(made.length)]
    const kind = below(10)
    if (kind === 0 && before !== undefined) made.push(before)
    else if (kind === 1 && before !== undefined) made.push({ ...fresh, commandId: before.commandId })
    else if (kind === 2) made.push({ ...fresh, events: [], reject: `no ${n}` })
    else if (kind === 3) made.push({ ...fresh, expected: below(40) })
    else made.push(fresh)
  }
  return made
}

export const perform = (item: Append): Effect.Effect<Reported, unknown, EventLog> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const done = yield* Effect.result(log.append(item))
    const base = { commandId: item.commandId, from: 0, to: 0, position: 0 }
    if (Result.isSuccess(done)) {
      const { fromVersion: from, toVersion: to, toPosition: position } = done.success
      return { ...base, outcome: "accepted", from, to, position }
    }
    const { failure } = done
    if (failure._tag === "EventNotStorable" || failure._tag === "LogUnavailable") return yield* Effect.fail(failure)
    return { ...base, outcome: failure._tag }
  })

const uuid = (text: string): string =>
  createHash("sha256")
    .update(text)
    .digest("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5")

/** mulberry32 */
const generator = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
