/** `signalbox events`: the log itself. */
import { Command, Flag } from "effect/cli"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "events",
  {
    from: maybe(Flag.Int("from").pipe(Flag.withDescription("First position; default 1"))),
    follow: switchOn("follow", "Go on with new events as they come").pipe(Flag.withAlias("f")),
    stream: maybe(flag("stream", "Only this stream, such as host/web1 or task/ID")),
    type: maybe(flag("type", "Only this type, such as TaskCreated"))
  },
  (flags) =>
    lazy(
      () => import("../events/print.ts"),
      (events) => events.print(flags)
    )
).pipe(
  Command.withDescription("The event log, oldest first, one event per line"),
  Command.withExamples([
    { command: "signalbox events --follow --type TaskFailed --json" },
    { command: "signalbox events --stream host/web1" }
  ])
)
