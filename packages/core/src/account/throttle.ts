/**
 * How often a password may be tried.
 *
 * Owns: the waiting times of one account (from its events: they outlive a restart and hold for all hubs together), of a name that is no
 * account's, and the count of one address (both in the memory of this process, of the last 10,000).
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

export interface NameThrottle {
  /** @returns milliseconds to wait; 0: it may be tried now */
  readonly wait: (name: string, now: number) => number
  readonly refused: (name: string, now: number) => void
}

/** Names that are no account's wait as accounts do: whoever must wait has not learned that there is one. */
export const makeNameThrottle = (): NameThrottle => {
  const seen = new Map<string, { readonly refusals: number; readonly refusedAt: string }>()
  const wait = (name: string, now: number): number => accountWait(seen.get(name) ?? nothingYet, now)
  return {
    wait,
    refused: (name, now) => {
      if (wait(name, now) > 0) return
      const refusals = (seen.get(name)?.refusals ?? 0) + 1
      keep(seen, name, { refusals, refusedAt: new Date(now).toISOString() })
    }
  }
}
const nothingYet = { refusals: 0, refusedAt: null }

const keep = <A>(seen: Map<string, A>, key: string, value: A): void => {
  seen.delete(key)
  seen.set(key, value)
  for (const oldest of seen.keys()) {
    if (seen.size <= remembered) break
    seen.delete(oldest)
  }
}

/** Of IPv6 the half that names a network: whoever has one has all the addresses in it. */
export const networkOf = (address: string): string => {
  if (!address.includes(":")) return address
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::")
  const left = head === "" ? [] : head.split(":")
  const right = tail === undefined || tail === "" ? [] : tail.split(":")
  const between = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  return [...left, ...Array.from({ length: between }, () => "0"), ...right].slice(0, 4).join(":")
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
      const found = seen.get(networkOf(address))
      return found === undefined || found.count < perAddress ? 0 : Math.max(0, found.since + windowMs - now)
    },
    refused: (address, now) => {
      const network = networkOf(address)
      const found = seen.get(network)
      const count = found !== undefined && now < found.since + windowMs ? found.count + 1 : 1
      keep(seen, network, { since: count === 1 || found === undefined ? now : found.since, count })
    },
    size: () => seen.size
  }
}
