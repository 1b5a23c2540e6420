/** `signalbox model …`: which models there are, and which one new conversations begin with. */
import { Argument, Command } from "effect/cli"
import { switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const load = () => import("../model/handlers.ts")

const list = Command.make("list", { refresh: switchOn("refresh", "Ask the providers again now") }, ({ refresh }) =>
  lazy(load, (model) => model.list(refresh))
).pipe(Command.withDescription("All models, numbered, the current one marked; and what is wrong with a provider"))

const use = Command.make(
  "use",
  {
    model: Argument.String("model").pipe(
      Argument.withDescription("provider/model, a model's own name, or its number in model list")
    )
  },
  ({ model }) => lazy(load, (file) => file.use(model))
).pipe(
  Command.withDescription("Begin new conversations with this model"),
  Command.withExamples([{ command: "signalbox model use gemini/gemini-2.5-pro" }, { command: "signalbox model use 3" }])
)

export const command = Command.make("model").pipe(
  Command.withDescription("Models that conversations can be held with"),
  Command.withSubcommands([list, use])
)
