/**
 * The tools that exist here and now: the built-in ones and those that people defined.
 *
 * Owns: finding a tool by name, and the one way from a request to a launch. Does not own: the tables, storing definitions.
 * Invariant: nothing is launched whose parameters do not fit or that the tool is known to refuse.
 */
import { Array as List, Result, Schema } from "effect"
import { closest, validateParams } from "./params.ts"
import type { ParamsInvalid } from "./params.ts"
import type { Invocation, Launch, Tool } from "./Tool.ts"
import { builtInTools } from "./tools.ts"
import { toTool } from "./userTool.ts"
import type { ToolInvalid, UserTool } from "./userTool.ts"

export class ToolUnknown extends Schema.TaggedError<ToolUnknown>()("ToolUnknown", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const near = closest(this.name, this.known)
    return near === undefined
      ? `there is no tool '${this.name}'; there are ${this.known.join(", ")}`
      : `there is no tool '${this.name}'; did you mean '${near}'?`
  }
}

/** The tool cannot do what is asked: an empty prompt, a prompt no command line can carry, a session it does not keep. */
export class InvocationRefused extends Schema.TaggedError<InvocationRefused>()("InvocationRefused", {
  tool: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export interface ToolCatalog {
  readonly all: ReadonlyArray<Tool>
  /** Definitions that are no tools (any more): kept apart, so that one bad row does not hide the others. */
  readonly invalid: ReadonlyArray<ToolInvalid>
  readonly find: (name: string) => Result.Result<Tool, ToolUnknown>
}

export const makeToolCatalog = (defined: ReadonlyArray<UserTool>): ToolCatalog => {
  const results = defined.map(toTool)
  // A later definition of the same name replaces the earlier one.
  const tools = new Map(
    [...Object.values(builtInTools), ...List.getSuccesses(results)].map((tool) => [tool.name, tool])
  )
  return {
    all: [...tools.values()],
    invalid: List.getFailures(results),
    find: (name) => {
      const tool = tools.get(name)
      return tool === undefined
        ? Result.fail(new ToolUnknown({ name: name.slice(0, 80), known: [...tools.keys()] }))
        : Result.succeed(tool)
    }
  }
}

export const launchOf = (
  tool: Tool,
  invocation: Invocation
): Result.Result<Launch, ParamsInvalid | InvocationRefused> => {
  const params = validateParams(tool, invocation.params)
  if (Result.isFailure(params)) return Result.fail(params.failure)
  const reason = tool.refusal(invocation)
  return reason === undefined
    ? Result.succeed(tool.launch(invocation))
    : Result.fail(new InvocationRefused({ tool: tool.name, reason }))
}
