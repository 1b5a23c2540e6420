/**
 * From what a person asks for to a task's specification. Pure.
 *
 * Owns: limits and plausibility of everything that can be judged without looking anywhere else, and defaults.
 * Does not own: whether host, tool and dependencies exist (`create.ts`).
 */
import { Result, Schema } from "effect"
import type { TaskRequest } from "../api/contract.ts"
import type { TaskSpec } from "./events.ts"

/** Well-formed and wrong: nothing was done. `reason` is for people. */
export class TaskInvalid extends Schema.TaggedError<TaskInvalid>()("TaskInvalid", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/** All of a task as JSON, command and context included: what one event can hold. */
export const taskBytesLimit = 1_000_000
const envBytesLimit = 64 * 1024
const longest = 30 * 24 * 3600 * 1000
const mostDependencies = 100

export const toSpec = (request: TaskRequest): Result.Result<TaskSpec, TaskInvalid> => {
  const startAt = request.startAt === undefined ? undefined : instant(request.startAt)
  const reason =
    startAt === null ? `"${cut(request.startAt)}" is not a time; give one like 2026-11-20T14:30:00Z.` : fault(request)
  if (reason !== undefined) return Result.fail(new TaskInvalid({ reason }))
  const spec: TaskSpec = {
    ...request,
    params: request.params ?? {},
    priority: request.priority ?? 0,
    after: [...new Set(request.after ?? [])],
    ...(startAt === undefined || startAt === null ? {} : { startAt })
  }
  const bytes = Buffer.byteLength(JSON.stringify(spec))
  return bytes > taskBytesLimit
    ? Result.fail(
        new TaskInvalid({
          reason: `The task is ${bytes} bytes with its command and context; at most ${taskBytesLimit} are taken. Put large input into a file on the host and name it in the command.`
        })
      )
    : Result.succeed(spec)
}

const fault = (request: TaskRequest): string | undefined => {
  if (request.command.trim() === "") return "The command is empty."
  for (const [what, text] of [
    ["command", request.command],
    ["context", request.context ?? ""],
    ["working directory", request.cwd ?? ""],
    ...Object.entries(request.env ?? {}).map(([name, value]) => [`value of ${name}`, value] as const)
  ] as const) {
    if (text.includes("\0")) return `The ${what} holds a NUL character, which no program can be given.`
    if (!text.isWellFormed()) return `The ${what} is not valid Unicode: half of a surrogate pair is missing.`
  }
  if (request.cwd !== undefined && (request.cwd.trim() === "" || request.cwd.length > 4096))
    return "The working directory must have 1 to 4096 characters."
  const env = Buffer.byteLength(JSON.stringify(request.env ?? {}))
  if (env > envBytesLimit) return `The environment is ${env} bytes; at most ${envBytesLimit} are taken.`
  if ((request.envFrom ?? []).length > 100) return "At most 100 variables can be taken from the worker's environment."
  if ((request.after ?? []).length > mostDependencies) return `A task can wait for at most ${mostDependencies} others.`
  const priority = request.priority ?? 0
  if (Math.abs(priority) > 1000) return `The priority must be between -1000 and 1000, not ${priority}.`
  return time("time limit", request.timeoutMs) ?? time("idle time limit", request.idleTimeoutMs)
}

const time = (what: string, ms: number | undefined): string | undefined =>
  ms === undefined || (ms >= 1 && ms <= longest)
    ? undefined
    : `The ${what} must be between 1 ms and 30 days, not ${ms} ms.`

/** @returns ISO 8601 in UTC; null when it is no time or has no time zone */
export const instant = (text: string): string | null => {
  const shaped = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/.test(text)
  const at = shaped ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

const cut = (text: string | undefined): string => (text ?? "").slice(0, 60)
