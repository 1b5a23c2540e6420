/**
 * A list as rows: only what is seen is drawn.
 *
 * Owns: the window's drawing, the marks of selection, the counts of what lies above and below.
 * Does not own: what a row says (views), which rows are seen (`list.ts` beside `keymap.ts`).
 * Invariant: the cost is that of the height, whatever the count.
 */
import { type Anchor, type Ids, view } from "../list.ts"
import { exactly, highlight, type Row, say } from "../row.ts"
import type { Size } from "./panes.ts"

export const list = (
  ids: Ids,
  anchor: Anchor,
  size: Size,
  focused: boolean,
  draw: (index: number, columns: number) => Row
): ReadonlyArray<Row> => {
  const window = view(ids, size.rows, anchor)
  return Array.from({ length: window.end - window.start }, (_, i): Row => {
    const index = window.start + i
    const on = index === window.selected
    const row = exactly([say(on ? ">" : " ", on ? { bold: true } : {}), ...draw(index, size.columns - 1)], size.columns)
    return on && focused ? highlight(row) : row
  })
}

/** What to do next, where there is nothing to show. */
export const empty = (sentence: string, size: Size): ReadonlyArray<Row> => [
  ...Array.from({ length: Math.max(0, Math.min(3, Math.floor(size.rows / 3))) }, (): Row => []),
  [say(`  ${sentence}`, { dim: true })]
]
