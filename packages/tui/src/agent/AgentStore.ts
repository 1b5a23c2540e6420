/**
 * The terminal's copy of the agents on hosts, as the hub told it last.
 *
 * Owns: them, what instructions may name, the last loads of each. Does not own: fetching (`AgentHub.ts`), drawing (`rows.ts`).
 * Invariants: whether an agent is online and what it measures are true for the moment and stand in no event, so they are asked for, not folded;
 * a measurement is kept once; memory is bounded by agents times `mostLoads`.
 */
import type { AgentInfo } from "@signalbox/core/agent/view.ts"
import type { Vocabulary } from "@signalbox/core/plan/phrasebook/names.ts"
import type { Ticker } from "../ticker.ts"

const mostLoads = 40

export interface Agent extends AgentInfo {
  /** What its host is called in instructions. */
  readonly host: string
  /** Percent of cpu, oldest first, as long as somebody looked. */
  readonly loads: ReadonlyArray<number>
}

export interface AgentModel {
  /** Enrolled ones by host name. */
  readonly byHost: ReadonlyMap<string, Agent>
  readonly online: number
}

export class AgentStore {
  /** Told that the log speaks of agents. */
  onChanged: () => void = () => {}
  private current: AgentModel = { byHost: new Map(), online: 0 }
  private known: Vocabulary | undefined
  private readonly ticker: Ticker

  constructor(ticker: Ticker) {
    this.ticker = ticker
  }

  get model(): AgentModel {
    return this.current
  }
  get vocabulary(): Vocabulary | undefined {
    return this.known
  }

  clear(): void {
    this.current = { byHost: new Map(), online: 0 }
    this.known = undefined
  }

  set(all: ReadonlyArray<AgentInfo>): void {
    const enrolled = all
      .filter((agent) => agent.status === "enrolled")
      .map((agent): Agent => {
        const host = agent.name ?? agent.agentId
        const before = this.current.byHost.get(host)
        const loads = before?.agentId === agent.agentId ? before.loads : []
        const news = agent.sample !== null && agent.lastSeenAt !== before?.lastSeenAt
        return { ...agent, host, loads: news ? [...loads, agent.sample?.cpu ?? 0].slice(-mostLoads) : loads }
      })
    this.current = {
      byHost: new Map(enrolled.map((agent) => [agent.host, agent])),
      online: enrolled.filter((agent) => agent.online).length
    }
    const hosts = enrolled.map(({ host, tags }) => ({ name: host, tags }))
    // The phrasebook's reading is kept as long as nothing has changed.
    if (JSON.stringify(this.known?.hosts) !== JSON.stringify(hosts))
      this.known = hosts.length === 0 ? undefined : { hosts }
    this.ticker.touch()
  }
}
