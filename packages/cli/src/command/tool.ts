/** `signalbox tool …`: the programs that tasks run. */
import { Argument, Command } from "effect/cli"
import { lazy } from "../lazy.ts"

const load = () => import("../tool/handlers.ts")
const name = Argument.String("name").pipe(Argument.withDescription("The tool's name, as tool list shows it"))

const list = Command.make("list", {}, () => lazy(load, (tool) => tool.list)).pipe(
  Command.withDescription("All tools: built-in ones and your own")
)
const show = Command.make("show", { name }, (given) => lazy(load, (tool) => tool.show(given.name))).pipe(
  Command.withDescription("A tool and its parameters")
)
const add = Command.make(
  "add",
  { file: Argument.String("file").pipe(Argument.withDescription("JSON file with the definition; - is stdin")) },
  ({ file }) => lazy(load, (tool) => tool.add(file))
).pipe(
  Command.withDescription("Define a tool of your own, or define it anew"),
  Command.withExamples([
    {
      command: `echo '{"name":"count","title":"Word count","binary":"wc","argv":["-w"],"prompt":"stdin","format":"text"}' | signalbox tool add -`
    }
  ])
)
const remove = Command.make("remove", { name }, (given) => lazy(load, (tool) => tool.remove(given.name))).pipe(
  Command.withDescription("Remove a tool of your own")
)

export const command = Command.make("tool").pipe(
  Command.withDescription("The programs that tasks run"),
  Command.withSubcommands([list, show, add, remove])
)
