/** The tools group of the API: the built-in table and people's own definitions. */
import { Effect, Result } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HubApi, type ToolInfo } from "@signalbox/core/api/contract.ts"
import { Invalid, NotFound } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { Commands } from "@signalbox/core/log/Commands.ts"
import type { ToolCommand, ToolView } from "@signalbox/core/tool/decider.ts"
import { toolEvents, toolStream } from "@signalbox/core/tool/events.ts"
import { toolDecider } from "@signalbox/core/tool/room.ts"
import type { Tool } from "@signalbox/core/tool/Tool.ts"
import { allTools } from "@signalbox/core/tool/Toolbox.ts"
import { builtInTool } from "@signalbox/core/tool/tools.ts"
import { decodeUserTool, toTool } from "@signalbox/core/tool/userTool.ts"
import { answer, origin, read, seen } from "../edge/answer.ts"

export const ToolsLive = HttpApiBuilder.group(
  HubApi,
  "tools",
  Effect.fnUntraced(function* (handlers) {
    const models = yield* ReadModels
    const commands = yield* Commands
    const execute = Effect.fnUntraced(function* (
      name: string,
      command: ToolCommand,
      given?: { readonly commandId?: string }
    ) {
      const { position } = yield* commands.execute({
        ...(yield* origin(given)),
        decider: toolDecider,
        types: toolEvents,
        stream: toolStream(name),
        command
      })
      yield* Effect.provideService(seen(position), ReadModels, models)
      return { position }
    })
    return handlers.handleAll({
      list: () =>
        read(Effect.map(Effect.provideService(allTools, ReadModels, models), (tools) => ({ tools: tools.map(info) }))),
      define: ({ payload: { tool, ...given } }) =>
        answer(
          Effect.gen(function* () {
            const definition = yield* Effect.fromResult(decodeUserTool(tool))
            yield* Effect.fromResult(Result.map(toTool(definition), () => undefined))
            // The decoded definition is what was given: nothing is defaulted, unknown fields are refused.
            return yield* execute(
              definition.name,
              { _tag: "Define", definition: tool as ToolView["definition"] },
              given
            )
          })
        ),
      remove: ({ params: { name } }) =>
        answer(
          Effect.gen(function* () {
            if (builtInTool(name) !== undefined)
              return yield* Effect.fail(new Invalid({ detail: `${name} is built in and cannot be removed.` }))
            const known = /^[a-z][a-z0-9-]{0,39}$/.test(name)
              ? (yield* commands.load(toolDecider, toolEvents, toolStream(name))).state
              : undefined
            if (known === undefined || known.removed)
              return yield* Effect.fail(
                new NotFound({ what: name, detail: `There is no tool ${name} of your own. See tool list.` })
              )
            return yield* execute(name, { _tag: "Remove" })
          })
        )
    })
  })
)

const info = (tool: Tool): ToolInfo => ({
  name: tool.name,
  title: tool.title,
  binary: tool.binary,
  format: tool.format,
  canResume: tool.canResume,
  params: tool.params,
  builtIn: builtInTool(tool.name) !== undefined
})
