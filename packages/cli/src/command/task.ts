/** `signalbox task …`: AI tools and shell commands on any host. */
import { Argument, Command, Flag } from "effect/cli"
import { duration, env, flag, host, many, maybe, switchOn } from "../client/flags.ts"
import { lazy } from "../lazy.ts"
import * as reads from "../read/table.ts"
import { reading } from "./reading.ts"

const id = Argument.String("id").pipe(Argument.withDescription("The task's id, as task list shows it"))
const ids = Argument.String("id").pipe(
  Argument.withDescription("Ids of tasks, as task list shows them"),
  Argument.variadic({ min: 1 })
)
const waits = switchOn("wait", "Wait until it has ended; exit 0 succeeded, 1 not, 2 cannot tell")

/** What `task create` and `schedule add` have in common. */
export const taskFlags = {
  host: host.pipe(Flag.withDescription("Where it runs, as host list shows it; local is this machine")),
  tool: flag("tool", "What runs, as tool list shows it: claude, codex, gemini, shell …"),
  command: flag("command", "The prompt, or for shell the command; - reads it from stdin"),
  params: maybe(flag("params", "Parameters of the tool as a JSON object; tool show lists them")),
  context: maybe(flag("context", "More for the tool to know, put before the prompt")),
  cwd: maybe(flag("cwd", "Working directory on the host")),
  env,
  envFrom: many("env-from", "Name of a variable of the worker to hand on (for secrets); repeatable"),
  timeout: maybe(duration("timeout", "Ended when it runs longer")),
  idleTimeout: maybe(duration("idle-timeout", "Ended when it prints nothing for so long")),
  priority: maybe(Flag.Int("priority").pipe(Flag.withDescription("Higher first, -1000 to 1000; default 0"))),
  notify: many("notify", "Gets an HTTP POST when it has ended: a URL, or env:NAME of the worker; repeatable")
}

export const create = Command.make(
  "create",
  {
    ...taskFlags,
    after: many("after", "Only once that task has succeeded; repeatable"),
    at: maybe(flag("at", "Not before: 2026-11-20T14:30 or a distance like 10m")),
    wait: waits
  },
  (flags) =>
    lazy(
      () => import("../task/create.ts"),
      (task) => task.create(flags)
    )
).pipe(
  Command.withDescription("Make a task; prints its id"),
  Command.withExamples([
    { command: `signalbox task create --host local --tool shell --command "df -h" --wait` },
    { command: `signalbox task create --host web1 --tool claude --command "Fix the failing test" --cwd /srv/app` },
    { command: `git diff | signalbox task create --host local --tool codex --command -`, description: "From stdin" }
  ])
)

export const list = reading(reads.taskList)
const show = reading(reads.taskShow)

export const logs = Command.make(
  "logs",
  {
    taskId: id,
    follow: switchOn("follow", "Go on until the task has ended").pipe(Flag.withAlias("f")),
    stream: Flag.Literals("stream", ["out", "err"]).pipe(
      Flag.withDescription("out (default) or err"),
      Flag.withDefault("out" as const)
    ),
    tail: maybe(Flag.Int("tail").pipe(Flag.withDescription("Only the last so many lines"))),
    fromByte: maybe(Flag.Int("from-byte").pipe(Flag.withDescription("From this byte on, counted from 0")))
  },
  (flags) =>
    lazy(
      () => import("../task/logs.ts"),
      (task) => task.logs(flags)
    )
).pipe(
  Command.withDescription("What a task printed, byte for byte"),
  Command.withExamples([
    { command: "signalbox task logs task-20261120-143022-abc123 -f --tail 20" },
    { command: "signalbox task logs task-20261120-143022-abc123 > whole.log" }
  ])
)

const wait = Command.make(
  "wait",
  { ids, timeout: maybe(duration("timeout", "Give up after so long, with exit 2")) },
  ({ ids: taskIds, timeout }) =>
    lazy(
      () => import("../task/act.ts"),
      (task) => task.wait(taskIds, timeout)
    )
).pipe(Command.withDescription("Wait until tasks have ended: exit 0 succeeded, 1 not, 2 cannot tell"))

export const kill = Command.make(
  "kill",
  { ids, grace: maybe(duration("grace", "Between TERM and KILL; default 5s")) },
  ({ ids: taskIds, grace }) =>
    lazy(
      () => import("../task/act.ts"),
      (task) => task.kill(taskIds, grace)
    )
).pipe(Command.withDescription("End tasks: TERM, then KILL"))

const message = Command.make(
  "message",
  {
    id,
    text: Argument.String("text").pipe(
      Argument.withDescription("What to type, followed by Enter; - reads it from stdin")
    )
  },
  (given) =>
    lazy(
      () => import("../task/message.ts"),
      (task) => task.message(given.id, given.text)
    )
).pipe(
  Command.withDescription("Type into a running task that was made with the parameter interactive"),
  Command.withExamples([{ command: "signalbox task message task-20261120-143022-abc123 y" }])
)

const retry = Command.make("retry", { id, wait: waits }, (given) =>
  lazy(
    () => import("../task/create.ts"),
    (task) => task.retry(given.id, given.wait)
  )
).pipe(Command.withDescription("A new task like one that has ended; prints its id"))

const resume = Command.make(
  "resume",
  {
    id,
    text: Argument.String("text").pipe(Argument.withDescription("What to say; - reads it from stdin")),
    wait: waits
  },
  (given) =>
    lazy(
      () => import("../task/create.ts"),
      (task) => task.resume(given.id, given.text, given.wait)
    )
).pipe(
  Command.withDescription("A new task that goes on in the agent's own session; prints its id"),
  Command.withExamples([{ command: `signalbox task resume task-20261120-143022-abc123 "Now add a test"` }])
)

const attach = Command.make("attach", { id }, (given) =>
  lazy(
    () => import("../task/attach.ts"),
    (task) => task.attach(given.id)
  )
).pipe(
  Command.withDescription(
    "Join the terminal of an interactive task, or watch another, in this one; leave it with Ctrl-b d"
  )
)

export const command = Command.make("task").pipe(
  Command.withDescription("AI tools and shell commands on any host"),
  Command.withSubcommands([create, list, show, logs, wait, kill, message, retry, resume, attach])
)
