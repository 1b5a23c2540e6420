/**
 * The one way from a request to a launch.
 *
 * Owns: the order of the checks, and what a person is told when a tool does not exist or cannot do what is asked. Does not own:
 * finding tools (`Toolbox.ts`), the tables.
 * Invariant: nothing is launched whose parameters do not fit, or that the tool is known to refuse.
 */
import { Result, Schema } from "effect"
import { closest, validateParams } from "./params.ts"
import type { ParamsInvalid } from "./params.ts"
import type { Invocation, Launch, Tool } from "./Tool.ts"

export class ToolUnknown extends Schema.TaggedError<ToolUnknown>()("ToolUnknown", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const name = this.name.slice(0, 80)
    const near = closest(name, this.known)
    return near === undefined
      ? `there is no tool '${name}'; there are ${this.known.join(", ")}`
      : `there is no tool '${name}'; did you mean '${near}'?`
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
