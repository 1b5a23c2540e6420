/**
 * A table in a given width.
 *
 * Owns: how wide its columns are, and what becomes of one that is too wide. Does not own: what stands in its cells.
 * Invariant: nothing of a cell is lost: cells take several rows, and where even that gets too narrow, a row of the table becomes
 * a list of `heading: cell`.
 */
import type { Tokens } from "marked"
import { type Row, rowWidth, say } from "../row.ts"
import { flow } from "./flow.ts"
import { inline } from "./inline.ts"

const narrowest = 5

export const tableRows = (table: Tokens.Table, columns: number): ReadonlyArray<Row> => {
  const n = table.header.length
  const room = columns - (n - 1) * 3
  if (room < n * narrowest) return records(table, columns)
  const all = [table.header, ...table.rows]
  const natural = table.header.map((_, i) => Math.max(1, ...all.map((row) => widest(row[i]?.text ?? ""))))
  const widths = fitted(natural, room)
  const lines = (cells: ReadonlyArray<Tokens.TableCell>, bold: boolean): ReadonlyArray<Row> => {
    const drawn = widths.map((w, i) => flow(inline(cells[i]?.text ?? "", bold ? { bold } : {}), w))
    const height = Math.max(...drawn.map((rows) => rows.length))
    return Array.from({ length: height }, (_, y): Row =>
      widths.flatMap((w, i): Row => {
        const cell = drawn[i]?.[y] ?? []
        const blank = w - rowWidth(cell)
        const before = table.align[i] === "right" ? blank : table.align[i] === "center" ? Math.floor(blank / 2) : 0
        return [
          ...(i === 0 ? [] : [say(" │ ", { dim: true })]),
          say(" ".repeat(before)),
          ...cell,
          say(" ".repeat(blank - before))
        ]
      })
    )
  }
  const line: Row = [say(widths.map((w) => "─".repeat(w)).join("─┼─"), { dim: true })]
  return [...lines(table.header, true), line, ...table.rows.flatMap((row) => lines(row, false))]
}

const widest = (text: string): number => Math.max(...flow(inline(text), 1000).map(rowWidth))

/** The widest columns give way first. */
const fitted = (natural: ReadonlyArray<number>, room: number): ReadonlyArray<number> => {
  const widths = [...natural]
  let over = widths.reduce((sum, w) => sum + w, 0) - room
  while (over > 0) {
    const most = Math.max(...widths)
    const next = Math.max(narrowest, ...widths.filter((w) => w < most))
    const wide = widths.flatMap((w, i) => (w === most ? [i] : []))
    const each = Math.max(1, Math.min(most - next, Math.ceil(over / wide.length)))
    for (const i of wide) {
      if (over <= 0) break
      const by = Math.min(each, over)
      widths[i] = most - by
      over -= by
    }
  }
  return widths
}

const records = (table: Tokens.Table, columns: number): ReadonlyArray<Row> =>
  table.rows.flatMap((row, at) => [
    ...(at === 0 ? [] : [[]]),
    ...row.flatMap((cell, i) =>
      flow([...inline(`${table.header[i]?.text ?? ""}: `, { bold: true }), ...inline(cell.text)], columns)
    )
  ])
