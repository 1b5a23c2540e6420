/**
 * The list of tasks: one line each, what waits for a person on top.
 *
 * Owns: the columns at every width, the line of counts. Does not own: order and filter (`model.ts`).
 * Invariant: glyph and end of the id are always seen; columns give way from the right as it gets narrow, the headline never.
 */
import { isSettled, type TaskView } from "@signalbox/core/task/view.ts"
import { age, count, many } from "../format.ts"
import { view } from "../list.ts"
import { headline, type Model } from "../model.ts"
import { type Row, exactly, named, rowWidth, say, said, saidRight } from "../row.ts"
import { empty, list } from "../screen/list.ts"
import type { Rect } from "../screen/panes.ts"
import { mark, wordWidth } from "../theme.ts"
import type { Ui } from "../ui.ts"

export const taskRow = (task: TaskView, now: number, columns: number, marked: boolean): Row => {
  const { glyph, word, color } = mark(task.status)
  const wide = columns >= 62
  const row: Array<Row[number]> = [
    say(marked ? "*" : " ", { bold: true }),
    say(`${glyph} `, { color }),
    wide ? named(task.taskId, 13) : said(`…${task.taskId.slice(-7)}`, 8),
    say(" "),
    said(task.tool, wide ? 7 : 6),
    say(" "),
    named(task.host, wide ? 8 : 6),
    say(" ")
  ]
  if (columns >= 48) row.push(said(word, wordWidth, { color }), say(" "))
  row.push(
    saidRight(age(isSettled(task.status) ? (task.finishedAt ?? task.updatedAt) : task.createdAt, now), 4, { dim: true })
  )
  const used = rowWidth(row)
  row.push(say("  "), said(headline(task), Math.max(0, columns - used - 2), task.status === "waiting" ? { color } : {}))
  return exactly(row, columns)
}

export const taskList = (ui: Ui, model: Model, rect: Rect): ReadonlyArray<Row> => {
  const size = { columns: rect.columns, rows: rect.rows - 1 }
  const { rows, ids, total } = model.tasks
  const summary = counts(ui, model, size.rows)
  if (rows.length === 0) {
    const sentence = !model.loaded
      ? model.connection.state === "connecting"
        ? "Reading the log…"
        : "The hub does not answer; trying again."
      : total === 0
        ? "No tasks yet. Press c for the first one."
        : "No task has these words. esc clears the filter."
    const blank = empty(sentence, size)
    return [...blank, ...Array.from({ length: Math.max(0, size.rows - blank.length) }, (): Row => []), summary]
  }
  const drawn = list(ids, ui.anchors.tasks, size, ui.focus === "list" && ui.overlay === undefined, (i, columns) =>
    taskRow(rows[i]!, model.now, columns, ui.marked.has(rows[i]!.taskId))
  )
  return [...drawn, ...Array.from({ length: size.rows - drawn.length }, (): Row => []), summary]
}

const counts = (ui: Ui, model: Model, height: number): Row => {
  const { rows, ids, total } = model.tasks
  const filter = ui.filters.tasks.trim()
  const above = view(ids, height, ui.anchors.tasks).start
  const part = filter === "" ? many(total, "task") : `${count(rows.length)} of ${count(total)} with "${filter}"`
  const { active, waiting, queued } = model.counts
  const parts = [
    part,
    ...(active > 0 ? [`running ${count(active)}`] : []),
    ...(waiting > 0 ? [`waiting ${count(waiting)}`] : []),
    ...(queued > 0 ? [`queued ${count(queued)}`] : []),
    ...(ui.marked.size > 0 ? [`marked ${count(ui.marked.size)}`] : []),
    ...(above > 0 ? [`↑ ${count(above)} above`] : [])
  ]
  return [say(" "), said(parts.join(" · "), 200, { dim: true })]
}
