/**
 * A window over a long list that never moves under the cursor.
 *
 * Owns: which rows are seen and which is selected. Does not own: the rows, drawing.
 * Invariants: an anchor holds the selected id and the line of the screen it stands on, so that rows which come, go or change
 * place around it leave it there; a selected id that is gone gives way to what stands at its index; `stick` keeps to the last
 * row as rows are added; a list that fits is shown whole.
 */
export interface Anchor {
  readonly selected?: string
  /** Line of the window on which the selected row stands. */
  readonly line: number
  /** Where the selected row was when it was selected. */
  readonly index: number
  readonly stick: boolean
}

/** What a list must tell: how many, where an id is (-1 when gone), which id is where. */
export interface Ids {
  readonly count: number
  readonly indexOf: (id: string) => number
  readonly idAt: (index: number) => string
}

export interface Window {
  readonly start: number
  readonly end: number
  /** -1 in an empty list. */
  readonly selected: number
}

export const atTop: Anchor = { line: 0, index: 0, stick: false }
export const atEnd: Anchor = { line: 0, index: 0, stick: true }

export const selectedIndex = (ids: Ids, anchor: Anchor): number => {
  if (anchor.stick) return ids.count - 1
  const found = anchor.selected === undefined ? 0 : ids.indexOf(anchor.selected)
  return found < 0 ? Math.min(anchor.index, ids.count - 1) : Math.min(found, ids.count - 1)
}

export const view = (ids: Ids, height: number, anchor: Anchor): Window => {
  const { count } = ids
  const selected = selectedIndex(ids, anchor)
  const line = Math.max(0, Math.min(anchor.stick ? height - 1 : anchor.line, height - 1))
  const start = Math.max(0, Math.min(selected - line, count - height))
  return { start, end: Math.min(count, start + height), selected }
}

/** Selects by index, held inside the list; the window follows only as far as it must. `follow`: the last row sticks. */
export const to = (ids: Ids, height: number, anchor: Anchor, index: number, follow = false): Anchor => {
  if (ids.count === 0) return anchor
  const { start } = view(ids, height, anchor)
  const wanted = Math.max(0, Math.min(ids.count - 1, index))
  return {
    selected: ids.idAt(wanted),
    index: wanted,
    line: Math.max(0, Math.min(wanted - start, height - 1)),
    stick: follow && wanted === ids.count - 1
  }
}

export const move = (ids: Ids, height: number, anchor: Anchor, by: number, follow = false): Anchor =>
  to(ids, height, anchor, selectedIndex(ids, anchor) + by, follow)

/** Pins an anchor that nobody has moved yet to what it shows, so that rows which come later do not slip under the cursor. */
export const hold = (ids: Ids, anchor: Anchor): Anchor =>
  ids.count === 0 || anchor.stick || anchor.selected !== undefined
    ? anchor
    : { selected: ids.idAt(0), index: 0, line: 0, stick: false }

export const idsOf = <A>(rows: ReadonlyArray<A>, id: (row: A) => string): Ids => {
  let index: Map<string, number> | undefined
  return {
    count: rows.length,
    indexOf: (wanted) => (index ??= new Map(rows.map((r, i) => [id(r), i]))).get(wanted) ?? -1,
    idAt: (i) => {
      const row = rows[i]
      return row === undefined ? "" : id(row)
    }
  }
}
