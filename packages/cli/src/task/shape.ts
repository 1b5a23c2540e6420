/**
 * Tasks as the hub answers them, as far as commands that read use them.
 *
 * Invariant: `TaskView` is the contract; the last lines do not compile when a shape here asks for more than it promises.
 */
import { taskStatuses } from "@signalbox/core/task/status.ts"
import type { TaskView } from "@signalbox/core/task/view.ts"
import { list, number, oneOf, orNull, record, type Shape, text } from "../read/shape.ts"

const brief = {
  taskId: text,
  host: text,
  tool: text,
  command: text,
  status: oneOf(taskStatuses),
  createdAt: text,
  startedAt: orNull(text),
  finishedAt: orNull(text),
  exitCode: orNull(number)
}

export const isBriefTask = record(brief)
export type BriefTask = typeof isBriefTask extends Shape<infer A> ? A : never

const report = record(
  {},
  {
    model: text,
    inputTokens: number,
    outputTokens: number,
    costUsd: number,
    sessionId: text,
    waiting: text,
    answer: text
  }
)
export const isTask = record(
  {
    ...brief,
    message: orNull(text),
    actor: text,
    after: list(text),
    report,
    output: record({}, { out: record({ bytes: number }) })
  },
  {
    startAt: text,
    cwd: text,
    retryOf: text,
    resumeOf: text,
    scheduleId: text,
    messages: list(record({ text, actor: text, at: text }, { problem: text })),
    notify: list(text),
    notified: list(record({ target: text }, { problem: text }))
  }
)
export type ShownTask = typeof isTask extends Shape<infer A> ? A : never

export const promised: (task: TaskView) => ShownTask & BriefTask = (task) => task
