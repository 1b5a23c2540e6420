/**
 * The tools that a model in a conversation may call, as one table.
 *
 * Owns: names, descriptions, arguments, and whether a call acts and so needs a person's yes. Does not own: carrying a call out
 * (worker's conversation room), the rules of approval (`decider.ts`).
 * Invariants: whatever is not in the table, or does not fit its schema, is never carried out; `reads` changes nothing anywhere.
 */
import { Result, Schema } from "effect"
import type { ModelTool, ToolCall } from "../model/message.ts"
import { TaskStatus } from "../task/view.ts"

const TaskName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64))
const Name = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(63))
const Text = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200_000))

/** Arguments by tool. */
const args = {
  list_hosts: Schema.Struct({}),
  list_tools: Schema.Struct({}),
  list_tasks: Schema.Struct({
    host: Schema.optionalKey(Name),
    tool: Schema.optionalKey(Name),
    status: Schema.optionalKey(Schema.Array(TaskStatus)),
    text: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(500))),
    limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 })))
  }),
  read_task: Schema.Struct({
    taskId: TaskName,
    lines: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })))
  }),
  start_task: Schema.Struct({
    host: Name,
    tool: Name,
    command: Text,
    context: Schema.optionalKey(Text),
    cwd: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(4096)))
  }),
  resume_task: Schema.Struct({ taskId: TaskName, text: Text }),
  kill_task: Schema.Struct({ taskId: TaskName }),
  list_agents: Schema.Struct({}),
  propose_plan: Schema.Struct({
    instruction: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(10_000)),
    dryRun: Schema.optionalKey(Schema.Boolean)
  }),
  read_plan: Schema.Struct({ planId: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(64)) })
} as const
type Args = typeof args
export type ChatToolName = keyof Args

const facts: { readonly [Name in ChatToolName]: { readonly effect: "reads" | "acts"; readonly description: string } } =
  {
    list_hosts: { effect: "reads", description: "Lists the hosts on which tasks can run, with what is known of them." },
    list_tools: {
      effect: "reads",
      description: "Lists the command-line tools (AI agents, shell and the like) that a task can run on a host."
    },
    list_tasks: {
      effect: "reads",
      description:
        "Lists tasks, newest first: id, host, tool, status, command, answer. `text` is a part of any of them."
    },
    read_task: {
      effect: "reads",
      description: "Reads one task: its status, its answer and the last lines of its output (default 40 lines)."
    },
    start_task: {
      effect: "acts",
      description:
        "Starts a task: `tool` runs on `host` with `command` (for shell: the command line; for an AI agent: its instruction). The person is asked first. Answers with the task's id at once; read_task tells how it goes."
    },
    resume_task: {
      effect: "acts",
      description:
        "Says `text` in the agent session of a task that has ended, as a new task. The person is asked first. Answers with the new task's id."
    },
    kill_task: { effect: "acts", description: "Ends a running task. The person is asked first." },
    list_agents: {
      effect: "reads",
      description:
        "Lists the machines that plans can act on: name, tags, operating system, whether they are online, and how busy they are."
    },
    propose_plan: {
      effect: "acts",
      description:
        'Gives an instruction in plain language about machines with agents, like "restart nginx on all web servers" or "show disk usage on db1". It becomes a typed plan. The person is asked first; what changes something waits then for an approval of its own, which you cannot give. With dryRun nothing is ever carried out. Answers with the plan\'s id; read_plan tells how it goes.'
    },
    read_plan: {
      effect: "reads",
      description:
        "Reads one plan: its steps, hosts, risk, status and what came of it. Contents of logs and files are left out: people see those."
    }
  }

/** A call whose arguments fit. */
export type ChatCall = {
  readonly [Name in ChatToolName]: { readonly name: Name; readonly args: Args[Name]["Type"] }
}[ChatToolName]

const names = Object.keys(args)
const isToolName = (name: string): name is ChatToolName => names.includes(name)

export const chatTools: ReadonlyArray<ModelTool> = names.filter(isToolName).map((name) => ({
  name,
  description: facts[name].description,
  schema: jsonSchemaOf(name)
}))

/** Whether a person is asked first. A call that cannot be carried out at all needs nobody: its answer says why. */
export const needsApproval = (call: Pick<ToolCall, "name" | "args">): boolean =>
  isToolName(call.name) && facts[call.name].effect === "acts" && Result.isSuccess(decodeCall(call))

/** The failure is for the model: what is wrong with its call. */
export const decodeCall = (call: Pick<ToolCall, "name" | "args">): Result.Result<ChatCall, string> => {
  if (!isToolName(call.name))
    return Result.fail(`There is no tool ${call.name.slice(0, 100)}. There are ${names.join(", ")}.`)
  return Result.mapError(
    decoders[call.name](call.args ?? {}),
    (error) => `The arguments of ${call.name} do not fit its schema: ${error.message}`
  )
}

type Decoded = (given: unknown) => Result.Result<ChatCall, Schema.SchemaError>
const decoder =
  <Name extends ChatToolName, A>(name: Name, schema: Schema.Codec<A, unknown>) =>
  (given: unknown): Result.Result<{ readonly name: Name; readonly args: A }, Schema.SchemaError> =>
    Result.map(Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })(given), (decoded) => ({
      name,
      args: decoded
    }))

const decoders: { readonly [Name in ChatToolName]: Decoded } = {
  list_hosts: decoder("list_hosts", args.list_hosts),
  list_tools: decoder("list_tools", args.list_tools),
  list_tasks: decoder("list_tasks", args.list_tasks),
  read_task: decoder("read_task", args.read_task),
  start_task: decoder("start_task", args.start_task),
  resume_task: decoder("resume_task", args.resume_task),
  kill_task: decoder("kill_task", args.kill_task),
  list_agents: decoder("list_agents", args.list_agents),
  propose_plan: decoder("propose_plan", args.propose_plan),
  read_plan: decoder("read_plan", args.read_plan)
}

function jsonSchemaOf(name: ChatToolName): ModelTool["schema"] {
  if (Object.keys(args[name].fields).length === 0)
    return { type: "object", properties: {}, additionalProperties: false }
  const { schema } = Schema.toJsonSchemaDocument(args[name], { onExcessProperty: "error" })
  return Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Json))(schema)
}
