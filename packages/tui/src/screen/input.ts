/**
 * Text that is being written, as rows, with the place of the cursor.
 *
 * Owns: scrolling a line under its cursor. Does not own: editing (`line.ts`).
 * Invariant: the cursor is always seen.
 */
import type { Line } from "../line.ts"
import { type Row, say } from "../row.ts"
import { clean, fit, width } from "../text.ts"

export interface Drawn {
  readonly rows: ReadonlyArray<Row>
  readonly cursor: { readonly x: number; readonly y: number }
}

/** The line with the cursor in `columns`, scrolled as far as it must. */
const drawLine = (text: string, cursor: number, columns: number): { readonly text: string; readonly x: number } => {
  const reach = columns * 2 + 16
  const from = Math.max(0, cursor - reach)
  let head = clean(text.slice(from, cursor))
  let cut = from > 0
  while (width(head) > columns - 2 && head !== "") {
    head = head.slice(Math.max(1, Math.floor((width(head) - columns + 2) / 2)))
    cut = true
  }
  const before = cut ? `…${head}` : head
  const x = width(before)
  return { text: before + fit(clean(text.slice(cursor, cursor + reach)), Math.max(0, columns - x)), x }
}

export const input = (line: Line, columns: number, height = 1): Drawn => {
  const all = line.text.split("\n")
  const above = line.text.slice(0, line.cursor).split("\n")
  const at = above.length - 1
  const top = Math.max(0, Math.min(at - height + 1, all.length - height))
  const here = drawLine(all[at] ?? "", above[at]?.length ?? 0, columns)
  const rows = Array.from({ length: height }, (_, i): Row => {
    const y = top + i
    return [say(y === at ? here.text : fit(clean((all[y] ?? "").slice(0, columns * 2)), columns))]
  })
  return { rows, cursor: { x: here.x, y: at - top } }
}
