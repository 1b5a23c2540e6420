/**
 * Whether and when a request that failed before its first part is made again.
 *
 * Owns: the backoff. Does not own: which failures may be tried again (`failures.ts`), waiting.
 * Invariants: pure; a server's `retry-after` is never undercut; a pause that would outlast the patience is not begun.
 */

export interface Pacing {
  /** How long all attempts and pauses may take together. */
  readonly patienceMs: number
  /** The first pause; it doubles. */
  readonly backoffMs: number
}

export const usual: Pacing = { patienceMs: 60_000, backoffMs: 500 }

const LONGEST_PAUSE = 15_000

/**
 * @param attempt 1 for the first that failed
 * @param random in [0, 1)
 * @returns milliseconds, undefined: give up
 */
export const pauseAfter = (
  attempt: number,
  { patienceMs, backoffMs }: Pacing,
  facts: { readonly elapsedMs: number; readonly retryAfterMs: number | undefined; readonly random: number }
): number | undefined => {
  const doubled = Math.min(LONGEST_PAUSE, backoffMs * 2 ** (attempt - 1))
  // many workers that failed together shall not come back together
  const pause =
    facts.retryAfterMs === undefined
      ? doubled * (0.75 + facts.random / 2)
      : facts.retryAfterMs + facts.random * Math.min(250, backoffMs)
  return facts.elapsedMs + pause > patienceMs ? undefined : Math.round(pause)
}
