/**
 * What the server says and what the person types on one terminal, without one writing over the other.
 *
 * Owns: which part of the screen belongs to whom. Does not own: editing (readline), the connection.
 * Invariants: the last row, unfinished, is readline's prompt and is narrower than the screen; rows above it are written once and
 * never touched again, however long a line or a reply becomes.
 */
import { clearScreenDown, cursorTo, type Interface, moveCursor } from "node:readline"
import { width } from "@signalbox/tui/text.ts"

export interface Screen {
  readonly show: (text: string) => void
  /** The unfinished row. */
  readonly row: () => string
  /** The person ended the line: the next row is empty. */
  readonly entered: () => void
}

export const makeScreen = (out: NodeJS.WriteStream, lines: Interface): Screen => {
  let row = ""
  return {
    show: (text) => {
      const cut = wrap(row, text, out.columns || 80)
      row = cut.row
      const { rows } = lines.getCursorPos()
      moveCursor(out, 0, -rows)
      cursorTo(out, 0)
      clearScreenDown(out)
      // readline goes up the rows that it had before: they must be there
      out.write(cut.done.map((line) => `${line}\n`).join("") + "\n".repeat(rows))
      lines.setPrompt(row)
      lines.prompt(true)
    },
    row: () => row,
    entered: () => {
      row = ""
      lines.setPrompt("")
    }
  }
}

const graphemes = new Intl.Segmenter()

/** @returns finished rows, and the one that goes on; all of them narrower than the screen */
export const wrap = (
  before: string,
  text: string,
  columns: number
): { readonly done: ReadonlyArray<string>; readonly row: string } => {
  const done: Array<string> = []
  let row = before
  let used = width(row)
  for (const { segment } of graphemes.segment(text.replaceAll("\t", "    "))) {
    if (segment === "\n") {
      done.push(row)
      row = ""
      used = 0
      continue
    }
    const wide = width(segment)
    if (used + wide >= columns && row !== "") {
      const space = segment === " " ? -1 : row.lastIndexOf(" ")
      const at = space > 0 ? space + 1 : row.length
      done.push(row.slice(0, at))
      row = row.slice(at)
      used = width(row)
    }
    row += segment
    used += wide
  }
  return { done, row }
}
