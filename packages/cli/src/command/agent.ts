/** `signalbox agent …`: the hosts on which instructions are carried out. */
import { Argument, Command, Flag } from "effect/cli"
import { duration, flag, many, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"

const load = () => import("../agent/act.ts")
const which = Argument.String("agent").pipe(Argument.withDescription("Its name or id, as agent list shows it"))
const allows = many("allow", "An opt-in action that it may carry out, like shell.run; repeatable")

const invite = Command.make(
  "invite",
  {
    name: maybe(flag("name", "What the host will be called; default as it calls itself")),
    tags: many("tag", "A tag; repeatable"),
    allows,
    through: maybe(
      flag("through", "A host without a way to the hub: the relay it goes through, an agent's name or HOST:PORT")
    ),
    ttl: maybe(duration("ttl", "How long the invite holds; default an hour"))
  },
  (flags) => lazy(load, (file) => file.invite(flags))
).pipe(
  Command.withDescription("An invite for one host: prints the line to run there as root"),
  Command.withExamples([
    { command: "signalbox agent invite --name web1 --tag web --tag prod" },
    {
      command: "signalbox agent invite --name db7 --through web1",
      description: "The host reaches the hub through web1"
    }
  ])
)

const list = Command.make("list", { all: switchOn("all", "Also unused invites and revoked agents") }, ({ all }) =>
  lazy(load, (file) => file.list(all))
).pipe(Command.withDescription("Agents: who is there, how its host fares"))

const show = Command.make("show", { which }, (given) => lazy(load, (file) => file.show(given.which))).pipe(
  Command.withDescription("An agent and its host")
)

const edit = Command.make(
  "edit",
  {
    which,
    name: maybe(flag("name", "Another name for its host")),
    tags: many("tag", "Its tags from now on; repeatable"),
    allows,
    clear: Flag.Literals("clear", ["tags", "allows"]).pipe(
      Flag.withDescription("Take all of these away; repeatable"),
      Flag.atLeast(0)
    )
  },
  ({ which: agent, ...change }) => lazy(load, (file) => file.edit(agent, change))
).pipe(Command.withDescription("Change name, tags or what is allowed; what is not named stays"))

const revoke = Command.make("revoke", { which, reason: maybe(flag("reason", "Why, for the record")) }, (given) =>
  lazy(load, (file) => file.revoke(given.which, given.reason))
).pipe(Command.withDescription("End an agent for good: its connection is closed and its key opens nothing any more"))

export const command = Command.make("agent").pipe(
  Command.withDescription("Agents: the hosts on which instructions are carried out"),
  Command.withSubcommands([invite, list, show, edit, revoke])
)
