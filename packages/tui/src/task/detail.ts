/**
 * One task: what it is, how it stands, and its log.
 *
 * Owns: the head, the log's rows, its last line. Does not own: the log's bytes (`log/follow.ts`), scrolling (`log/scroll.ts`).
 * Invariants: the head takes no more than half the pane; whatever is in the output, a row is a row.
 */
import { isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { bytes, clock, count, dollars, duration, exact, short } from "../format.ts"
import type { LogModel, Model } from "../model.ts"
import { visible, type LogRow } from "../log/scroll.ts"
import type { LogLine } from "../log/lines.ts"
import { type Row, type Style, named, rule, say, said, spread } from "../row.ts"
import type { Rect } from "../screen/panes.ts"
import { oneLine, wrap } from "../text.ts"
import { mark } from "../theme.ts"
import type { Ui } from "../ui.ts"

export const taskDetail = (ui: Ui, model: Model, task: TaskView | undefined, rect: Rect): ReadonlyArray<Row> => {
  if (task === undefined) return [[], [say("  Nothing is selected.", { dim: true })]]
  const head = ui.logOnly ? [title(task, rect.columns)] : taskHead(task, model.now, rect.columns, ui.zoom)
  const top = [...head.slice(0, headRows(rect, head.length)), rule(rect.columns)]
  const height = Math.max(0, rect.rows - top.length - 1)
  const log = model.log?.taskId === task.taskId ? model.log : undefined
  const rows = log === undefined ? [] : visible(log.lines, ui.log, rect.columns, height).map(logRow)
  const body = rows.length > 0 ? rows : [[say(`  ${nothing(task, log)}`, { dim: true })]]
  const filled = Array.from({ length: height }, (_, i): Row => body[i] ?? [])
  return [...top, ...filled, foot(ui, log)]
}

const headRows = (rect: Rect, wanted: number): number => Math.max(1, Math.min(wanted, Math.floor(rect.rows / 2) - 1))

/** Rows that the log has in a pane: what scrolling counts in. */
export const logHeight = (ui: Ui, model: Model, task: TaskView | undefined, rect: Rect): number => {
  if (task === undefined) return Math.max(1, rect.rows - 2)
  const head = ui.logOnly ? 1 : taskHead(task, model.now, rect.columns, ui.zoom).length
  return Math.max(1, rect.rows - headRows(rect, head) - 2)
}

/** The id is never cut where there is any way to avoid it: what it is for is being read out and pasted. */
const title = (task: TaskView, columns: number): Row => {
  const { glyph, word, color } = mark(task.status)
  const room = columns - task.taskId.length - 1
  const state = room >= word.length + 2 ? `${glyph} ${word}` : glyph
  return spread(
    [named(task.taskId, Math.max(1, columns - state.length - 1), { bold: true })],
    [say(state, { color, bold: true })],
    columns
  )
}

export const taskHead = (task: TaskView, now: number, columns: number, whole: boolean): ReadonlyArray<Row> => {
  const end = task.finishedAt === null ? now : Date.parse(task.finishedAt)
  const took = task.startedAt === null ? undefined : duration(end - Date.parse(task.startedAt))
  const { report } = task
  const when = whole ? exact(task.createdAt) : clock(task.createdAt)
  const facts = [task.tool, task.host, task.cwd, `by ${task.actor}`, when, took, ended(task)]
  const session = report.sessionId ?? (task.sessionId === "" ? undefined : task.sessionId)
  const use = [
    report.model,
    report.inputTokens === undefined && report.outputTokens === undefined
      ? undefined
      : `${short((report.inputTokens ?? 0) + (report.outputTokens ?? 0))} tokens`,
    report.costUsd === undefined ? undefined : dollars(report.costUsd),
    report.turns === undefined ? undefined : `${count(report.turns)} turns`,
    report.model === undefined || session === undefined
      ? undefined
      : `session ${whole ? session : session.slice(0, 8) + "…"}`
  ]
  const links = [
    task.retryOf === undefined ? undefined : `again of ${task.retryOf}`,
    task.resumeOf === undefined ? undefined : `continues ${task.resumeOf}`,
    task.after.length === 0 ? undefined : `after ${task.after.join(" ")}`,
    task.scheduleId === undefined ? undefined : `schedule ${task.scheduleId}`,
    task.kill === null || isSettled(task.status) ? undefined : `kill asked by ${task.kill.actor}`
  ]
  const rows: Array<Row> = [title(task, columns), [said(joined(facts), columns, { dim: true })]]
  if (joined(use) !== "") rows.push([said(joined(use), columns, { dim: true })])
  if (joined(links) !== "") rows.push([said(joined(links), columns, { dim: true })])
  const shown = whole ? 6 : 2
  for (const text of paragraph(task.command, columns, shown)) rows.push([say(text)])
  if (report.waiting !== undefined && task.status === "waiting")
    for (const text of paragraph(`? ${report.waiting}`, columns, shown)) rows.push([say(text, { color: "yellow" })])
  const last = task.messages?.at(-1)
  if (last !== undefined) rows.push([said(`> ${oneLine(last.text, columns)} · ${last.actor}`, columns, { dim: true })])
  if (last?.problem !== undefined)
    for (const text of paragraph(`✗ not typed: ${last.problem}`, columns, shown))
      rows.push([say(text, { color: "red" })])
  if (task.message !== null)
    for (const text of paragraph(task.message, columns, shown))
      rows.push([say(text, { color: mark(task.status).color })])
  if (whole && report.answer !== undefined && isSettled(task.status))
    for (const text of paragraph(`= ${report.answer}`, columns, shown)) rows.push([say(text, { color: "green" })])
  return rows
}

const ended = (task: TaskView): string | undefined => (task.exitCode === null ? undefined : `exit ${task.exitCode}`)
const joined = (parts: ReadonlyArray<string | undefined>): string =>
  parts.filter((part) => part !== undefined && part !== "").join(" · ")

/** The first rows of a text of any length, with a mark where it goes on. */
const paragraph = (text: string, columns: number, most: number): ReadonlyArray<string> => {
  const lines = text
    .slice(0, columns * (most + 2) * 2)
    .split("\n")
    .flatMap((line) => wrap(oneLine(line, columns * (most + 1)), columns))
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most - 1), `${(lines[most - 1] ?? "").slice(0, columns - 2)} …`]
}

