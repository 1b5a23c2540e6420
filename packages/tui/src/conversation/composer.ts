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
    if (cursor >= offset && cursor <= offset + one.length) {
      const head = broken(clean(shownText(draft, one.slice(0, cursor - offset))), room)
      at = { x: width(head.at(-1) ?? ""), y: rows.length + head.length - 1 }
    }
    rows.push(...broken(clean(shownText(draft, one)), room))
    offset += one.length + 1
  }
  return { rows, cursor: at }
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
