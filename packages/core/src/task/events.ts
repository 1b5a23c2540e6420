/**
 * The events of a task: one stream `task/<id>` is one attempt to run one tool on one host.
 *
 * Owns: payload schemas and the id format. Does not own: when they happen (`decider.ts`), output bytes (the `output` schema).
 * Invariants: a retry or a follow-up is a new task that names the old one; the outcome carries size and SHA-256 of the output,
 * never the output; secrets are named (`envFrom`), never valued.
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"
import { ToolReport } from "../tool/Tool.ts"

/** task-20261120-143022-abc123: sortable, speakable, safe as a file and tmux session name. */
export const TaskId = Schema.String.check(
  Schema.isPattern(/^task-[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$/u, { expected: "a task id like task-20261120-143022-abc123" })
)

export const EnvName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/u, { expected: "a name of an environment variable" })
)

/** An http(s) URL, or env:NAME for one in the worker's environment: such URLs are often secrets. */
export const NotifyTarget = Schema.String.check(
  Schema.isPattern(/^(https?:\/\/[^\s]{1,2000}|env:[A-Za-z_][A-Za-z0-9_]{0,127})$/u, {
    expected: "an http(s) URL, or env:NAME for one in the worker's environment"
  })
)

/** What a person asks for; defaults of host and tool are applied at launch. */
export const TaskSpec = Schema.Struct({
  host: Schema.String,
  tool: Schema.String,
  command: Schema.String,
  context: Schema.optionalKey(Schema.String),
  params: Schema.Record(Schema.String, Schema.Json),
  cwd: Schema.optionalKey(Schema.String),
  env: Schema.optionalKey(Schema.Record(EnvName, Schema.String)),
  /** Names of variables taken from the worker's own environment at launch: secrets stay out of the log. */
  envFrom: Schema.optionalKey(Schema.Array(EnvName)),
  timeoutMs: Schema.optionalKey(Schema.Int),
  idleTimeoutMs: Schema.optionalKey(Schema.Int),
  /** Higher first; default 0. */
  priority: Schema.Int,
  /** Tasks that must have succeeded first. */
  after: Schema.Array(TaskId),
  /** ISO 8601; not before this moment. */
  startAt: Schema.optionalKey(Schema.String),
  /** Told by an HTTP POST when the task has ended. */
  notify: Schema.optionalKey(Schema.Array(NotifyTarget).check(Schema.isMaxLength(5)))
})
export type TaskSpec = typeof TaskSpec.Type

export const OutputDigest = Schema.Struct({ bytes: Schema.Int, sha256: Schema.String })
/** Per stream of the process; `err` is absent when both streams share one file. */
export const OutputDigests = Schema.Struct({
  out: Schema.optionalKey(OutputDigest),
  err: Schema.optionalKey(OutputDigest)
})
export type OutputDigests = typeof OutputDigests.Type

export const KillReason = Schema.Literals(["person", "timeout", "idle-timeout"])

export const TaskEvent = Schema.TaggedUnion({
  TaskCreated: {
    taskId: TaskId,
    ...TaskSpec.fields,
    /** The agent's session id, chosen by us where the tool allows. */
    sessionId: Schema.String,
    retryOf: Schema.optionalKey(TaskId),
    /** Follow-up of another task's agent session. */
    resumeOf: Schema.optionalKey(TaskId),
    resumeSession: Schema.optionalKey(Schema.String),
    scheduleId: Schema.optionalKey(Schema.String)
  },
  /** A slot on the host was granted; the launch may now be tried. `direct`: by whoever granted it, at once; the job comes after. */
  TaskDispatched: { direct: Schema.optionalKey(Schema.Literal(true)) },
  TaskLaunched: {
    pid: Schema.Int,
    bootId: Schema.String,
    /** True when a run of an earlier, interrupted launch was found and taken over. */
    adopted: Schema.Boolean
  },
  TaskObserved: { status: Schema.Literals(["running", "waiting"]), report: ToolReport },
  /** A person says something to its program; a worker types it into the task's terminal, once. */
  TaskMessageSent: { text: Schema.String },
  /** It was not typed, or nobody can tell. `sent`: the version of its TaskMessageSent in this stream. */
  TaskMessageFailed: { sent: Schema.Int, reason: Schema.String },
  TaskKillRequested: { reason: KillReason, graceMs: Schema.Int },
  TaskSucceeded: { exitCode: Schema.Int, report: ToolReport, output: OutputDigests },
  TaskFailed: {
    reason: Schema.Literals(["exit", "tool", "launch", "dependency"]),
    message: Schema.String,
    exitCode: Schema.optionalKey(Schema.Int),
    report: Schema.optionalKey(ToolReport),
    output: Schema.optionalKey(OutputDigests)
  },
  TaskTimedOut: {
    kind: Schema.Literals(["timeout", "idle-timeout"]),
    exitCode: Schema.optionalKey(Schema.Int),
    report: Schema.optionalKey(ToolReport),
    output: Schema.optionalKey(OutputDigests)
  },
  TaskKilled: {
    /** Absent: it was never started. */
    exitCode: Schema.optionalKey(Schema.Int),
    report: Schema.optionalKey(ToolReport),
    output: Schema.optionalKey(OutputDigests)
  },
  /** The host's boot id changed under the running task. */
  TaskInterrupted: { bootId: Schema.optionalKey(Schema.String), output: Schema.optionalKey(OutputDigests) },
  /** The process is gone and left no exit code, on the same boot. */
  TaskLost: { message: Schema.String, output: Schema.optionalKey(OutputDigests) },
  TaskOutcomeUnknown: { message: Schema.String },
  /** Every attempt to tell a target about the end, when it worked or was given up. `problem` is absent when it was told. */
  TaskNotified: { target: NotifyTarget, problem: Schema.optionalKey(Schema.String) }
})
export type TaskEvent = typeof TaskEvent.Type

export const taskEvents = makeEventTypes<TaskEvent>({
  schema: TaskEvent,
  types: [
    "TaskCreated",
    "TaskDispatched",
    "TaskLaunched",
    "TaskObserved",
    "TaskMessageSent",
    "TaskMessageFailed",
    "TaskKillRequested",
    "TaskSucceeded",
    "TaskFailed",
    "TaskTimedOut",
    "TaskKilled",
    "TaskInterrupted",
    "TaskLost",
    "TaskOutcomeUnknown",
    "TaskNotified"
  ]
})

export const taskStream = (taskId: string): string => `task/${taskId}`

/**
 * @param at milliseconds since 1970, UTC
 * @param random six characters of a-z0-9 are made from these bytes (at least 6)
 */
export const makeTaskId = (at: number, random: Uint8Array): string => {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)
  const tail = Array.from(random.subarray(0, 6), (byte) => (byte % 36).toString(36)).join("")
  return `task-${digits.slice(0, 8)}-${digits.slice(8)}-${tail}`
}
