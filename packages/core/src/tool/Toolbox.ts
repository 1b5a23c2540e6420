/**
 * All tools that there are now: the built-in table and what people defined.
 *
 * Owns: finding a tool by name. Does not own: the table (`tools.ts`), the definitions' storage (the tool room's read model).
 * Invariant: a built-in name is never shadowed.
 */
import { Effect, Result } from "effect"
import { ReadModels } from "../api/ReadModels.ts"
import type { DbError } from "../postgres/Db.ts"
import type { Tool } from "./Tool.ts"
import { builtInTool, builtInTools } from "./tools.ts"
import { decodeUserTool, toTool, type ToolInvalid } from "./userTool.ts"

/** `undefined`: no such tool. A definition that an older version accepted and this one does not is ToolInvalid. */
export const findTool = (name: string): Effect.Effect<Tool | undefined, DbError | ToolInvalid, ReadModels> =>
  Effect.gen(function* () {
    const builtIn = builtInTool(name)
    if (builtIn !== undefined) return builtIn
    const defined = (yield* (yield* ReadModels).tools).find((tool) => tool.name === name)
    if (defined === undefined) return undefined
    return yield* Effect.fromResult(Result.flatMap(decodeUserTool(defined.definition), toTool))
  })

/** Built-in ones first, then people's own by name; definitions that are not valid any more are left out. */
export const allTools: Effect.Effect<ReadonlyArray<Tool>, DbError, ReadModels> = Effect.gen(function* () {
  const defined = yield* (yield* ReadModels).tools
  const own = defined.flatMap((tool) => {
    const made = Result.flatMap(decodeUserTool(tool.definition), toTool)
    return Result.isSuccess(made) ? [made.success] : []
  })
  return [...Object.values(builtInTools), ...own]
})
