/**
 * A task as screens, lists and decisions see it: the fold of its events.
 *
 * Owns: `TaskView`, `evolve` and the words and groups of statuses. Does not own: decisions, SQL, pixels.
 * Invariants: pure; an event that does not fit the state changes nothing; the same fold serves the command side, the read model,
 * the terminal and the replay.
 */
import { Schema } from "effect"
import { ToolReport } from "../tool/Tool.ts"
import { KillReason, OutputDigests, type TaskEvent, TaskSpec } from "./events.ts"
import { taskStatuses } from "./status.ts"

export const TaskStatus = Schema.Literals(taskStatuses)
export type TaskStatus = typeof TaskStatus.Type

/** The process is, or may be, there: a watcher looks after it. */
export const activeStatuses: ReadonlyArray<TaskStatus> = ["starting", "running", "waiting"]
/** Nothing more will happen by itself. */
export const settledStatuses: ReadonlyArray<TaskStatus> = [
  "succeeded",
  "failed",
  "killed",
  "timed_out",
  "interrupted",
  "lost",
  "unknown"
]
export const isSettled = (status: TaskStatus): boolean => settledStatuses.includes(status)

export const TaskView = Schema.Struct({
  taskId: Schema.String,
  ...TaskSpec.fields,
  status: TaskStatus,
  actor: Schema.String,
  sessionId: Schema.String,
  retryOf: Schema.optionalKey(Schema.String),
  resumeOf: Schema.optionalKey(Schema.String),
  resumeSession: Schema.optionalKey(Schema.String),
  scheduleId: Schema.optionalKey(Schema.String),
  createdAt: Schema.String,
  startedAt: Schema.NullOr(Schema.String),
  finishedAt: Schema.NullOr(Schema.String),
  exitCode: Schema.NullOr(Schema.Int),
  pid: Schema.NullOr(Schema.Int),
  bootId: Schema.NullOr(Schema.String),
  report: ToolReport,
  kill: Schema.NullOr(
    Schema.Struct({ reason: KillReason, graceMs: Schema.Int, at: Schema.String, actor: Schema.String })
  ),
  /** Why it ended as it did, for people. */
  message: Schema.NullOr(Schema.String),
  output: OutputDigests,
  /** What people said to it, the last ones; `version` is that of the event, `problem` why it did not arrive. */
  messages: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        version: Schema.Int,
        text: Schema.String,
        actor: Schema.String,
        at: Schema.String,
        problem: Schema.optionalKey(Schema.String)
      })
    )
  ),
  /** Who was told of the end, or could not be. */
  notified: Schema.optionalKey(
    Schema.Array(Schema.Struct({ target: Schema.String, problem: Schema.optionalKey(Schema.String) }))
  ),
  /** Version of the stream this view is folded to. */
  version: Schema.Int,
  updatedAt: Schema.String
}).annotate({ identifier: "Task" })
export type TaskView = typeof TaskView.Type

/** What the envelope adds to the payload. */
export interface EventMeta {
  readonly at: string
  readonly actor: string
  readonly version: number
}

export const evolveTask = (task: TaskView | undefined, event: TaskEvent, meta: EventMeta): TaskView | undefined => {
  if (event._tag === "TaskCreated") return task ?? created(event, meta)
  if (task === undefined) return undefined
  return { ...task, ...changed(task, event, meta), version: meta.version, updatedAt: meta.at }
}

/** For lists: the command cut to 300 characters, the context left out, the answer cut to 300, of the messages the last one. */
export const briefTask = ({ context: _context, ...task }: TaskView): TaskView => ({
  ...task,
  ...(task.messages === undefined ? {} : { messages: task.messages.slice(-1) }),
  command: task.command.slice(0, 300).toWellFormed(),
  report:
    task.report.answer === undefined
      ? task.report
      : { ...task.report, answer: task.report.answer.slice(0, 300).toWellFormed() }
})

const changed = (
  task: TaskView,
  event: Exclude<TaskEvent, { readonly _tag: "TaskCreated" }>,
  meta: EventMeta
): Partial<TaskView> => {
  switch (event._tag) {
    case "TaskDispatched":
      return { status: "starting" }
    case "TaskLaunched":
      // seen after all: what was said of it while it was unknown is over
      return {
        status: "running",
        startedAt: task.startedAt ?? meta.at,
        finishedAt: null,
        message: null,
        pid: event.pid,
        bootId: event.bootId
      }
    case "TaskObserved":
      return { status: event.status, report: event.report }
    case "TaskMessageSent":
      return { messages: [...(task.messages ?? []), messageOf(event, meta)].slice(-keptMessages) }
    case "TaskMessageFailed":
      return {
        messages: (task.messages ?? []).map((one) =>
          one.version === event.sent ? { ...one, problem: event.reason } : one
        )
      }
    case "TaskNotified":
      return { notified: [...(task.notified ?? []), toldOf(event)] }
    case "TaskKillRequested":
      return { kill: { reason: event.reason, graceMs: event.graceMs, at: meta.at, actor: meta.actor } }
    case "TaskSucceeded":
      return ended("succeeded", event, null, meta)
    case "TaskFailed":
      return ended("failed", event, event.message, meta)
    case "TaskTimedOut":
      return ended("timed_out", event, event.kind === "timeout" ? "time limit reached" : "no output for too long", meta)
    case "TaskKilled":
      return ended("killed", event, event.exitCode === undefined ? "killed before it started" : null, meta)
    case "TaskInterrupted":
      return ended("interrupted", event, "the host was restarted under it", meta)
    case "TaskLost":
      return ended("lost", event, event.message, meta)
    case "TaskOutcomeUnknown":
      return ended("unknown", {}, event.message, meta)
  }
}

const keptMessages = 20

const messageOf = ({ text }: Extract<TaskEvent, { readonly _tag: "TaskMessageSent" }>, meta: EventMeta) => ({
  version: meta.version,
  text: text.slice(0, 300).toWellFormed(),
  actor: meta.actor,
  at: meta.at
})

const toldOf = ({ target, problem }: Extract<TaskEvent, { readonly _tag: "TaskNotified" }>) =>
  problem === undefined ? { target } : { target, problem }

const ended = (
  status: TaskStatus,
  event: {
    readonly exitCode?: number
    readonly report?: ToolReport
    readonly output?: OutputDigests
  },
  message: string | null,
  meta: EventMeta
): Partial<TaskView> => ({
  status,
  message,
  finishedAt: meta.at,
  exitCode: event.exitCode ?? null,
  ...(event.report === undefined ? {} : { report: event.report }),
  ...(event.output === undefined ? {} : { output: event.output })
})

const created = (
  { _tag, ...spec }: Extract<TaskEvent, { readonly _tag: "TaskCreated" }>,
  meta: EventMeta
): TaskView => ({
  ...spec,
  status: "queued",
  actor: meta.actor,
  createdAt: meta.at,
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  pid: null,
  bootId: null,
  report: {},
  kill: null,
  message: null,
  output: {},
  version: meta.version,
  updatedAt: meta.at
})
