/**
 * The message that is being written, as rows with the cursor.
 *
 * Owns: wrapping, the window around the cursor, what stands there when nothing is written. Does not own: the draft (`draft.ts`).
 * Invariants: the cursor is always seen; the composer takes no more than a third of its pane.
 */
import { type Row, say } from "../row.ts"
import type { Drawn } from "../screen/input.ts"
import { clean, fit, width } from "../text.ts"
import { type Draft, shownText } from "./draft.ts"
import { broken } from "./flow.ts"

const sign = "› "

interface Wrapped {
  readonly rows: ReadonlyArray<string>
  readonly cursor: { readonly x: number; readonly y: number }
}

const wrapped = (draft: Draft, columns: number): Wrapped => {
  const room = Math.max(2, columns - sign.length - 1)
  const { text, cursor } = draft.line
  const rows: Array<string> = []
  let at = { x: 0, y: 0 }
  let offset = 0
  for (const one of text.split("\n")) {
    const lines = softly(clean(shownText(draft, one)), room)
    if (cursor >= offset && cursor <= offset + one.length) {
      // What is drawn before the cursor says where it stands, for what is drawn is not as long as what is written.
      let left = clean(shownText(draft, one.slice(0, cursor - offset))).length
      let y = 0
      while (y < lines.length - 1 && left >= (lines[y]?.length ?? 0)) left -= lines[y++]?.length ?? 0
      at = { x: Math.min(width((lines[y] ?? "").slice(0, left)), columns - sign.length - 1), y: rows.length + y }
    }
    rows.push(...lines)
    offset += one.length + 1
  }
  return { rows, cursor: at }
}

/** Broken after blanks where there are some; put together the rows are the line. */
const softly = (line: string, room: number): ReadonlyArray<string> => {
  const rows: Array<string> = []
  let rest = line
  while (rest !== "") {
    const [head = rest] = broken(rest.slice(0, room * 8 + 64), room)
    if (head.length === rest.length) break
    const blank = rest[head.length] === " " ? head.length : head.lastIndexOf(" ")
    const cut = blank > head.length / 3 ? blank + 1 : Math.max(1, head.length)
    rows.push(rest.slice(0, cut))
    rest = rest.slice(cut)
  }
  return [...rows, rest]
}

export const composerHeight = (draft: Draft, columns: number, rows: number): number =>
  Math.max(1, Math.min(wrapped(draft, columns).rows.length, Math.floor(rows / 3)))

export const composer = (draft: Draft, columns: number, height: number, hint: string, writing: boolean): Drawn => {
  const { rows, cursor } = wrapped(draft, columns)
  const top = Math.max(0, Math.min(cursor.y - height + 1, rows.length - height))
  const drawn = Array.from({ length: height }, (_, i): Row => {
    const y = top + i
    const more = (i === 0 && top > 0) || (i === height - 1 && y < rows.length - 1)
    const start = say(y === 0 ? sign : more ? "… " : "  ", writing ? { bold: true } : { dim: true })
    if (draft.line.text === "" && y === 0)
      return [start, say(fit(hint, Math.max(0, columns - sign.length)).trimEnd(), { dim: true })]
    return [start, say(rows[y] ?? "", writing ? {} : { dim: true })]
  })
  return { rows: drawn, cursor: { x: sign.length + cursor.x, y: cursor.y - top } }
}
