/**
 * `?`: every key that works here, from the same table that makes it work.
 *
 * Owns: the page. Does not own: the keys.
 * Invariant: one line per binding; nothing is listed that is not bound.
 */
import { all, type Context, keyName } from "../keymap.ts"
import { boxed, type Row, say, said } from "../row.ts"
import type { Size } from "./panes.ts"

const sections: ReadonlyArray<readonly [Context, string]> = [
  ["tasks", "Tasks"],
  ["answer", "A task that asks"],
  ["chats", "Chats"],
  ["talk", "A conversation that is read"],
  ["call", "A tool call that waits"],
  ["replying", "A reply that is being written"],
  ["composer", "A message that is written"],
  ["written", "The same, while no reply is being written"],
  ["picker", "Choosing a model"],
  ["hosts", "Hosts"],
  ["plans", "Plans"],
  ["planList", "Plans, in the list"],
  ["planDetail", "A plan that is read"],
  ["proposal", "A plan that waits for approval"],
  ["instruct", "An instruction that is written"],
  ["timeline", "Timeline"],
  ["list", "Lists and panes"],
  ["browse", "Lists, where no question takes the key"],
  ["leave", "Leaving, where esc ends nothing else"],
  ["global", "Everywhere"],
  ["prompt", "Prompts"],
  ["palette", "Palette"],
  ["form", "Forms"],
  ["edit", "Writing"],
  ["confirm", "Questions"],
  ["help", "This page"],
  ["always", "Always"]
]

/** The view that was open comes first. */
export const helpRows = (view: string, columns: number): ReadonlyArray<Row> =>
  sections
    .toSorted(([a], [b]) => Number(b === view) - Number(a === view))
    .flatMap(([context, title]): ReadonlyArray<Row> => [
      [say(title, { bold: true })],
      ...all
        .filter((b) => b.context === context)
        .map((b): Row => [
          say(`  ${b.keys.map(keyName).join(" ")}`.padEnd(24)),
          said(b.help, Math.max(1, columns - 24))
        ]),
      []
    ])

export const help = (
  view: string,
  scroll: number,
  size: Size
): { readonly rows: ReadonlyArray<Row>; readonly last: number } => {
  const inner = Math.max(10, Math.min(90, size.columns - 6))
  const height = Math.max(1, size.rows - 3)
  const rows = helpRows(view, inner)
  const last = Math.max(0, rows.length - height)
  const at = Math.min(scroll, last)
  const more = last === 0 ? "" : `  ${at + 1}–${Math.min(rows.length, at + height)} of ${rows.length}`
  return { rows: boxed(`Keys${more}`, rows.slice(at, at + height), inner), last }
}
