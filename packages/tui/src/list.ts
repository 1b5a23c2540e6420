/**
 * A window over a long list that never moves under the cursor.
 *
 * Owns: which rows are seen and which is selected. Does not own: the rows, drawing.
 * Invariants: an anchor holds ids, never indexes, so rows inserted above change nothing that is seen; an id that is gone falls
 * back to the start of what is left; `stick` keeps to the last row as rows are added.
 */
export interface Anchor {
  readonly selected?: string | undefined
  readonly top?: string | undefined
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

export const atTop: Anchor = { stick: false }
export const atEnd: Anchor = { stick: true }

export const view = (ids: Ids, height: number, anchor: Anchor): Window => {
  const { count } = ids
  let selected = anchor.stick ? count - 1 : anchor.selected === undefined ? 0 : ids.indexOf(anchor.selected)
  if (selected < 0) selected = Math.min(count - 1, 0)
  let top = anchor.stick ? count - height : anchor.top === undefined ? 0 : ids.indexOf(anchor.top)
  if (top < 0) top = anchor.stick ? 0 : selected
  top = Math.max(0, Math.min(top, count - height))
  if (selected < top) top = selected
  else if (selected >= top + height) top = selected - height + 1
  top = Math.max(0, top)
  return { start: top, end: Math.min(count, top + height), selected }
}

/** The selection moved by `by` rows, held inside the list; the window follows only as far as it must. `follow`: the last row sticks. */
export const move = (ids: Ids, height: number, anchor: Anchor, by: number, follow = false): Anchor => {
  if (ids.count === 0) return anchor
  const now = view(ids, height, anchor)
  return to(ids, height, anchor, now.selected + by, follow)
}

export const to = (ids: Ids, height: number, anchor: Anchor, index: number, follow = false): Anchor => {
  if (ids.count === 0) return anchor
  const now = view(ids, height, anchor)
  const wanted = Math.max(0, Math.min(ids.count - 1, index))
  const last = now.start + height - 1
  const top = wanted < now.start ? wanted : wanted > last ? wanted - height + 1 : now.start
  return { selected: ids.idAt(wanted), top: ids.idAt(top), stick: follow && wanted === ids.count - 1 }
}

/** Pins the anchor to what is seen now, so that rows which come later above it do not move it. */
export const hold = (ids: Ids, height: number, anchor: Anchor): Anchor => {
  if (ids.count === 0 || anchor.stick || anchor.selected !== undefined) return anchor
  const now = view(ids, height, anchor)
  return { selected: ids.idAt(now.selected), top: ids.idAt(now.start), stick: false }
}

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
