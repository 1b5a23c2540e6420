/**
 * Where a reader of wrapped lines is: at the end, following, or held at a line.
 *
 * Owns: scrolling by screen rows over lines of any length. Does not own: the lines, styles.
 * Invariants: a held place is a line's number and a row inside it, so nothing moves it but the reader (or the line's falling off
 * the buffer, when the first line that is left takes its place); the cost is that of the screen, not of the log.
 */
import { wrap } from "../text.ts"
import type { LogLine } from "./lines.ts"

export type Scroll = { readonly follow: true } | { readonly follow: false; readonly line: number; readonly sub: number }

export interface LogRow {
  readonly line: LogLine
  readonly sub: number
  readonly text: string
}

const indent = 2
const rowsOf = (line: LogLine, columns: number): ReadonlyArray<string> => wrap(line.text, Math.max(1, columns - indent))

export const visible = (
  lines: ReadonlyArray<LogLine>,
  scroll: Scroll,
  columns: number,
  height: number
): ReadonlyArray<LogRow> => {
  const rows: Array<LogRow> = []
  if (scroll.follow) {
    for (let i = lines.length - 1; i >= 0 && rows.length < height; i--) rows.unshift(...drawn(lines[i]!, columns))
    return height <= 0 ? [] : rows.slice(-height)
  }
  const first = at(lines, scroll.line)
  for (let i = first; i < lines.length && rows.length < height; i++) {
    const line = lines[i]!
    const all = drawn(line, columns)
    rows.push(...all.slice(line.number === scroll.line ? Math.min(scroll.sub, all.length - 1) : 0))
  }
  return rows.slice(0, Math.max(0, height))
}

const drawn = (line: LogLine, columns: number): ReadonlyArray<LogRow> =>
  rowsOf(line, columns).map((text, sub) => ({ line, sub, text }))

const at = (lines: ReadonlyArray<LogLine>, number: number): number =>
  Math.max(0, Math.min(lines.length - 1, number - (lines[0]?.number ?? 0)))

/** Up (negative) or down by screen rows; reaching the end follows it again. */
export const scrollBy = (
  lines: ReadonlyArray<LogLine>,
  scroll: Scroll,
  columns: number,
  height: number,
  by: number
): Scroll => {
  if (lines.length === 0) return { follow: true }
  const top = visible(lines, scroll, columns, height)[0]
  if (top === undefined) return { follow: true }
  if (scroll.follow && by >= 0) return scroll
  let i = at(lines, top.line.number)
  let sub = top.sub
  for (let left = Math.abs(by); left > 0; left--) {
    if (by < 0) {
      if (sub > 0) sub--
      else if (i > 0) sub = rowsOf(lines[--i]!, columns).length - 1
      else break
    } else if (sub + 1 < rowsOf(lines[i]!, columns).length) sub++
    else if (i + 1 < lines.length) {
      i++
      sub = 0
    } else break
  }
  const next: Scroll = { follow: false, line: lines[i]!.number, sub }
  return by > 0 && reachesEnd(lines, next, columns, height) ? { follow: true } : next
}

export const toStart = (lines: ReadonlyArray<LogLine>): Scroll =>
  lines[0] === undefined ? { follow: true } : { follow: false, line: lines[0].number, sub: 0 }

const reachesEnd = (lines: ReadonlyArray<LogLine>, scroll: Scroll, columns: number, height: number): boolean => {
  const rows = visible(lines, scroll, columns, height + 1)
  return rows.length <= height
}
