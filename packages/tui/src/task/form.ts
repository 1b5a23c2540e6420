/**
 * The form of a new task: its fields, what may be wrong with them, and the request they make.
 *
 * Owns: reading durations, parameters and ids that a person wrote. Does not own: whether host and tool accept them (the hub).
 * Invariant: what is wrong is said before it is sent, in the words of the field.
 */
import { Option, Schema } from "effect"
import type { TaskRequest } from "@signalbox/core/api/contract.ts"
import { TaskId } from "@signalbox/core/task/events.ts"
import { type Field, type Form, form } from "../form.ts"
import type { Model } from "../model.ts"

const Params = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))
const decodeParams = Schema.decodeUnknownOption(Params)
const isTaskId: (text: string) => boolean = Schema.is(TaskId)

export const taskForm = (model: Model, host?: string): Form => {
  const hosts = model.hostNames.length === 0 ? ["local"] : model.hostNames
  const tools = model.tools.length === 0 ? ["shell"] : model.tools.map((t) => t.name)
  return form("task", "New task", fields(hosts, tools), {
    host: host !== undefined && hosts.includes(host) ? host : (hosts[0] ?? "local"),
    tool: tools.includes("shell") ? "shell" : (tools[0] ?? "shell")
  })
}

const fields = (hosts: ReadonlyArray<string>, tools: ReadonlyArray<string>): ReadonlyArray<Field> => [
  { name: "host", title: "Host", kind: "choice", options: hosts, hint: "← → or a letter; space steps on" },
  { name: "tool", title: "Tool", kind: "choice", options: tools, hint: "← → or a letter; space steps on" },
  {
    name: "command",
    title: "Command",
    kind: "lines",
    required: true,
    hint: "the prompt, or for shell the command; alt-enter or ctrl-j for a new line, or paste"
  },
  {
    name: "params",
    title: "Parameters",
    kind: "text",
    hint: `a JSON object as the tool documents it, as {"model":"opus"}; empty for none`,
    check: (text) => (Option.isNone(decodeParams(text)) ? jsonProblem(text) : undefined)
  },
  { name: "cwd", title: "Directory", kind: "text", hint: "on the host; empty for the host's default" },
  {
    name: "timeout",
    title: "Timeout",
    kind: "text",
    hint: "as 90s, 10m, 2h; empty for the host's default",
    check: (text) => (milliseconds(text) === undefined ? "write a time as 90s, 10m, 2h or 1d" : undefined)
  },
  {
    name: "after",
    title: "After",
    kind: "text",
    hint: "ids of tasks that must have succeeded first, with spaces between",
    check: (text) => {
      const wrong = words(text).find((id) => !isTaskId(id))
      return wrong === undefined
        ? undefined
        : `${wrong.slice(0, 60)} is not the id of a task, as task-20261120-143022-abc123`
    }
  }
]

const jsonProblem = (text: string): string => {
  try {
    JSON.parse(text)
    return `must be a JSON object, as {"model":"opus"}`
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : "unreadable"}`
  }
}

const words = (text: string): ReadonlyArray<string> => text.split(/[\s,]+/u).filter((word) => word !== "")
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export const milliseconds = (text: string): number | undefined => {
  const [, amount, unit = "ms"] = /^([0-9]{1,9}(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?$/u.exec(text.trim()) ?? []
  const ms = Math.round(Number(amount) * (units[unit] ?? Number.NaN))
  return amount === undefined || ms <= 0 || !Number.isSafeInteger(ms) ? undefined : ms
}

/** The values were checked by the form. */
export const taskRequest = (values: Readonly<Record<string, string>>): TaskRequest => {
  const text = (name: string): string => (values[name] ?? "").trim()
  const timeoutMs = milliseconds(text("timeout"))
  const after = words(text("after"))
  return {
    host: text("host"),
    tool: text("tool"),
    command: values["command"] ?? "",
    ...(text("params") === "" ? {} : { params: Option.getOrElse(decodeParams(text("params")), () => ({})) }),
    ...(text("cwd") === "" ? {} : { cwd: text("cwd") }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(after.length === 0 ? {} : { after })
  }
}
