/**
 * A form as rows.
 *
 * Owns: the drawing. Does not own: the form (`form.ts`).
 * Invariant: the field that is written in is always seen, with its hint or its problem under it.
 */
import type { Form } from "../form.ts"
import { type Row, say, said, tall } from "../row.ts"
import { type Drawn, input } from "./input.ts"
import { wrap } from "../text.ts"
import type { Size } from "./panes.ts"

const titles = 14

export const drawForm = (form: Form, size: Size): Drawn => {
  const columns = Math.max(10, size.columns - titles - 6)
  const rows: Array<Row> = [[say(` ${form.title}`, { bold: true })], []]
  let cursor = { x: 0, y: 0 }
  let shown = 0
  form.fields.forEach((field, i) => {
    const on = i === form.at
    const line = form.values[field.name] ?? { text: "", cursor: 0 }
    const lines = line.text.split("\n").length
    const height = field.kind !== "lines" ? 1 : on ? Math.min(6, Math.max(3, lines)) : Math.min(3, lines)
    const title = said(field.title, titles, on ? { bold: true } : { dim: true })
    const start = [say(on ? " > " : "   "), title, say(" ")]
    if (field.kind === "choice") {
      rows.push([...start, ...choice(field.options ?? [], line.text, on, columns)])
      if (on) cursor = { x: titles + 4, y: rows.length - 1 }
    } else {
      const drawn = input(on ? line : { text: line.text, cursor: 0 }, columns, height)
      if (on) cursor = { x: titles + 4 + drawn.cursor.x, y: rows.length + drawn.cursor.y }
      drawn.rows.forEach((row, y) => rows.push(y === 0 ? [...start, ...row] : [say(" ".repeat(titles + 4)), ...row]))
    }
    const problem = form.problems[field.name]
    const note = problem ?? (on ? field.hint : undefined)
    const style = problem === undefined ? { dim: true } : { color: "red" as const }
    for (const text of note === undefined ? [] : wrap((problem === undefined ? "" : "✗ ") + note, columns)) {
      rows.push([say(" ".repeat(titles + 4)), say(text, style)])
    }
    if (on) shown = rows.length
  })
  const top = Math.max(0, shown - size.rows)
  return { rows: tall(rows.slice(top), size.rows, size.columns), cursor: { x: cursor.x, y: cursor.y - top } }
}

/** `‹ web1 ›  2 of 5`, and the neighbors where there is room. */
const choice = (options: ReadonlyArray<string>, value: string, on: boolean, columns: number): Row => {
  if (!on) return [said(value, columns)]
  const at = options.indexOf(value)
  const wide = Math.min(Math.max(1, value.length), columns - 14)
  return [say("‹ "), said(value, wide, { bold: true }), say(` ›  ${at + 1} of ${options.length}`, { dim: true })]
}
