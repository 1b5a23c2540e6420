/**
 * How long to wait before the hub is called again: full jitter, so that a hub that comes back is not met by all agents at once.
 *
 * Invariants: the wait is anywhere between nothing and a bound that doubles with each failure, up to a minute; a connection that held for a
 * minute begins the count anew.
 */
const firstMillis = 1_000
const longestMillis = 60_000
/** A connection that held this long was a good one. */
export const stableMillis = 60_000

/** @param failures since the last good connection, from 1; @param chance from 0 to 1 */
export const waitMillis = (failures: number, chance: number): number =>
  Math.floor(chance * Math.min(longestMillis, firstMillis * 2 ** Math.min(failures, 20)))

export const failuresAfter = (failures: number, heldMillis: number): number =>
  heldMillis >= stableMillis ? 1 : failures + 1
