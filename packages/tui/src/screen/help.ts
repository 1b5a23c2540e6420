/**
 * `?`: every key that works here, from the same table that makes it work.
 *
 * Owns: the page. Does not own: the keys.
 * Invariants: every binding is told once and to its end; nothing is listed that is not bound; what works here comes first.
 */
import { all, chains, type Context, keyName, type Place } from "../keymap.ts"
import { boxed, type Row, say } from "../row.ts"
import { wrap } from "../text.ts"
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
  ["planWaits", "Plans, in the list, where one waits for approval"],
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

const keysWidth = 24

/** @param place where one stood when the page was asked for */
export const helpRows = (place: Place, columns: number): ReadonlyArray<Row> => {
  const near: ReadonlyArray<Context> = chains[place]
  const rank = (context: Context): number => (near.includes(context) ? near.indexOf(context) : near.length)
  return sections
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .flatMap(([context, title]): ReadonlyArray<Row> => [
      [say(title, { bold: true })],
      ...all
        .filter((b) => b.context === context)
        .flatMap((b) =>
          wrap(b.help, Math.max(10, columns - keysWidth)).map((line, at): Row => [
            say((at === 0 ? `  ${b.keys.map(keyName).join(" ")}` : "").padEnd(keysWidth)),
            say(line)
          ])
        ),
      []
    ])
}

export const help = (
  place: Place,
  scroll: number,
  size: Size
): { readonly rows: ReadonlyArray<Row>; readonly last: number } => {
  const inner = Math.max(10, Math.min(90, size.columns - 6))
  const height = Math.max(1, size.rows - 3)
  const rows = helpRows(place, inner)
  const last = Math.max(0, rows.length - height)
  const at = Math.min(scroll, last)
  const more = last === 0 ? "" : `  ${at + 1}–${Math.min(rows.length, at + height)} of ${rows.length}`
  return { rows: boxed(`Keys${more}`, rows.slice(at, at + height), inner), last }
}
