/**
 * A screen as data: rows of styled spans, each exactly as wide as asked.
 *
 * Owns: putting spans together without ever exceeding a width. Does not own: what is said (views), Ink (`App.tsx`).
 * Invariants: every view is a function to rows of exactly the given width and count, so that no text can break the frame;
 * what a person or a program wrote enters only through `said`, which cleans it.
 */
import { fit, fitMiddle, fitRight, oneLine, width } from "./text.ts"

export type Color = "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "gray"

export interface Style {
  readonly color?: Color
  readonly bold?: boolean
  readonly dim?: boolean
  readonly italic?: boolean
  readonly inverse?: boolean
}
export interface Span extends Style {
  readonly text: string
}
export type Row = ReadonlyArray<Span>

/** Our own words. */
export const say = (text: string, style: Style = {}): Span => ({ text, ...style })
/** Somebody else's words, cut to exactly `columns`. */
export const said = (text: string, columns: number, style: Style = {}): Span => ({
  text: fit(oneLine(text, columns), columns),
  ...style
})
export const saidRight = (text: string, columns: number, style: Style = {}): Span => ({
  text: fitRight(oneLine(text, columns), columns),
  ...style
})
/** A name or an id: cut in the middle. */
export const named = (text: string, columns: number, style: Style = {}): Span => ({
  text: fitMiddle(oneLine(text, columns + 64), columns),
  ...style
})

export const rowWidth = (row: Row): number => row.reduce((sum, span) => sum + width(span.text), 0)

/** Exactly `columns` wide: padded, or cut with a mark. */
export const exactly = (row: Row, columns: number): Row => {
  const total = rowWidth(row)
  if (total === columns) return row
  if (total < columns) return [...row, { text: " ".repeat(columns - total) }]
  const out: Array<Span> = []
  let left = columns
  for (const [i, span] of row.entries()) {
    const w = width(span.text)
    if (w < left) {
      out.push(span)
      left -= w
      continue
    }
    // Blanks that are cut are no loss, so they get no mark.
    const kept = row.slice(i + 1).some((after) => after.text.trim() !== "") ? `${fit(span.text, w)}…` : span.text
    out.push({ ...span, text: fit(width(kept.trimEnd()) <= left ? kept.trimEnd() : kept, left) })
    break
  }
  return out
}

/** `left` at the left, `right` at the right; where both do not fit the left one is cut. */
export const spread = (left: Row, right: Row, columns: number): Row => {
  const w = rowWidth(right)
  if (w >= columns) return exactly(right, columns)
  return [...exactly(left, columns - w), ...right]
}

/** Exactly `height` rows: blank ones added, or the rest left out. */
export const tall = (rows: ReadonlyArray<Row>, height: number, columns: number): ReadonlyArray<Row> =>
  Array.from({ length: Math.max(0, height) }, (_, i) => exactly(rows[i] ?? [], columns))

export const rule = (columns: number): Row => [say("─".repeat(Math.max(0, columns)), { dim: true })]

/** The same row as the selected one: inverse where there is color, marked with a glyph by its view in any case. */
export const highlight = (row: Row): Row => row.map((span) => ({ ...span, inverse: true, dim: false }))

/** `box` laid over the middle of `under`. */
export const over = (under: ReadonlyArray<Row>, box: ReadonlyArray<Row>, columns: number): ReadonlyArray<Row> => {
  const wide = Math.max(0, ...box.map(rowWidth))
  const x = Math.max(0, Math.floor((columns - wide) / 2))
  const y = Math.max(0, Math.floor((under.length - box.length) / 2))
  return under.map((row, i) => {
    const line = box[i - y]
    if (line === undefined) return row
    return [...slice(row, 0, x), ...exactly(line, wide), ...slice(row, x + wide, columns)]
  })
}

/** The columns `from` to `until` of a row; a wide character that is cut in two becomes a space. */
const slice = (row: Row, from: number, until: number): Row => {
  const out: Array<Span> = []
  let at = 0
  for (const span of row) {
    const w = width(span.text)
    const start = Math.max(from, at)
    const end = Math.min(until, at + w)
    if (end > start) out.push({ ...span, text: columnsOf(span.text, start - at, end - at) })
    at += w
  }
  return out
}

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const columnsOf = (text: string, from: number, until: number): string => {
  let at = 0
  let out = ""
  for (const { segment } of segments.segment(text)) {
    const w = width(segment)
    if (at >= from && at + w <= until) out += segment
    else if (at + w > from && at < until) out += " ".repeat(Math.min(at + w, until) - Math.max(at, from))
    at += w
  }
  return out
}

/** A frame of one line around rows, with a title. */
export const boxed = (
  title: string,
  rows: ReadonlyArray<Row>,
  inner: number,
  style: Style = {}
): ReadonlyArray<Row> => {
  const name = title === "" ? "" : ` ${title} `
  const line = fit(name, Math.min(width(name), Math.max(0, inner)))
  return [
    [
      say("╭─", style),
      say(line, { ...style, bold: true }),
      say("─".repeat(Math.max(0, inner + 1 - width(line))) + "╮", style)
    ],
    ...rows.map((row): Row => [say("│ ", style), ...exactly(row, inner), say(" │", style)]),
    [say(`╰${"─".repeat(inner + 2)}╯`, style)]
  ]
}
