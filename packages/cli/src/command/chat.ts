/** `signalbox chat [TEXT]`: talk with a model. */
import { Argument, Command, Flag } from "effect/cli"
import { Option } from "effect"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

export const command = Command.make(
  "chat",
  {
    text: Argument.String("text").pipe(
      Argument.withDescription("What to say; without it the terminal becomes a conversation"),
      Argument.optional
    ),
    model: maybe(flag("model", "provider/model, a model's own name, or its number in model list")),
    conversation: maybe(flag("conversation", "Go on with this one, as conversation list shows it")),
    goOn: switchOn("continue", "Go on with the last one").pipe(Flag.withAlias("c")),
    system: maybe(flag("system", "Instructions for a new conversation")),
    carry: switchOn("carry", "A new conversation knows the summaries of the last ones"),
    noTools: switchOn("no-tools", "The model may not start or read tasks")
  },
  ({ text, ...flags }) =>
    lazy(
      () => import("../chat/chat.ts"),
      (file) => file.chat({ text: Option.getOrUndefined(text), ...flags })
    )
).pipe(
  Command.withDescription("Talk with a model: once with TEXT or piped input, else until you leave"),
  Command.withExamples([
    { command: `signalbox chat "What is a mutex?" --model anthropic/claude-sonnet-5-5` },
    { command: `git diff | signalbox chat "Review this"`, description: "Piped input comes along as an attachment" },
    { command: "signalbox chat --continue" }
  ])
)
