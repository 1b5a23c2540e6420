/** `signalbox do "INSTRUCTION"`: from words to a plan, and with agreement to what was done. */
import { Argument, Command, Flag } from "effect/cli"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "do",
  {
    instruction: Argument.String("instruction").pipe(
      Argument.withDescription("What is to be done, and where"),
      Argument.variadic({ min: 1 })
    ),
    dryRun: switchOn("dry-run", "Show the plan and do nothing"),
    yesUpTo: maybe(
      Flag.Literals("yes-up-to", ["low", "medium"]).pipe(
        Flag.withDescription("Approve by yourself what is of no higher risk")
      )
    ),
    noWait: switchOn("no-wait", "Do not wait for its end"),
    model: maybe(flag("model", "The model to ask where the phrasebook does not understand"))
  },
  ({ instruction, ...flags }) =>
    lazy(
      () => import("../plan/do.ts"),
      (file) => file.run(instruction.join(" "), flags)
    )
).pipe(
  Command.withDescription("Say what is to be done on your hosts; what changes something asks first"),
  Command.withExamples([
    { command: 'signalbox do "restart nginx on all web servers"' },
    { command: 'signalbox do "show errors since today on db1"' },
    { command: 'signalbox do "reboot web1 if uptime is over 30 days" --dry-run' }
  ])
)
