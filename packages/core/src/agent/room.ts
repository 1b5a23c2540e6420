/** The agent room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { type AgentCommand, type AgentRejection, decideAgent } from "./decider.ts"
import { type AgentEvent, agentIdOfStream } from "./events.ts"
import { type AgentView, evolveAgent } from "./view.ts"

export const agentDecider: Decider<AgentView | undefined, AgentCommand, AgentEvent, AgentRejection> = {
  initial: undefined,
  evolve: (view, event, meta) => evolveAgent(view, event, meta, agentIdOfStream(meta.stream)),
  decide: decideAgent
}
