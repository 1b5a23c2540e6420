/**
 * Attempts that failed, by address: too many in a minute and that address has to wait.
 *
 * Invariants: what succeeds costs nothing; a bounded number of addresses is remembered, and forgetting one never locks anybody out.
 */
import { networkOf } from "@signalbox/core/account/throttle.ts"

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
      const known = failures.get(networkOf(address))
      return known === undefined || known.until <= now || known.count < most
    },
    failed: (address, now) => {
      const network = networkOf(address)
      const known = failures.get(network)
      if (known !== undefined && known.until > now) known.count += 1
      else {
        failures.delete(network)
        failures.set(network, { count: 1, until: now + windowMillis })
      }
      const [oldest] = failures.keys()
      if (failures.size > mostAddresses && oldest !== undefined) failures.delete(oldest)
    }
  }
}
