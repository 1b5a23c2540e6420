/**
 * What may happen to a task: commands in, events or a rejection out. Pure.
 *
 * Owns: the rules of one task's life. Does not own: whether host, tool and dependencies exist (checked where the command is
 * made, against the read models), when a slot is free (worker), output.
 * Invariants: a settled task stays as it is, except that `unknown` gives way to evidence and can be killed; evidence that comes twice or late is
 * accepted without an event, because the world may repeat itself; people's commands that make no sense are rejected.
 */
import { Result, Schema } from "effect"
import type { ToolReport } from "../tool/Tool.ts"
import type { OutputDigests, TaskEvent } from "./events.ts"
import { isInteractive } from "../tool/interactive.ts"
import { isSettled, type TaskView } from "./view.ts"

export class TaskRejection extends Schema.TaggedError<TaskRejection>()("TaskRejection", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

type CreatedEvent = Extract<TaskEvent, { readonly _tag: "TaskCreated" }>

export type TaskCommand =
  | { readonly _tag: "Create"; readonly created: Omit<CreatedEvent, "_tag"> }
  | { readonly _tag: "Dispatch"; readonly direct?: true }
  | { readonly _tag: "RecordLaunch"; readonly pid: number; readonly bootId: string; readonly adopted: boolean }
  | { readonly _tag: "Observe"; readonly report: ToolReport }
  | { readonly _tag: "RequestKill"; readonly reason: "person" | "timeout" | "idle-timeout"; readonly graceMs: number }
  | {
      readonly _tag: "RecordExit"
      readonly exitCode: number
      readonly report: ToolReport
      readonly output: OutputDigests
      /** What the tool's table says of this exit code. */
      readonly meaning?: string
    }
  | { readonly _tag: "RecordNeverStarted" }
  | { readonly _tag: "RecordInterrupted"; readonly bootId?: string; readonly output: OutputDigests }
  | { readonly _tag: "RecordLost"; readonly message: string; readonly output: OutputDigests }
  | { readonly _tag: "FailLaunch"; readonly message: string }
  | { readonly _tag: "FailDependency"; readonly message: string }
  | { readonly _tag: "GiveUp"; readonly message: string }
  /** `continues`: its tool can go on with an ended session. */
  | { readonly _tag: "SendMessage"; readonly text: string; readonly continues: boolean }
  | { readonly _tag: "RecordUndelivered"; readonly sent: number; readonly reason: string }
  | { readonly _tag: "RecordNotified"; readonly target: string; readonly problem?: string }

type Decision = Result.Result<ReadonlyArray<TaskEvent>, TaskRejection>
const events = (...list: ReadonlyArray<TaskEvent>): Decision => Result.succeed(list)
const reject = (reason: string): Decision => Result.fail(new TaskRejection({ reason }))

export const decideTask = (task: TaskView | undefined, command: TaskCommand): Decision => {
  if (command._tag === "Create") {
    return task === undefined
      ? events({ _tag: "TaskCreated", ...command.created })
      : reject(`${task.taskId} exists already`)
  }
  if (task === undefined) return reject("There is no such task.")
  if (command._tag === "RequestKill") return requestKill(task, command)
  if (command._tag === "RecordNotified") return notified(task, command)
  if (command._tag === "SendMessage") return sendMessage(task, command)
  if (command._tag === "RecordUndelivered") return undelivered(task, command)
  if (isSettled(task.status) && task.status !== "unknown") return events()
  switch (command._tag) {
    case "Dispatch":
      if (task.status !== "queued" || task.kill !== null) return events()
      return events({ _tag: "TaskDispatched", ...(command.direct === undefined ? {} : { direct: command.direct }) })
    case "RecordLaunch":
      return task.startedAt === null
        ? events({ _tag: "TaskLaunched", pid: command.pid, bootId: command.bootId, adopted: command.adopted })
        : events()
    case "Observe":
      return observe(task, command.report)
    case "RecordExit":
      return events(outcome(task, command))
    case "RecordNeverStarted":
      return events({ _tag: "TaskKilled" })
    case "RecordInterrupted":
      return events({
        _tag: "TaskInterrupted",
        output: command.output,
        ...(command.bootId === undefined ? {} : { bootId: command.bootId })
      })
    case "RecordLost":
      return events({ _tag: "TaskLost", message: command.message, output: command.output })
    case "FailLaunch":
      return task.startedAt === null
        ? events({ _tag: "TaskFailed", reason: "launch", message: command.message })
        : events()
    case "FailDependency":
      return task.status === "queued"
        ? events({ _tag: "TaskFailed", reason: "dependency", message: command.message })
        : events()
    case "GiveUp":
      return task.status === "unknown" ? events() : events({ _tag: "TaskOutcomeUnknown", message: command.message })
  }
}

const requestKill = (task: TaskView, command: Extract<TaskCommand, { readonly _tag: "RequestKill" }>): Decision => {
  if (isSettled(task.status) && !(task.status === "unknown" && command.reason === "person")) {
    return command.reason === "person"
      ? reject(`${task.taskId} has already ended (${task.status.replace("_", " ")}).`)
      : events()
  }
  if (task.kill !== null) return events() // already on its way; asking twice is no error
  const requested: TaskEvent = { _tag: "TaskKillRequested", reason: command.reason, graceMs: command.graceMs }
  return task.status === "queued" ? events(requested, { _tag: "TaskKilled" }) : events(requested)
}

const sendMessage = (
  task: TaskView,
  { text, continues }: Extract<TaskCommand, { readonly _tag: "SendMessage" }>
): Decision => {
  const resume = `use task resume ${task.taskId} to continue its session`
  if (isSettled(task.status)) {
    const over = `${task.taskId} has already ended (${task.status.replace("_", " ")})`
    return reject(continues ? `${over}; ${resume}.` : `${over}, so nothing reads a message.`)
  }
  if (!isInteractive(task.params)) {
    const how = "it was not made with the parameter interactive"
    return reject(
      `${task.taskId} has no terminal to type into: ${how}.${continues ? ` Once it has ended, ${resume}.` : ""}`
    )
  }
  if (task.startedAt === null) return reject(`${task.taskId} is ${task.status}; a message can be sent once it runs.`)
  if (task.kill !== null) return reject(`${task.taskId} is being ended, so a message comes too late.`)
  return events({ _tag: "TaskMessageSent", text })
}

const undelivered = (
  task: TaskView,
  { sent, reason }: Extract<TaskCommand, { readonly _tag: "RecordUndelivered" }>
): Decision => {
  const told = task.messages?.find((one) => one.version === sent)
  return told?.problem === undefined ? events({ _tag: "TaskMessageFailed", sent, reason }) : events()
}

const notified = (
  task: TaskView,
  { target, problem }: Extract<TaskCommand, { readonly _tag: "RecordNotified" }>
): Decision =>
  task.notified?.some((one) => one.target === target) === true
    ? events()
    : events({ _tag: "TaskNotified", target, ...(problem === undefined ? {} : { problem }) })

/** Coarse on purpose: sessions, models, questions and sums, never one event per token. */
const observe = (task: TaskView, report: ToolReport): Decision => {
  if (task.startedAt === null) return events()
  const status = report.waiting === undefined ? "running" : "waiting"
  return JSON.stringify(report) === JSON.stringify(task.report) && status === task.status
    ? events()
    : events({ _tag: "TaskObserved", status, report })
}

const outcome = (task: TaskView, exit: Extract<TaskCommand, { readonly _tag: "RecordExit" }>): TaskEvent => {
  const { waiting: _waiting, ...report } = exit.report // nobody answers a process that has ended
  const facts = { exitCode: exit.exitCode, report, output: exit.output }
  if (task.kill?.reason === "person") return { _tag: "TaskKilled", ...facts }
  if (task.kill !== null) return { _tag: "TaskTimedOut", kind: task.kill.reason, ...facts }
  if (exit.exitCode !== 0) {
    const why = report.error ?? exit.meaning
    return {
      _tag: "TaskFailed",
      reason: "exit",
      message: why === undefined ? `exit ${exit.exitCode}` : `exit ${exit.exitCode}: ${why}`,
      ...facts
    }
  }
  if (report.error !== undefined) return { _tag: "TaskFailed", reason: "tool", message: report.error, ...facts }
  return { _tag: "TaskSucceeded", ...facts }
}
