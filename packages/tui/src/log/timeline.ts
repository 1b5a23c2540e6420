/**
 * The timeline: every event of the log, and one event in full.
 *
 * Owns: both drawings. Does not own: loading older events (`Hub.ts`).
 * Invariant: an event of a type that this version does not know is shown like any other: the log is the record, not our schemas.
 */
import type { RecordedEvent } from "@signalbox/core/log/Event.ts"
import { clock, count, exact } from "../format.ts"
import { type Model, shortData } from "../model.ts"
import { planWords } from "../plan/words.ts"
import { planIdOf } from "@signalbox/core/plan/events.ts"
import { type Row, exactly, named, say, said, saidRight } from "../row.ts"
import { empty, list } from "../screen/list.ts"
import type { Rect } from "../screen/panes.ts"
import { clean, wrap } from "../text.ts"
import { label } from "../theme.ts"
import type { Ui } from "../ui.ts"

/** `words`: what it says, where this version knows; else its data. */
export const eventRow = (event: RecordedEvent, columns: number, words?: string): Row => {
  const wide = columns >= 90
  const row: Array<Row[number]> = [
    saidRight(count(event.position), 9, { dim: true }),
    say("  "),
    say(clock(event.at)),
    say("  ")
  ]
  if (columns >= 56) row.push(said(event.actor, 9), say(" "))
  row.push(named(event.stream, wide ? 28 : 14), say(" "), said(event.type, wide ? 20 : 16, { bold: true }), say(" "))
  row.push(said(words ?? shortData(event.data, columns * 2), columns, words === undefined ? { dim: true } : {}))
  return exactly(row, columns)
}

export const timeline = (ui: Ui, model: Model, rect: Rect): ReadonlyArray<Row> => {
  const { rows, ids, total } = model.events
  const size = { columns: rect.columns, rows: rect.rows - 1 }
  const drawn =
    rows.length === 0
      ? empty(
          model.loaded
            ? total === 0
              ? "Nothing has happened yet. Create a task: 1, then c."
              : "No event has these words. esc clears the filter."
            : "Reading the log…",
          size
        )
      : list(ids, ui.anchors.timeline, size, ui.focus === "list" && ui.overlay === undefined, (i, columns) =>
          eventRow(rows[i]!, columns, wordsOf(rows[i]!, model))
        )
  const filter = ui.filters.timeline.trim()
  const oldest = rows[0]?.position ?? 0
  const part =
    filter === "" ? `from ${count(oldest)}` : `${count(rows.length)} of ${count(total)} in memory with "${filter}"`
  const state = ui.anchors.timeline.stick ? "following" : "held · f follows the newest"
  const summary: Row = [
    say(" "),
    said(`${part} · ${state}${oldest > 1 && filter === "" ? " · g loads older ones" : ""}`, 200, { dim: true })
  ]
  return [...drawn, ...Array.from({ length: Math.max(0, size.rows - drawn.length) }, (): Row => []), summary]
}

const wordsOf = (event: RecordedEvent, { plans }: Model): string | undefined =>
  event.stream.startsWith("plan/")
    ? planWords(
        event,
        plans.all.find((view) => view.planId === planIdOf(event.stream))
      )
    : undefined

export const eventDetail = (ui: Ui, event: RecordedEvent | undefined, rect: Rect): ReadonlyArray<Row> => {
  if (event === undefined) return [[], [say("  Nothing is selected.", { dim: true })]]
  const inner = Math.max(1, rect.columns - 13)
  const fact = (name: string, text: string): Row => [label(name, 13), said(text, inner)]
  const rows: ReadonlyArray<Row> = [
    [said(`${count(event.position)}  ${event.type}`, rect.columns, { bold: true })],
    fact("when", `${exact(event.at)} (${event.at})`),
    fact("who", event.actor),
    fact("stream", `${event.stream} · version ${event.version}`),
    fact("command", event.commandId),
    fact("correlation", event.correlationId),
    ...(event.causationId === null ? [] : [fact("caused by", count(event.causationId))]),
    fact("hash", event.hash),
    [],
    ...json(event.data, rect.columns)
  ]
  return rows.slice(Math.max(0, Math.min(ui.detail, rows.length - rect.rows)))
}

const mostJson = 20_000

const json = (data: unknown, columns: number): ReadonlyArray<Row> => {
  const text = JSON.stringify(data, null, 2) ?? ""
  const cut = text.length > mostJson
  return text
    .slice(0, mostJson)
    .split("\n")
    .flatMap((line) => wrap(clean(line), columns))
    .map((line): Row => [say(line)])
    .concat(cut ? [[say(`… ${count(text.length - mostJson)} more characters`, { dim: true })]] : [])
}
