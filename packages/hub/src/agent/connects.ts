/**
 * How often one agent may open a socket: every connection is an event, and a host that is not well must not fill the log.
 *
 * Invariant: a bounded number of agents is remembered, and forgetting one never locks it out.
 */
const burst = 20
const refillMillis = 3_000
const mostAgents = 10_000

export interface Connects {
  /** Counts it, if it may. */
  readonly allowed: (agentId: string, now: number) => boolean
}

export const makeConnects = (): Connects => {
  const known = new Map<string, { readonly left: number; readonly at: number }>()
  return {
    allowed: (agentId, now) => {
      const before = known.get(agentId)
      const left = before === undefined ? burst : Math.min(burst, before.left + (now - before.at) / refillMillis)
      known.delete(agentId)
      known.set(agentId, { left: Math.max(0, left < 1 ? left : left - 1), at: now })
      const [oldest] = known.keys()
      if (known.size > mostAgents && oldest !== undefined) known.delete(oldest)
      return left >= 1
    }
  }
}
