/**
 * The events of a tool that a person defined: one stream `tool/<name>`.
 *
 * Owns: payload schemas. Does not own: what a definition may say (`userTool.ts`); it is checked before it is recorded and again
 * when it is used, so that a definition of an older program never breaks the log.
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"

export const ToolEvent = Schema.TaggedUnion({
  /** The whole definition; a second one replaces the first. */
  ToolDefined: { definition: Schema.Record(Schema.String, Schema.Json) },
  ToolRemoved: {}
})
export type ToolEvent = typeof ToolEvent.Type

export const toolEvents = makeEventTypes<ToolEvent>({ schema: ToolEvent, types: ["ToolDefined", "ToolRemoved"] })

export const toolStream = (name: string): string => `tool/${name}`
