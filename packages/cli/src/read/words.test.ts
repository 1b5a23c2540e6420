import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { Command } from "effect/cli"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { commandOf } from "../command/reading.ts"
import { Json } from "../output.ts"
import type { ArgumentSpec, FlagSpec, Given, Read } from "./definition.ts"
import { reads } from "./table.ts"
import { understand } from "./words.ts"

const valuesOf = (read: Read, given: Given): string =>
  JSON.stringify([
    given.json,
    ...[...read.flags, ...read.arguments].map((spec: FlagSpec | ArgumentSpec) => [spec.name, given.get(spec) ?? null])
  ])

/** What the framework makes of the words; undefined when it refuses them or helps. */
const framework = (read: Read, args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let seen: string | undefined
    const [noun = "", verb] = read.names[0] ?? []
    const leaf = commandOf(read, (given) => Effect.sync(() => void (seen = valuesOf(read, given))))
    const command = verb === undefined ? leaf : Command.make(noun).pipe(Command.withSubcommands([leaf]))
    const root = Command.make("signalbox").pipe(Command.withSubcommands([command]), Command.withGlobalFlags([Json]))
    const exit = yield* Effect.exit(Effect.scoped(Command.runWith(root, { version: "1" })(args)))
    if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) return yield* Effect.failCause(exit.cause)
    return seen
  })

const sometimes = [
  [],
  ["--json"],
  ["--json", "x"],
  ["--json=true"],
  ["--no-json"],
  ["-j"],
  ["--host", "web1"],
  ["--server", "web1"],
  ["--host=web1"],
  ["--host="],
  ["--host", ""],
  ["--host"],
  ["--host", "--json"],
  ["--host", "-x"],
  ["--host", "a", "--host", "b"],
  ["--host", "a", "--server", "b"],
  ["--host", "two words", "--json"],
  ["--host=a=b"],
  ["--status", "running,failed", "--status", "lost"],
  ["--limit", "5"],
  ["--limit=007"],
  ["--limit", "-5"],
  ["--limit", "1.5"],
  ["--limit", "1e3"],
  ["--limit", "٣"],
  ["--limit", "99999999999999999999"],
  ["--from", "12", "--stream", "task/x", "--type", "TaskCreated"],
  ["--from", "x"],
  ["--follow"],
  ["-f"],
  ["--follow", "--follow"],
  ["--follow", "true"],
  ["--no-follow"],
  ["--tag", "eu"],
  ["web1"],
  ["web1", "--json"],
  ["--json", "web1"],
  ["web1", "web2"],
  ["--", "web1"],
  ["--", "--json"],
  ["-"],
  ["--help"],
  ["-h"],
  ["--version"],
  ["--nonsense"],
  ["--Host", "x"],
  ["--hos", "x"],
  ["--host\nx", "y"],
  ["--completions", "bash"]
]

describe("the words of plain reads", () => {
  it.effect("mean what they mean to the framework, or are left to it", () =>
    Effect.gen(function* () {
      const differ: Array<string> = []
      let understood = 0
      for (const read of reads)
        for (const words of sometimes.flatMap((one) => sometimes.map((two) => [...one, ...two]))) {
          const args = [...(read.names[0] ?? []), ...words]
          const ours = understand(args)
          if (ours === undefined) continue
          understood++
          const theirs = yield* framework(read, args)
          const said = ours.read === read ? valuesOf(read, ours.given) : "another read"
          if (said !== theirs) differ.push(`${JSON.stringify(args)}: ${said}, but ${theirs}`)
        }
      assert.deepStrictEqual(differ, [])
      assert.isAbove(understood, 100)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are understood in all the plain forms", () =>
    Effect.sync(() => {
      const plain = [
        "task list --json --host web1 --tool=claude --status running --status failed,lost --since 2h --text fix --limit 7",
        "list --server web1",
        "task show task-20261120-143022-abc123 --json",
        "host list --tag eu",
        "host show web1",
        "servers",
        "status",
        "status web1 --json",
        "events --from 12 --stream host/web1 --type HostAdded --json"
      ]
      assert.deepStrictEqual(
        plain.filter((line) => understand(line.split(" ")) === undefined),
        []
      )
      const others = [
        "events --follow",
        "task",
        "task logs x",
        "task list --help",
        "task list x",
        "host show",
        "help",
        ""
      ]
      assert.deepStrictEqual(
        others.filter((line) => understand(line.split(" ")) !== undefined),
        []
      )
    })
  )
})
