/** `signalbox status [NAME]`: the whole at a glance, or one host or task. */
import { Argument, Command } from "effect/cli"
import { Option } from "effect"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "status",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("A host or a task; without it the whole at a glance"),
      Argument.optional
    )
  },
  ({ name }) =>
    lazy(
      () => import("../status.ts"),
      (file) => file.status(Option.getOrUndefined(name))
    )
).pipe(Command.withDescription("Hub, hosts and tasks at a glance; or one host or task"))
