/**
 * Markdown that is still being written: only its last part is read again when more comes.
 *
 * Owns: which parts are final, and their rows. Does not own: how parts look (`markdown.ts`).
 * Invariants: what it shows at the end is what `markdown` shows of the whole; a text that does not go on from the one before is
 * read anew; an open code block, which may get very long, is drawn line by line.
 */
import { type Row, say } from "../row.ts"
import { clean, fit, width } from "../text.ts"
import { codeLine, type Part, partRows, partsOf } from "./markdown.ts"

interface Fence {
  readonly end: RegExp
  readonly indent: number
}

export class Streaming {
  readonly columns: number
  /** Characters that were ever read: for the test that this stays linear. */
  read = 0
  private text = ""
  private done = 0
  private rows: Array<Row> = []
  /** The last part that is final. */
  private above: Part | undefined
  private fence: Fence | undefined
  private shown: ReadonlyArray<Row> = []

  /** What every row gets, once. */
  private readonly decorate: (rows: ReadonlyArray<Row>) => ReadonlyArray<Row>

  constructor(columns: number, decorate: (rows: ReadonlyArray<Row>) => ReadonlyArray<Row> = (rows) => rows) {
    this.columns = columns
    this.decorate = decorate
  }

  /** The rows of `text`, which goes on from the text of the call before. */
  update(text: string): ReadonlyArray<Row> {
    if (text === this.text) return this.shown
    if (!text.startsWith(this.text)) this.restart()
    this.text = text
    while (this.fence === undefined ? this.openFence() : this.fenceLines()) {
      // once per block of code
    }
    this.shown = this.fence === undefined ? this.tail() : this.openTail()
    return this.shown
  }

  private restart(): void {
    this.done = 0
    this.rows = []
    this.above = undefined
    this.fence = undefined
  }

  /** Everything but the last part is final. */
  private tail(): ReadonlyArray<Row> {
    const rest = this.text.slice(this.done)
    this.read += rest.length
    const parts = partsOf(rest)
    const last = parts.findLastIndex((part) => part.token.type !== "space")
    const final = parts.slice(0, Math.max(0, last))
    this.final(final)
    return [...this.rows, ...this.decorate(partRows(parts.slice(final.length), this.columns, this.above))]
  }

  private final(parts: ReadonlyArray<Part>): void {
    const rows = partRows(parts, this.columns, this.above)
    this.commit(
      parts.reduce((sum, part) => sum + part.raw.length, 0),
      rows
    )
    this.above = parts.at(-1) ?? this.above
  }

  private commit(characters: number, rows: ReadonlyArray<Row>): void {
    this.done += characters
    for (const row of this.decorate(rows)) this.rows.push(row)
  }

  /** Does an unclosed block of code begin here? Then what stands before it is final. True: look again. */
  private openFence(): boolean {
    const rest = this.text.slice(this.done)
    const open = /(?:^|\n)( {0,3})(`{3,}|~{3,})([^\n`]*)\n/u.exec(rest)
    if (open === null) return false
    const [whole, indent = "", marks = "", language = ""] = open
    const at = open.index + (whole.startsWith("\n") ? 1 : 0)
    const before = partsOf(rest.slice(0, at))
    this.read += at
    // Inside an item of a list or a quote it belongs to that, and comes with it.
    if (before.findLast((part) => part.token.type !== "space")?.token.type === "list_item" && indent !== "")
      return false
    this.final(before)
    this.done = this.done - before.reduce((sum, part) => sum + part.raw.length, 0) + open.index + whole.length
    if (this.rows.length > 0) this.rows.push([])
    this.above = { raw: "", token: { type: "code", raw: "", text: "" } }
    const name = clean(language.slice(0, 40)).trim()
    if (name !== "") this.commit(0, [[say(fit(`┌ ${name}`, Math.min(this.columns, width(name) + 2)), { dim: true })]])
    this.fence = {
      end: new RegExp(`^ {0,3}${marks[0] === "~" ? "~" : "`"}{${marks.length},}[ \\t]*$`, "u"),
      indent: indent.length
    }
    return true
  }

  /** Whole lines of an open block of code. True: it was closed. */
  private fenceLines(): boolean {
    while (this.fence !== undefined) {
      const next = this.text.indexOf("\n", this.done)
      if (next < 0) return false
      const line = this.text.slice(this.done, next)
      this.read += line.length
      if (this.fence.end.test(line)) {
        this.fence = undefined
        this.done = next + 1
        return true
      }
      this.commit(next + 1 - this.done, codeLine(this.outdented(line), Math.max(4, this.columns)))
    }
    return false
  }

  private openTail(): ReadonlyArray<Row> {
    const line = this.text.slice(this.done)
    this.read += line.length
    const closing = line === "" || this.fence?.end.test(line) === true
    return closing
      ? [...this.rows]
      : [...this.rows, ...this.decorate(codeLine(this.outdented(line), Math.max(4, this.columns)))]
  }

  private outdented(line: string): string {
    return line.replace(new RegExp(`^ {0,${this.fence?.indent ?? 0}}`, "u"), "")
  }
}
