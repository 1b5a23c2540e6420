/**
 * Text that is being written: a pure editor of one or several lines.
 *
 * Owns: the text, the cursor, the moves. Does not own: which key does what (`keymap.ts`), drawing (`screen/input.ts`).
 * Invariants: the cursor stands between graphemes, never inside one; what is written holds no control character but the line
 * break, and no line break where only one line is allowed; no more than `limit` characters.
 */
import { clean } from "./text.ts"
import type { EditId } from "./keymap.ts"

export interface Line {
  readonly text: string
  /** Index into `text`, in UTF-16 units. */
  readonly cursor: number
}

export const limit = 65_536

export const line = (text = ""): Line => ({ text, cursor: text.length })

/** Typed or pasted text at the cursor. */
export const insert = (self: Line, text: string, lines: "one" | "many" = "one"): Line => {
  const parts = text.replace(/\r\n?/gu, "\n").split("\n").map(clean)
  const safe = parts.join(lines === "many" ? "\n" : " ").slice(0, Math.max(0, limit - self.text.length))
  return {
    text: self.text.slice(0, self.cursor) + safe + self.text.slice(self.cursor),
    cursor: self.cursor + safe.length
  }
}

export const edit = (self: Line, id: EditId): Line => {
  const { text, cursor } = self
  const start = text.lastIndexOf("\n", cursor - 1) + 1
  const next = text.indexOf("\n", cursor)
  const end = next < 0 ? text.length : next
  switch (id) {
    case "edit.left":
      return { text, cursor: before(text, cursor) }
    case "edit.right":
      return { text, cursor: after(text, cursor) }
    case "edit.home":
      return { text, cursor: start }
    case "edit.end":
      return { text, cursor: end }
    case "edit.wordLeft":
      return { text, cursor: wordBefore(text, cursor) }
    case "edit.wordRight":
      return { text, cursor: wordAfter(text, cursor) }
    case "edit.backspace":
      return cut(text, before(text, cursor), cursor)
    case "edit.delete":
      return cut(text, cursor, after(text, cursor))
    case "edit.killWord":
      return cut(text, wordBefore(text, cursor), cursor)
    case "edit.killStart":
      return cut(text, start, cursor)
    case "edit.killEnd":
      return cut(text, cursor, end === cursor ? Math.min(text.length, cursor + (next < 0 ? 0 : 1)) : end)
  }
}

/** One line up or down, at the same column where there is one; undefined at the first or last line. */
export const vertical = (self: Line, by: -1 | 1): Line | undefined => {
  const start = self.text.lastIndexOf("\n", self.cursor - 1) + 1
  const column = self.cursor - start
  if (by < 0) {
    if (start === 0) return undefined
    const above = self.text.lastIndexOf("\n", start - 2) + 1
    return { text: self.text, cursor: Math.min(above + column, start - 1) }
  }
  const next = self.text.indexOf("\n", self.cursor)
  if (next < 0) return undefined
  const end = self.text.indexOf("\n", next + 1)
  return { text: self.text, cursor: Math.min(next + 1 + column, end < 0 ? self.text.length : end) }
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })
/** Far more than any grapheme, so that the cost does not grow with the text. */
const near = 64

const before = (text: string, at: number): number => {
  const from = Math.max(0, at - near)
  let last = ""
  for (const { segment } of graphemes.segment(text.slice(from, at))) last = segment
  return at - last.length
}

const after = (text: string, at: number): number => {
  for (const { segment } of graphemes.segment(text.slice(at, at + near))) return at + segment.length
  return at
}

const wordBefore = (text: string, at: number): number => text.slice(0, at).replace(/[^\s]*\s*$/u, "").length
const wordAfter = (text: string, at: number): number => at + (/^\s*[^\s]*/u.exec(text.slice(at))?.[0].length ?? 0)
const cut = (text: string, from: number, until: number): Line => ({
  text: text.slice(0, from) + text.slice(until),
  cursor: from
})
