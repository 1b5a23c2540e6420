/** The tool room as one value, for `Commands.execute`. */
import type { Decider } from "../log/Decider.ts"
import { decideTool, evolveTool, type ToolCommand, type ToolRejection, type ToolView } from "./decider.ts"
import { type ToolEvent, toolStream } from "./events.ts"

export const toolDecider: Decider<ToolView | undefined, ToolCommand, ToolEvent, ToolRejection> = {
  initial: undefined,
  evolve: (view, event, meta) => evolveTool(meta.stream.slice(toolStream("").length), view, event, meta),
  decide: decideTool
}
