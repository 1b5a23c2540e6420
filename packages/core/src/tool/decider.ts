/** What may happen to a tool that a person defined, and the fold of its events. Pure. */
import { Result, Schema } from "effect"
import type { ToolEvent } from "./events.ts"

export const ToolView = Schema.Struct({
  name: Schema.String,
  /** As it was given; decode it with `decodeUserTool` before use. */
  definition: Schema.Record(Schema.String, Schema.Json),
  actor: Schema.String,
  changedAt: Schema.String,
  removed: Schema.Boolean,
  version: Schema.Int
}).annotate({ identifier: "DefinedTool" })
export type ToolView = typeof ToolView.Type

export class ToolRejection extends Schema.TaggedError<ToolRejection>()("ToolRejection", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

export type ToolCommand =
  { readonly _tag: "Define"; readonly definition: ToolView["definition"] } | { readonly _tag: "Remove" }

export const evolveTool = (
  name: string,
  view: ToolView | undefined,
  event: ToolEvent,
  meta: { readonly at: string; readonly actor: string; readonly version: number }
): ToolView | undefined =>
  event._tag === "ToolDefined"
    ? {
        name,
        definition: event.definition,
        actor: meta.actor,
        changedAt: meta.at,
        removed: false,
        version: meta.version
      }
    : view && { ...view, removed: true, version: meta.version }

export const decideTool = (
  view: ToolView | undefined,
  command: ToolCommand
): Result.Result<ReadonlyArray<ToolEvent>, ToolRejection> => {
  const defined = view !== undefined && !view.removed
  if (command._tag === "Remove")
    return defined
      ? Result.succeed([{ _tag: "ToolRemoved" }])
      : Result.fail(new ToolRejection({ reason: "There is no such tool of your own. See tool list." }))
  return defined && JSON.stringify(view.definition) === JSON.stringify(command.definition)
    ? Result.succeed([])
    : Result.succeed([{ _tag: "ToolDefined", definition: command.definition }])
}
