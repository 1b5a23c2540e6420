/**
 * List and detail: side by side, one above the other below 100 columns, or one alone when zoomed.
 *
 * Owns: the split. Does not own: what stands in the panes.
 * Invariant: the panes and their border fill exactly the given size, whatever they answer.
 */
import { type Row, exactly, rule, say, tall } from "../row.ts"

export interface Rect {
  readonly x: number
  readonly y: number
  readonly columns: number
  readonly rows: number
}
export interface Layout {
  readonly list: Rect | undefined
  readonly detail: Rect | undefined
  readonly direction: "beside" | "below" | "alone"
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** `wide`: from how many columns the panes stand side by side. `share`: of the width, for the list. */
export const layout = (size: Size, focus: "list" | "detail", zoom: boolean, wide = 100, share = 0.62): Layout => {
  const whole = { x: 0, y: 0, ...size }
  if (zoom || size.rows < 9) {
    return {
      direction: "alone",
      list: focus === "list" ? whole : undefined,
      detail: focus === "detail" ? whole : undefined
    }
  }
  if (size.columns < wide) {
    const rows = Math.max(3, Math.floor(size.rows * (share < 0.5 ? 0.3 : 0.45)))
    return {
      direction: "below",
      list: { x: 0, y: 0, columns: size.columns, rows },
      detail: { x: 0, y: rows + 1, columns: size.columns, rows: size.rows - rows - 1 }
    }
  }
  // A whole id and the longest state word fit into the detail.
  const columns = Math.min(Math.floor(size.columns * share), size.columns - 42)
  return {
    direction: "beside",
    list: { x: 0, y: 0, columns, rows: size.rows },
    detail: { x: columns + 2, y: 0, columns: size.columns - columns - 2, rows: size.rows }
  }
}

export const panes = (
  size: Size,
  at: Layout,
  focus: "list" | "detail",
  list: (rect: Rect) => ReadonlyArray<Row>,
  detail: (rect: Rect) => ReadonlyArray<Row>
): ReadonlyArray<Row> => {
  const left = at.list === undefined ? [] : tall(list(at.list), at.list.rows, at.list.columns)
  const right = at.detail === undefined ? [] : tall(detail(at.detail), at.detail.rows, at.detail.columns)
  if (at.direction === "alone") return tall([...left, ...right], size.rows, size.columns)
  if (at.direction === "below") {
    const mark = focus === "detail" ? "▼" : "─"
    return tall([...left, [say(mark), ...rule(size.columns - 1)], ...right], size.rows, size.columns)
  }
  const bar = say(focus === "detail" ? "┃ " : "│ ", { dim: focus !== "detail" })
  return left.map((row, y) => exactly([...row, bar, ...(right[y] ?? [])], size.columns))
}