const glyphs = {
  message: "●",
  tool: "●",
  result: "↳",
  question: "?",
  error: "✗",
  note: " ",
  plain: " ",
  stderr: "!"
} as const

const styles: Readonly<Record<LogLine["kind"], Style>> = {
  message: {},
  tool: { color: "cyan" },
  result: { dim: true },
  question: { color: "yellow" },
  error: { color: "red" },
  note: { dim: true },
  plain: {},
  stderr: { color: "red" }
}

export const logRow = ({ line, sub, text }: LogRow): Row => {
  const style = styles[line.kind]
  return [say(`${sub === 0 ? glyphs[line.kind] : " "} `, style), say(text, style)]
}

const nothing = (task: TaskView, log: LogModel | undefined): string => {
  if (task.status === "queued") return "It has not started yet."
  if (log === undefined || log.state === "loading") return "Reading the log…"
  if (log.state === "failed") return log.problem ?? "The log cannot be read."
  return isSettled(task.status) ? "It wrote nothing." : "It has written nothing yet."
}

const foot = (ui: Ui, log: LogModel | undefined): Row => {
  if (log === undefined) return []
  const state =
    log.state === "following"
      ? ui.log.follow
        ? "following"
        : "held · f follows the end"
      : log.state === "ended" && !ui.log.follow
        ? "ended · held"
        : log.state
  const cut = log.cut ? " · the last lines; all with signalbox task logs" : ""
  const style = log.state === "reconnecting" ? { color: "yellow" as const } : { dim: true }
  return [say(` log ${bytes(log.bytes)} · `, { dim: true }), say(state, style), say(cut, { dim: true })]
}
