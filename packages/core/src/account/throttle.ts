/**
 * How often a password may be tried.
 *
 * Owns: the waiting times of one account (from its events: they outlive a restart and hold for all hubs together) and the count of one
 * address (in the memory of this process, of the last 10,000 addresses).
 * Invariants: the first mistakes cost nothing; then every one doubles the wait, up to a quarter of an hour; while somebody must wait,
 * nothing is tried and nothing is recorded, so that guessing cannot fill the log either.
 */
const free = 5
const firstWaitMs = 5_000
const longestWaitMs = 15 * 60_000

/** How long after its last refusal an account may be tried again. */
export const waitAfter = (refusals: number): number =>
  refusals < free ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(refusals - free, 20))

/** @returns milliseconds from now until it may be tried; 0: now */
export const accountWait = (
  view: { readonly refusals: number; readonly refusedAt: string | null },
  now: number
): number => {
  if (view.refusedAt === null) return 0
  const at = Date.parse(view.refusedAt)
  return Math.min(longestWaitMs, Math.max(0, at + waitAfter(view.refusals) - now))
}

const perAddress = 30
const windowMs = 10 * 60_000
const remembered = 10_000

export interface AddressThrottle {
  /** @returns milliseconds to wait; 0: it may be tried now */
  readonly wait: (address: string, now: number) => number
  readonly refused: (address: string, now: number) => void
  /** How many are remembered. */
  readonly size: () => number
}

export const makeAddressThrottle = (): AddressThrottle => {
  const seen = new Map<string, { readonly since: number; readonly count: number }>()
  return {
    wait: (address, now) => {
      const found = seen.get(address)
      return found === undefined || found.count < perAddress ? 0 : Math.max(0, found.since + windowMs - now)
    },
    refused: (address, now) => {
      const found = seen.get(address)
      const count = found !== undefined && now < found.since + windowMs ? found.count + 1 : 1
      seen.delete(address)
      seen.set(address, { since: count === 1 || found === undefined ? now : found.since, count })
      for (const oldest of seen.keys()) {
        if (seen.size <= remembered) break
        seen.delete(oldest)
      }
    },
    size: () => seen.size
  }
}
