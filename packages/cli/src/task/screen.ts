/** Tasks as a person reads them: a table, or all of one. Loaded only for people; measuring text costs a script's time. */
import { age, duration, exact } from "@signalbox/tui/format.ts"
import { facts, table } from "../client/table.ts"
import type { BriefTask, ShownTask } from "./shape.ts"
import { said, words } from "./words.ts"

export const colorOf = ({ status }: BriefTask): "red" | "green" | "yellow" | "dim" | undefined => {
  if (status === "succeeded") return "green"
  if (status === "running" || status === "starting") return undefined
  if (status === "waiting" || status === "interrupted" || status === "unknown" || status === "lost") return "yellow"
  return status === "failed" || status === "timed_out" ? "red" : "dim"
}

export const rows = (tasks: ReadonlyArray<BriefTask>, now: number): string =>
  table(
    [
      { title: "TASK", cell: (task) => task.taskId, keep: true },
      { title: "STATUS", cell: words, color: colorOf },
      { title: "HOST", cell: (task) => task.host },
      { title: "TOOL", cell: (task) => task.tool },
      { title: "AGE", cell: (task) => age(task.createdAt, now) },
      { title: "TOOK", cell: (task) => took(task, now) },
      { title: "COMMAND", cell: (task) => task.command, flexible: true }
    ],
    tasks
  )

const took = (task: BriefTask, now: number): string =>
  task.startedAt === null
    ? ""
    : duration((task.finishedAt === null ? now : Date.parse(task.finishedAt)) - Date.parse(task.startedAt))

/** The last thing that a person said to it, and why it did not arrive. */
const lastMessage = (task: ShownTask): string | undefined => {
  const last = task.messages?.at(-1)
  if (last === undefined) return undefined
  const problem = last.problem === undefined ? "" : `: not typed, ${last.problem}`
  return `${JSON.stringify(last.text)} by ${last.actor} at ${exact(last.at)}${problem}`
}

const toldOf = (task: ShownTask, target: string): string => {
  const told = task.notified?.find((one) => one.target === target)
  if (told === undefined) return ""
  return told.problem === undefined ? " (told)" : ` (not told: ${told.problem})`
}

export const details = (task: ShownTask, now: number): string => {
  const { report } = task
  const tokens =
    report.inputTokens === undefined && report.outputTokens === undefined
      ? undefined
      : `${report.inputTokens ?? 0} in, ${report.outputTokens ?? 0} out`
  return facts([
    ["task", task.taskId],
    ["status", words(task)],
    ["why", said(task)],
    ["host", task.host],
    ["tool", task.tool],
    ["created", `${exact(task.createdAt)} by ${task.actor} (${age(task.createdAt, now)} ago)`],
    ["started", task.startedAt === null ? null : exact(task.startedAt)],
    ["took", took(task, now)],
    ["not before", task.startAt === undefined ? null : exact(task.startAt)],
    ["after", task.after.join(", ")],
    ["directory", task.cwd],
    ["retry of", task.retryOf],
    ["resumes", task.resumeOf],
    ["schedule", task.scheduleId],
    ["model", report.model],
    ["tokens", tokens],
    ["cost", report.costUsd === undefined ? undefined : `$${report.costUsd.toFixed(4)}`],
    ["session", report.sessionId],
    ["output", task.output.out === undefined ? undefined : `${task.output.out.bytes} bytes`],
    ["asks", report.waiting],
    ["said", lastMessage(task)],
    ["notifies", (task.notify ?? []).map((target) => `${target}${toldOf(task, target)}`).join("\n")],
    ["command", task.command],
    ["answer", report.answer]
  ])
}
