/**
 * What a model writes, as rows of a terminal.
 *
 * Owns: blocks: headings, paragraphs, lists, quotes, code, rules. Does not own: words and rows (`flow.ts`), what is inside a
 * paragraph (`inline.ts`), tables (`table.ts`), text that is still coming (`streaming.ts`).
 * Invariants: no row is wider than asked (from 16 columns on); nothing that was written is lost, or can reach the terminal as a command; a text that
 * the lexer fails on is shown as it is.
 */
import { Lexer, type MarkedToken, type Token, type Tokens } from "marked"
import { type Row, say } from "../row.ts"
import { clean, fit, width } from "../text.ts"
import { broken, flow } from "./flow.ts"
import { inline } from "./inline.ts"
import { tableRows } from "./table.ts"

/** What is drawn as one: a block, or one item of a list, which may be long. */
export interface Part {
  readonly raw: string
  readonly token: MarkedToken
  /** The number of an ordered item. */
  readonly number?: number
}

/** `a > > > > b`: deeper than anybody writes, and deeper than the lexer's stack allows. */
const tooDeep = /^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])[ \t]?){24}/mu

/** The parts of a text. Their `raw` put together are the text, as far as the last part. */
export const partsOf = (text: string): ReadonlyArray<Part> => {
  if (tooDeep.test(text)) return [plain(text)]
  try {
    const tokens: Array<Token> = []
    new Lexer().blockTokens(text, tokens)
    return parts(tokens)
  } catch {
    return [plain(text)]
  }
}

const plain = (text: string): Part => ({ raw: text, token: { type: "html", raw: text, text, pre: false, block: true } })

const parts = (tokens: ReadonlyArray<Token>): ReadonlyArray<Part> => {
  const out: Array<Part> = []
  for (const one of tokens) {
    const token = one as MarkedToken // no extension is registered, so there are no other tokens
    if (token.type !== "list") out.push({ raw: token.raw, token })
    else {
      const first = typeof token.start === "number" ? token.start : undefined
      token.items.forEach((item, i) =>
        out.push({
          raw: item.raw,
          token: { ...item, type: "list_item" },
          ...(first === undefined ? {} : { number: first + i })
        })
      )
    }
  }
  return out
}

/** Rows of parts, blank rows between them. `above`: what was drawn before; undefined: nothing. */
export const partRows = (all: ReadonlyArray<Part>, columns: number, above?: Part): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  let before = above
  for (const part of all) {
    const drawn = rowsOf(part, Math.max(4, columns))
    if (drawn.length > 0 && before !== undefined && (rows.length > 0 || above !== undefined) && !tight(before, part))
      rows.push([])
    rows.push(...drawn)
    before = part
  }
  return rows
}

/** Items of a list stand under each other, unless there is a blank line between them in the text, too. */
const tight = (before: Part, part: Part): boolean =>
  before.token.type === "list_item" && part.token.type === "list_item" && !/\n[ \t]*\n[ \t]*$/u.test(before.raw)

export const markdown = (text: string, columns: number): ReadonlyArray<Row> => partRows(partsOf(text), columns)

const rowsOf = ({ token, number }: Part, columns: number): ReadonlyArray<Row> => {
  switch (token.type) {
    case "space":
      return []
    case "heading": {
      const sign = `${"#".repeat(token.depth)} `
      return beside(flow(inline(token.text, { bold: true }), columns - sign.length), [say(sign, { dim: true })])
    }
    case "paragraph":
    case "text":
      return flow(inline(token.text.trimEnd()), columns)
    case "code":
      return codeRows(token.text, token.lang, columns)
    case "blockquote":
      return gutter(partRows(parts(token.tokens), columns - 2), "▏ ")
    case "list_item":
      return itemRows(token, number, columns)
    case "table":
      return tableRows(token, columns)
    case "hr":
      return [[say("─".repeat(Math.min(columns, 40)), { dim: true })]]
    case "def":
      return flow([{ text: token.raw.trim(), style: { dim: true } }], columns)
    default:
      return flow([{ text: token.raw.trimEnd(), style: {} }], columns)
  }
}

const itemRows = (item: Tokens.ListItem, number: number | undefined, columns: number): ReadonlyArray<Row> => {
  const box = item.task ? (item.checked === true ? "[x] " : "[ ] ") : ""
  const sign = `${number === undefined ? "•" : `${number}.`} ${box}`
  const inner = item.tokens.map((token, i): Token => {
    if (i > 0 || !item.task || !("text" in token) || typeof token.text !== "string") return token
    return { ...token, text: token.text.replace(/^\[[ xX]\]\s+/u, "") }
  })
  const rows: Array<Row> = []
  let blank = false
  for (const part of parts(inner.filter((token) => token.type !== "checkbox"))) {
    const drawn = rowsOf(part, Math.max(4, columns - width(sign)))
    if (rows.length > 0 && drawn.length > 0 && blank) rows.push([])
    blank = part.token.type === "space"
    rows.push(...drawn)
  }
  return beside(rows.length === 0 ? [[]] : rows, [say(sign, { color: "cyan" })])
}

/** The language above, a bar beside every line; lines that are too long go on in the next row. */
export const codeRows = (text: string, language: string | undefined, columns: number): ReadonlyArray<Row> => {
  const name = clean((language ?? "").slice(0, 40)).trim()
  const label: ReadonlyArray<Row> =
    name === "" ? [] : [[say(fit(`┌ ${name}`, Math.min(columns, width(name) + 2)), { dim: true })]]
  return [...label, ...text.split("\n").flatMap((line) => codeLine(line, columns))]
}

/** As it is, blanks included: code that is copied must be the code. */
export const codeLine = (line: string, columns: number): ReadonlyArray<Row> =>
  gutter(
    broken(clean(line), Math.max(2, columns - 2)).map((text): Row => [say(text, { color: "green" })]),
    "│ "
  )

const gutter = (rows: ReadonlyArray<Row>, bar: string): ReadonlyArray<Row> =>
  rows.map((row): Row => [say(bar, { dim: true }), ...row])

/** The sign beside the first row, blanks of its width beside the others. */
const beside = (rows: ReadonlyArray<Row>, sign: Row): ReadonlyArray<Row> => {
  const blank = say(" ".repeat(sign.reduce((sum, span) => sum + width(span.text), 0)))
  return rows.map((row, i): Row => [...(i === 0 ? sign : [blank]), ...row])
}
