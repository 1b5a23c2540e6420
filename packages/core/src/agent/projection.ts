/** The read model of agents: `read.agent`. */
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { agentEvents } from "./events.ts"
import { AgentView, evolveAgent } from "./view.ts"

export const agentProjection: Projection = viewProjection({
  name: "agent",
  version: 1,
  prefix: "agent/",
  table: "agent",
  types: agentEvents,
  schema: AgentView,
  initial: () => undefined,
  evolve: evolveAgent
})
