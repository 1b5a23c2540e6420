/**
 * Where a reader of a conversation is: at the end, following, or held at a row of an entry.
 *
 * Owns: which rows are seen, scrolling by rows, counting what has come since. Does not own: the rows (`entries.ts`).
 * Invariants: a held place is an entry's key and a row inside it, so neither text that streams in below nor older entries that
 * are put above move it; the cost is that of the entries that are seen.
 */
import type { Row } from "../row.ts"

/** Entries as far as they are looked at. */
export interface Blocks {
  readonly count: number
  readonly keyAt: (index: number) => string
  readonly rowsAt: (index: number) => ReadonlyArray<Row>
}

export type TalkPlace =
  | { readonly follow: true }
  | {
      readonly follow: false
      readonly key: string
      readonly sub: number
      /** The last row there was when the reader left the end: what is below it is new. */
      readonly mark: { readonly key: string; readonly rows: number }
    }

interface Top {
  readonly index: number
  readonly sub: number
}

const indexOf = (blocks: Blocks, key: string): number => {
  for (let i = blocks.count - 1; i >= 0; i--) if (blocks.keyAt(i) === key) return i
  return -1
}

/** The first row that is seen. */
export const topOf = (blocks: Blocks, place: TalkPlace, height: number): Top => {
  const end = lastTop(blocks, height)
  if (place.follow) return end
  const index = indexOf(blocks, place.key)
  if (index < 0) return end
  const top = { index, sub: Math.min(place.sub, Math.max(0, blocks.rowsAt(index).length - 1)) }
  return before(end, top) ? end : top
}

/** The first row of the last screen. */
const lastTop = (blocks: Blocks, height: number): Top => {
  let left = height
  for (let i = blocks.count - 1; i >= 0; i--) {
    const rows = blocks.rowsAt(i).length
    if (rows >= left) return { index: i, sub: rows - left }
    left -= rows
  }
  return { index: 0, sub: 0 }
}

const before = (a: Top, b: Top): boolean => a.index < b.index || (a.index === b.index && a.sub < b.sub)

/** There is more below what is seen. */
export const isHeld = (blocks: Blocks, place: TalkPlace, height: number): boolean =>
  !place.follow && before(topOf(blocks, place, height), lastTop(blocks, height))

export const visibleRows = (blocks: Blocks, place: TalkPlace, height: number): ReadonlyArray<Row> => {
  const top = topOf(blocks, place, height)
  const rows: Array<Row> = []
  for (let i = top.index; i < blocks.count && rows.length < height; i++)
    rows.push(...blocks.rowsAt(i).slice(i === top.index ? top.sub : 0))
  return rows.slice(0, Math.max(0, height))
}

/** Up (negative) or down by rows; reaching the end follows it again. `start`: nothing is above. */
export const scrollTalk = (
  blocks: Blocks,
  place: TalkPlace,
  height: number,
  by: number
): { readonly place: TalkPlace; readonly start: boolean } => {
  if (blocks.count === 0) return { place: { follow: true }, start: true }
  let { index, sub } = topOf(blocks, place, height)
  let left = Math.abs(by)
  if (by < 0) {
    while (left > 0 && (sub > 0 || index > 0)) {
      if (sub === 0) sub = blocks.rowsAt(--index).length
      const step = Math.min(left, sub)
      sub -= step
      left -= step
    }
  } else {
    while (left > 0 && index < blocks.count) {
      const room = blocks.rowsAt(index).length - sub
      if (left < room) {
        sub += left
        break
      }
      left -= room
      index++
      sub = 0
    }
  }
  const start = index === 0 && sub === 0
  const end = lastTop(blocks, height)
  const whole = end.index === 0 && end.sub === 0
  if (whole || (by > 0 && !before({ index, sub }, end))) return { place: { follow: true }, start }
  return { place: held(blocks, place, { index, sub }), start }
}

const held = (blocks: Blocks, place: TalkPlace, top: Top): TalkPlace => ({
  follow: false,
  key: blocks.keyAt(top.index),
  sub: top.sub,
  mark: place.follow
    ? { key: blocks.keyAt(blocks.count - 1), rows: blocks.rowsAt(blocks.count - 1).length }
    : place.mark
})

/** To the beginning of the entry before or after the one at the top. */
export const stepTalk = (blocks: Blocks, place: TalkPlace, height: number, by: -1 | 1): TalkPlace => {
  if (blocks.count === 0) return place
  const top = topOf(blocks, place, height)
  const index = by > 0 ? top.index + 1 : top.sub > 0 ? top.index : top.index - 1
  if (index >= blocks.count || before(lastTop(blocks, height), { index, sub: 0 })) return { follow: true }
  return held(blocks, place, { index: Math.max(0, index), sub: 0 })
}

/** Holds the place at an entry; nothing of what is below it counts as new. */
export const placeAt = (key: string): TalkPlace => ({ follow: false, key, sub: 0, mark: { key: "", rows: 0 } })

/** Rows that have come since the reader left the end. */
export const rowsSince = (blocks: Blocks, place: TalkPlace): number => {
  if (place.follow) return 0
  const from = indexOf(blocks, place.mark.key)
  if (from < 0) return 0
  let rows = blocks.rowsAt(from).length - place.mark.rows
  for (let i = from + 1; i < blocks.count; i++) rows += blocks.rowsAt(i).length
  return Math.max(0, rows)
}
