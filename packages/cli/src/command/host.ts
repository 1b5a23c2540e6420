/** `signalbox host …`: the machines that tasks run on. */
import { Argument, Command, Flag } from "effect/cli"
import { duration, env, flag, many, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"
import * as reads from "../read/table.ts"
import { reading } from "./reading.ts"

const name = Argument.String("name").pipe(Argument.withDescription("The host's name, as host list shows it"))
const loadChange = () => import("../host/change.ts")
const loadPrepare = () => import("../host/prepare.ts")
const loadCheck = () => import("../host/check.ts")

const hostFlags = {
  displayName: maybe(flag("display-name", "Name for people")),
  port: maybe(Flag.Int("port").pipe(Flag.withDescription("SSH port; default 22"))),
  user: maybe(flag("user", "Who signs in there; default: the user of the worker")),
  key: maybe(flag("key", "Private key file, readable by its owner only")),
  agent: maybe(Flag.Boolean("agent").pipe(Flag.withDescription("Use the keys of the SSH agent"))),
  passwordRef: maybe(flag("password-ref", "Where the password is: name of a variable of the worker, or file:PATH")),
  jump: maybe(flag("jump", "Reach it through this host: a name, or user@address:port")),
  tags: many("tag", "A tag; repeatable"),
  maxTasks: maybe(Flag.Int("max-tasks").pipe(Flag.withDescription("Most tasks at once"))),
  timeout: maybe(duration("timeout", "Time limit of its tasks")),
  idleTimeout: maybe(duration("idle-timeout", "Tasks that print nothing for so long are ended")),
  cwd: maybe(flag("cwd", "Working directory of its tasks")),
  env,
  preCommand: maybe(flag("pre-command", "Shell text that is sourced before the tool")),
  args: many("arg", "An argument of the tool, put before the prompt: --arg=--verbose; repeatable")
}

const add = Command.make(
  "add",
  {
    name: Argument.String("name").pipe(Argument.withDescription("How you will call it: letters, digits, . _ -")),
    address: flag("address", "Host name or IP address"),
    ...hostFlags,
    acceptNew: switchOn("accept-new", "Pin the key that it offers at the first connection")
  },
  (flags) => lazy(loadChange, (host) => host.add(flags))
).pipe(
  Command.withDescription("Add a host that is reached by SSH"),
  Command.withExamples([
    {
      command: "signalbox host add web1 --address 10.0.0.5 --user deploy --key ~/.ssh/id_ed25519 --tag web --accept-new"
    },
    { command: "signalbox host add db1 --address db1.internal --jump web1 --max-tasks 2" }
  ])
)

const list = reading(reads.hostList)
export const servers = reading(reads.servers)
const show = reading(reads.hostShow)

const check = Command.make(
  "check",
  {
    name,
    acceptNew: switchOn("accept-new", "First pin the key that it offers now, beside those it has"),
    replaceKey: switchOn("replace-key", "First pin the key that it offers now, instead of those it has")
  },
  (flags) =>
    lazy(loadCheck, (host) =>
      host.check(flags.name, flags.replaceKey ? "replace" : flags.acceptNew ? "accept-new" : "as-is")
    )
).pipe(
  Command.withDescription("Look at a host now: reachable, load, tmux, tools; exit 1 when it is not reachable"),
  Command.withExamples([{ command: "signalbox host check web1 --accept-new", description: "And trust its key" }])
)

const prepare = Command.make(
  "prepare",
  {
    name,
    agent: switchOn("agent", "Install the agent, as a service that starts with the host"),
    replace: switchOn("replace", "Revoke an agent that is there and enroll the host anew")
  },
  (flags) => lazy(loadPrepare, (host) => host.prepare(flags))
).pipe(
  Command.withDescription("Set a host up over SSH and look at it: tmux, tools, and with --agent the agent"),
  Command.withExamples([{ command: "signalbox host prepare web1 --agent" }])
)

const edit = Command.make(
  "edit",
  {
    name,
    address: maybe(flag("address", "Host name or IP address")),
    ...hostFlags,
    clear: Flag.Literals("clear", [
      "display-name",
      "user",
      "key",
      "agent",
      "password-ref",
      "jump",
      "tags",
      "defaults",
      "tools",
      "max-tasks",
      "timeout",
      "idle-timeout",
      "cwd",
      "env",
      "pre-command",
      "args"
    ]).pipe(
      Flag.withDescription("Take this away; repeatable. defaults: all limits and settings; tools: those per tool"),
      Flag.atLeast(0)
    ),
    forTool: maybe(flag("for-tool", "Limits and settings given or cleared here are for this tool only")),
    acceptNew: switchOn("accept-new", "Pin the key that it offers now, beside those it has"),
    replaceKey: switchOn("replace-key", "Pin the key that it offers now, instead of those it has")
  },
  (flags) => lazy(loadChange, (host) => host.edit(flags))
).pipe(
  Command.withDescription(
    "Change a host; what is not named stays. Tags, environment and arguments are replaced as a whole"
  ),
  Command.withExamples([
    { command: "signalbox host edit web1 --max-tasks 4 --timeout 2h" },
    { command: "signalbox host edit web1 --for-tool claude --max-tasks 1 --arg=--verbose" },
    { command: "signalbox host edit web1 --clear jump --clear timeout" },
    { command: "signalbox host edit web1 --replace-key", description: "Trust its new key" }
  ])
)

const remove = Command.make("remove", { name }, (given) => lazy(loadChange, (host) => host.remove(given.name))).pipe(
  Command.withDescription("Remove a host that has no open tasks")
)

const importHosts = Command.make(
  "import",
  {
    names: Argument.String("name").pipe(
      Argument.withDescription("Only these hosts of the file; default: all"),
      Argument.variadic()
    ),
    file: maybe(flag("file", "Another file than ~/.ssh/config")),
    dryRun: switchOn("dry-run", "Only say what would be added")
  },
  (flags) => lazy(loadChange, (host) => host.importHosts(flags))
).pipe(Command.withDescription("Add the hosts of ~/.ssh/config; those that exist stay as they are"))

export const command = Command.make("host").pipe(
  Command.withDescription("The machines that tasks run on"),
  Command.withSubcommands([add, list, show, check, prepare, edit, remove, importHosts])
)
