/** `tool list`, `show`, `add` and `remove`. */
import { randomUUID } from "node:crypto"
import { readFile, stat } from "node:fs/promises"
import { Effect, Schema, Stdio, Stream } from "effect"
import { HubClient } from "@signalbox/core/api/HubClient.ts"
import type { ToolInfo } from "@signalbox/core/api/contract.ts"
import { withHub } from "../client/hub.ts"
import { facts, table } from "../client/table.ts"
import { answer, cannotTell, failed } from "../output.ts"

const json = (tool: ToolInfo): Schema.Json => ({ ...tool })

export const list = withHub(
  Effect.gen(function* () {
    const hub = yield* HubClient
    const { tools } = yield* hub.tools.list()
    yield* answer({ tools: tools.map(json) }, () =>
      table(
        [
          { title: "TOOL", cell: (tool) => tool.name },
          { title: "PROGRAM", cell: (tool) => tool.binary ?? "" },
          { title: "RESUME", cell: (tool) => (tool.canResume ? "yes" : "no") },
          { title: "FROM", cell: (tool) => (tool.builtIn ? "built in" : "yours") },
          { title: "TITLE", cell: (tool) => tool.title, flexible: true }
        ],
        tools
      )
    )
  })
)

const Properties = Schema.Struct({
  properties: Schema.Record(Schema.String, Schema.Struct({ description: Schema.optional(Schema.String) }))
})

export const show = (name: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { tools } = yield* hub.tools.list()
      const tool = tools.find((one) => one.name === name)
      if (tool === undefined) return yield* Effect.fail(failed(`There is no tool ${name}. See tool list.`))
      const properties = Schema.is(Properties)(tool.params) ? Object.entries(tool.params.properties) : []
      yield* answer(json(tool), () =>
        [
          facts([
            ["tool", tool.name],
            ["title", tool.title],
            ["program", tool.binary],
            ["output", tool.format],
            ["can resume", tool.canResume ? "yes" : "no"]
          ]),
          ...(properties.length === 0
            ? []
            : [
                "",
                table(
                  [
                    { title: "PARAMETER", cell: ([parameter]) => parameter },
                    { title: "MEANING", cell: ([, { description }]) => description ?? "", flexible: true }
                  ],
                  properties
                )
              ])
        ].join("\n")
      )
    })
  )

const most = 1024 * 1024
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const read = Effect.fnUntraced(function* (file: string) {
  if (file === "-")
    return yield* Effect.flatMap(Stdio.Stdio, (io) => io.stdin.pipe(Stream.decodeText, Stream.mkString)).pipe(
      Effect.mapError(() => cannotTell("The definition could not be read from stdin."))
    )
  return yield* Effect.tryPromise({
    try: async () => {
      if ((await stat(file)).size > most) throw new Error("it is larger than 1 MiB")
      return await readFile(file, "utf8")
    },
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined
      return cannotTell(
        code === "ENOENT"
          ? `There is no file ${file}.`
          : `The file ${file} cannot be read (${code === undefined ? String(cause) : String(code)}).`
      )
    }
  })
})

export const add = (file: string) =>
  withHub(
    Effect.gen(function* () {
      const text = yield* read(file)
      const tool = yield* decode(text).pipe(
        Effect.mapError(() => cannotTell(`${file === "-" ? "stdin" : file} does not hold JSON.`))
      )
      const hub = yield* HubClient
      const { position } = yield* hub.tools.define({ payload: { commandId: randomUUID(), tool } })
      const name = Schema.is(Schema.Struct({ name: Schema.String }))(tool) ? tool.name : ""
      yield* answer({ tool: name, position }, () => `${name} is defined.`)
    })
  )

export const remove = (name: string) =>
  withHub(
    Effect.gen(function* () {
      const hub = yield* HubClient
      const { position } = yield* hub.tools.remove({ params: { name } })
      yield* answer({ tool: name, position }, () => `${name} is removed.`)
    })
  )
