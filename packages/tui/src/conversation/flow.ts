/**
 * Styled words in rows of a given width.
 *
 * Owns: where a row breaks. Does not own: what the words mean (`markdown.ts`).
 * Invariants: no row is wider than asked; words stay whole where they fit into a row, however many styles they have; a line
 * break in the text is one on the screen; everything that enters is cleaned here.
 */
import type { Row, Span, Style } from "../row.ts"
import { clean, width } from "../text.ts"

/** Somebody's words with a style; line breaks are kept. */
export interface Piece {
  readonly text: string
  readonly style: Style
}

export const flow = (pieces: ReadonlyArray<Piece>, columns: number): ReadonlyArray<Row> => {
  const room = Math.max(1, columns)
  const rows: Array<Row> = []
  let row: Array<Span> = []
  let used = 0
  let word: Array<Span> = []
  let wide = 0
  /** A blank that is drawn only if a word follows it in the same row. */
  let gap: Span | undefined
  const put = (span: Span): void => {
    const last = row.at(-1)
    if (last !== undefined && sameStyle(last, span)) row[row.length - 1] = { ...last, text: last.text + span.text }
    else row.push(span)
    used += width(span.text)
  }
  const end = (): void => {
    rows.push(row)
    row = []
    used = 0
    gap = undefined
  }
  const flush = (): void => {
    if (word.length === 0) return
    if (used > 0 && used + (gap === undefined ? 0 : width(gap.text)) + wide > room) end()
    if (gap !== undefined) put(gap)
    gap = undefined
    for (const span of word) {
      for (const [i, head] of broken(span.text, room, Math.max(0, room - used)).entries()) {
        if (i > 0) end()
        if (head !== "") put({ ...span, text: head })
      }
    }
    word = []
    wide = 0
  }
  for (const { text, style } of pieces) {
    for (const [i, line] of text.split("\n").entries()) {
      if (i > 0) {
        flush()
        end()
      }
      for (const part of clean(line).split(/( +)/u)) {
        if (part === "") continue
        if (part.startsWith(" ")) {
          flush()
          if (used > 0 || row.length > 0) gap = { text: part.length > room ? " " : part, ...style }
          else if (rows.length === 0 || i > 0) put({ text: part.slice(0, room - 1), ...style }) // indentation
        } else {
          word.push({ text: part, ...style })
          wide += width(part)
        }
      }
    }
  }
  flush()
  if (row.length > 0 || rows.length === 0) end()
  return rows
}

const sameStyle = (a: Style, b: Style): boolean =>
  a.color === b.color && a.bold === b.bold && a.dim === b.dim && a.italic === b.italic && a.inverse === b.inverse

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })
const ascii = /^[\x20-\x7e]*$/u
/** Measuring is what costs; a text has few different characters. */
const widths = new Map<string, number>()

const widthOf = (grapheme: string): number => {
  const known = widths.get(grapheme)
  if (known !== undefined) return known
  if (widths.size > 10_000) widths.clear()
  const measured = width(grapheme)
  widths.set(grapheme, measured)
  return measured
}

/** Clean text broken by nothing but the width; `first`: the room in the first row, where it may be that nothing fits. */
export const broken = (text: string, columns: number, first = columns): ReadonlyArray<string> => {
  const rows: Array<string> = []
  if (ascii.test(text)) {
    rows.push(text.slice(0, first))
    for (let at = first; at < text.length; at += columns) rows.push(text.slice(at, at + columns))
    return rows
  }
  let from = 0
  let used = 0
  let room = first
  for (const { segment, index } of graphemes.segment(text)) {
    const w = widthOf(segment)
    if (used + w > room) {
      rows.push(text.slice(from, index))
      from = index
      used = 0
      room = columns
    }
    used += w
  }
  return [...rows, text.slice(from)]
}
