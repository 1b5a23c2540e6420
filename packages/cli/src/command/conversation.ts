/** `signalbox conversation …`: what was said, to models and by them. */
import { Argument, Command, Flag } from "effect/cli"
import { Option } from "effect"
import { flag, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const show_ = () => import("../conversation/show.ts")
const act = () => import("../conversation/act.ts")
const files = () => import("../conversation/export.ts")

const id = Argument.String("id").pipe(Argument.withDescription("The conversation's id, as conversation list shows it"))
const call = Argument.String("call").pipe(Argument.withDescription("The id of the tool call that waits"))
const model = maybe(flag("model", "provider/model, a model's own name, or its number in model list"))
const limit = (most: number, usual: number) =>
  Flag.Int("limit").pipe(Flag.withDescription(`At most so many, up to ${most}`), Flag.withDefault(usual))

const list = Command.make(
  "list",
  {
    text: maybe(flag("text", "Part of title, last words or id")),
    client: maybe(flag("client", "Only of this client")),
    archived: switchOn("archived", "Those that were put away"),
    all: switchOn("all", "Put away or not"),
    limit: limit(1000, 50)
  },
  (flags) => lazy(show_, (file) => file.list(flags))
).pipe(Command.withDescription("Conversations, last touched first"))

const show = Command.make(
  "show",
  { id, last: maybe(Flag.Int("last").pipe(Flag.withDescription("Only the last so many entries"))) },
  (given) => lazy(show_, (file) => file.show(given.id, given.last))
).pipe(Command.withDescription("What was said in a conversation"))

const search = Command.make(
  "search",
  {
    query: Argument.String("query").pipe(
      Argument.withDescription('Words, "phrases", or, -not; case and accents make no difference'),
      Argument.variadic({ min: 1 })
    ),
    limit: limit(1000, 20)
  },
  (given) => lazy(show_, (file) => file.search(given.query.join(" "), given.limit))
).pipe(
  Command.withDescription("Search all that was ever said"),
  Command.withExamples([{ command: `signalbox conversation search '"connection pool" -redis'` }])
)

const format = Flag.Literals("format", ["md", "json", "jsonl"]).pipe(
  Flag.withDescription("md for people (default), json without loss, jsonl one message per line"),
  Flag.withDefault("md" as const)
)
const exportCommand = Command.make(
  "export",
  { id, format, output: maybe(flag("output", "Write to this file instead of stdout").pipe(Flag.withAlias("o"))) },
  (given) => lazy(files, (file) => file.exported(given.id, given.format, given.output))
).pipe(Command.withDescription("Write a conversation as Markdown, JSON or JSON Lines"))

const importCommand = Command.make(
  "import",
  { file: Argument.String("file").pipe(Argument.withDescription("An export in the format json")) },
  (given) => lazy(files, (file) => file.imported(given.file))
).pipe(Command.withDescription("Make a conversation from an export; prints its id"))

const rename = Command.make(
  "rename",
  { id, title: Argument.String("title").pipe(Argument.withDescription("The new title")) },
  (given) => lazy(act, (file) => file.rename(given.id, given.title))
).pipe(Command.withDescription("Give a conversation a title"))

const archive = Command.make("archive", { id }, (given) => lazy(act, (file) => file.archive(given.id, true))).pipe(
  Command.withDescription("Put a conversation away; nothing is lost")
)
const unarchive = Command.make("unarchive", { id }, (given) => lazy(act, (file) => file.archive(given.id, false))).pipe(
  Command.withDescription("Take a conversation back into the list")
)

const fork = Command.make(
  "fork",
  {
    id,
    version: maybe(Flag.Int("at").pipe(Flag.withDescription("Up to this version; conversation show --json has them"))),
    title: maybe(flag("title", "Title of the new one"))
  },
  (given) => lazy(act, (file) => file.fork(given.id, given.version, given.title))
).pipe(Command.withDescription("A new conversation with the past of this one; prints its id"))

const regenerate = Command.make("regenerate", { id, model }, (given) =>
  lazy(act, (file) => file.regenerate(given.id, given.model))
).pipe(Command.withDescription("Have the last reply written anew"))

const interrupt = Command.make("interrupt", { id }, (given) => lazy(act, (file) => file.interrupt(given.id))).pipe(
  Command.withDescription("Stop the reply that is being written; what has come is kept")
)
const summarize = Command.make("summarize", { id }, (given) => lazy(act, (file) => file.summarize(given.id))).pipe(
  Command.withDescription("Have the past summarized, so that less of it is sent")
)
const approve = Command.make("approve", { id, call: call.pipe(Argument.optional) }, (given) =>
  lazy(act, (file) => file.decide(given.id, Option.getOrUndefined(given.call), true))
).pipe(Command.withDescription("Allow a tool call that waits"))
const refuse = Command.make("refuse", { id, call: call.pipe(Argument.optional) }, (given) =>
  lazy(act, (file) => file.decide(given.id, Option.getOrUndefined(given.call), false))
).pipe(Command.withDescription("Refuse a tool call that waits"))

export const command = Command.make("conversation").pipe(
  Command.withDescription("What was said, to models and by them"),
  Command.withSubcommands([
    list,
    show,
    search,
    exportCommand,
    importCommand,
    rename,
    archive,
    unarchive,
    fork,
    regenerate,
    interrupt,
    summarize,
    approve,
    refuse
  ])
)
