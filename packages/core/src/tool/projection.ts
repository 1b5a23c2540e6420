/** The read model of people's own tools: `read.tool`. */
import type { Projection } from "../projection/Projection.ts"
import { viewProjection } from "../projection/view-projection.ts"
import { evolveTool, ToolView } from "./decider.ts"
import { toolEvents } from "./events.ts"

export const toolProjection: Projection = viewProjection({
  name: "tool",
  version: 1,
  prefix: "tool/",
  table: "tool",
  types: toolEvents,
  schema: ToolView,
  initial: () => undefined,
  evolve: (view, event, meta, id) => evolveTool(id, view, event, meta)
})
