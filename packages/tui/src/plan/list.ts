/**
 * The list of plans: one line each, what waits for approval on top.
 *
 * Owns: the columns at every width, the line of counts. Does not own: order and filter (`model.ts`).
 * Invariant: glyph, end of the id and instruction are always seen; the others give way as it gets narrow.
 */
import type { PlanView } from "@signalbox/core/plan/view.ts"
import { age, count, many } from "../format.ts"
import { view as windowOf } from "../list.ts"
import type { Model } from "../model.ts"
import { type Row, exactly, rowWidth, say, said, saidRight } from "../row.ts"
import { empty, list } from "../screen/list.ts"
import type { Rect } from "../screen/panes.ts"
import { mark, wordWidth } from "../theme.ts"
import type { Ui } from "../ui.ts"
import { progressOf } from "./model.ts"
import { left, riskSpan } from "./words.ts"

const planRow = (view: PlanView, now: number, columns: number): Row => {
  const { glyph, word, color } = mark(view.status)
  const row: Array<Row[number]> = [say(` ${glyph} `, { color }), said(`…${view.planId.slice(-6)}`, 7), say(" ")]
  if (columns >= 40) row.push(said(word, wordWidth, { color }), say(" "))
  if (columns >= 60) {
    const risk = view.plan === undefined ? say("") : riskSpan(view.plan.risk)
    row.push(...exactly([risk], 10), say(" "))
  }
  const far = progressOf(view)
  const proposed = view.status === "proposed" ? view.plan : undefined
  const time =
    proposed !== undefined
      ? left(proposed.expiresAt, now)
      : far !== undefined
        ? `${far.over}/${far.of}`
        : age(view.finishedAt ?? view.createdAt, now)
  row.push(saidRight(time, 5, proposed === undefined ? { dim: true } : { color }))
  row.push(say("  "), said(view.text, Math.max(0, columns - rowWidth(row) - 2), view.dryRun ? { dim: true } : {}))
  return exactly(row, columns)
}

export const planList = (ui: Ui, model: Model, rect: Rect): ReadonlyArray<Row> => {
  const size = { columns: rect.columns, rows: rect.rows - 1 }
  const { rows, ids } = model.plans.list
  const drawn =
    rows.length === 0
      ? empty(nothing(model), size)
      : list(ids, ui.anchors.plans, size, ui.focus === "list" && ui.overlay === undefined, (i, columns) =>
          planRow(rows[i]!, model.now, columns)
        )
  return [...Array.from({ length: size.rows }, (_, y): Row => drawn[y] ?? []), summary(ui, model, size.rows)]
}

const nothing = (model: Model): string => {
  if (!model.loaded)
    return model.connection.state === "connecting" ? "Reading the log…" : "The hub does not answer; trying again."
  return model.plans.list.total === 0
    ? "No plans yet. Press i and say what is to be done."
    : "No plan has these words. esc clears the filter."
}

const summary = (ui: Ui, model: Model, height: number): Row => {
  const { list: listed, waiting, running } = model.plans
  const filter = ui.filters.plans.trim()
  const above = windowOf(listed.ids, height, ui.anchors.plans).start
  const parts = [
    filter === ""
      ? many(listed.total, "plan")
      : `${count(listed.rows.length)} of ${count(listed.total)} with "${filter}"`,
    ...(waiting.length > 0 ? [`waiting ${count(waiting.length)}`] : []),
    ...(running > 0 ? [`running ${count(running)}`] : []),
    ...(above > 0 ? [`↑ ${count(above)} above`] : [])
  ]
  return [say(" "), said(parts.join(" · "), 200, { dim: true })]
}
