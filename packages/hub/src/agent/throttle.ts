/**
 * Attempts that failed, by who tried: too many in a minute and that one has to wait.
 *
 * Invariants: what succeeds costs nothing; a bounded number of addresses is remembered, and forgetting one never locks anybody out.
 */
const windowMillis = 60_000
const most = 20
const mostAddresses = 10_000

export interface Throttle {
  readonly allowed: (address: string, now: number) => boolean
  readonly failed: (address: string, now: number) => void
}

export const makeThrottle = (): Throttle => {
  const failures = new Map<string, { count: number; until: number }>()
  return {
    allowed: (address, now) => {
      const known = failures.get(address)
      return known === undefined || known.until <= now || known.count < most
    },
    failed: (address, now) => {
      const known = failures.get(address)
      if (known !== undefined && known.until > now) known.count += 1
      else {
        failures.delete(address)
        failures.set(address, { count: 1, until: now + windowMillis })
      }
      const [oldest] = failures.keys()
      if (failures.size > mostAddresses && oldest !== undefined) failures.delete(oldest)
    }
  }
}
