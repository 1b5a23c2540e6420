/**
 * The palette: everything that can be done here, found by a few letters.
 *
 * Owns: the entries and their box. Does not own: the actions.
 * Invariant: what is listed works in this view; the same table as keys and `:` commands.
 */
import { rank } from "../fuzzy.ts"
import { type ActionId, here, keyName, type Need, needs, type Place } from "../keymap.ts"
import { type Line } from "../line.ts"
import { boxed, exactly, highlight, type Row, say, said, spread } from "../row.ts"
import { type Drawn, input } from "./input.ts"
import type { Size } from "./panes.ts"

/** An action, or a thing to go to. */
export interface Entry {
  readonly title: string
  readonly keywords: string
  readonly key: string
  readonly target:
    | { readonly action: ActionId }
    | { readonly task: string }
    | { readonly host: string }
    | { readonly chat: string }
    | { readonly plan: string }
  /** Why it does not work now. */
  readonly blocked?: string
}

export const actionEntries = (place: Place, holds: (need: Need) => boolean): ReadonlyArray<Entry> =>
  here(place).flatMap((b): ReadonlyArray<Entry> =>
    b.title === undefined
      ? []
      : [
          {
            title: b.title,
            keywords: `${b.keywords ?? ""} ${b.command ?? ""}`,
            key: keyName(b.keys[0] ?? ""),
            target: { action: b.id },
            ...(b.need === undefined || holds(b.need) ? {} : { blocked: needs[b.need] })
          }
        ]
  )

export const matching = (entries: ReadonlyArray<Entry>, query: string): ReadonlyArray<Entry> => {
  const open = query.trim() === "" ? entries.filter((e) => "action" in e.target) : entries
  return rank(query, open, (e) => `${e.title} ${e.keywords}`)
}

export const palette = (line: Line, found: ReadonlyArray<Entry>, selected: number, size: Size): Drawn => {
  const inner = Math.max(10, Math.min(64, size.columns - 6))
  const height = Math.max(1, Math.min(14, size.rows - 5))
  const top = Math.max(0, Math.min(selected - height + 1, found.length - height))
  const drawn = input(line, inner - 2)
  const rows: Array<Row> = [[say("> ", { bold: true }), ...(drawn.rows[0] ?? [])]]
  for (const [i, entry] of found.slice(top, top + height).entries()) {
    const on = top + i === selected
    const key = entry.blocked === undefined ? entry.key : `${entry.key} not now`
    const name = said(
      entry.title,
      Math.max(1, inner - 2 - key.length - 1),
      entry.blocked === undefined ? {} : { dim: true }
    )
    const row = exactly(spread([say(on ? "> " : "  "), name], [say(key, { dim: true })], inner), inner)
    rows.push(on ? highlight(row) : row)
  }
  if (found.length === 0) rows.push([say("  nothing by that name; esc closes", { dim: true })])
  while (rows.length < height + 1 && rows.length < 9) rows.push([])
  const box = boxed("Find", rows, inner)
  const x = Math.max(0, Math.floor((size.columns - inner - 4) / 2))
  const y = Math.max(0, Math.floor((size.rows - box.length) / 2))
  return { rows: box, cursor: { x: x + 4 + drawn.cursor.x, y: y + 1 } }
}
