/**
 * The looks at the processors that this process has taken lately, so that a question about now need not wait for a second look.
 *
 * Owns: which earlier look a usage is counted from. Does not own: reading /proc, heartbeats (which look every fifteen seconds).
 * Invariant: a usage covers at least a quarter of a second and at most the time between two heartbeats, or there is none to count from.
 */
import type { CpuTimes } from "./proc.ts"

const leastMillis = 250
const mostMillis = 20_000

interface Look {
  readonly at: number
  readonly times: CpuTimes
}

export const makeLooks = () => {
  let looks: ReadonlyArray<Look> = []
  return {
    /** @param at milliseconds of a clock that nobody sets */
    looked: (times: CpuTimes, at: number): void => {
      const newest = looks.at(-1)
      if (newest === undefined || at - newest.at >= leastMillis) looks = [...looks.slice(-1), { at, times }]
    },
    /** The newest one that is old enough, unless it is too old. */
    before: (at: number): CpuTimes | undefined =>
      looks.findLast((look) => at - look.at >= leastMillis && at - look.at <= mostMillis)?.times
  }
}

/** Of this process. */
export const looks = makeLooks()
