/**
 * The inside of a paragraph: emphasis, code, links, as styled pieces.
 *
 * Owns: what inline Markdown looks like in a terminal. Does not own: blocks (`markdown.ts`), rows (`flow.ts`).
 * Invariants: a link shows where it goes, whatever its text says; HTML is text; a paragraph that is too long to be worth
 * reading as Markdown, or that the lexer fails on, is shown as it was written.
 */
import { Lexer, type MarkedToken, type Token } from "marked"
import type { Style } from "../row.ts"
import type { Piece } from "./flow.ts"

/** Beyond this a paragraph is no prose, and the lexer's time would be felt. */
const longest = 20_000

/** Without colors there is no bold and no italic either, so the marks that said so are kept. */
export const marksKept = (): boolean => (process.env["FORCE_COLOR"] ?? "") === "0"

export const inline = (text: string, style: Style = {}): ReadonlyArray<Piece> => {
  if (text.length > longest) return [{ text, style }]
  try {
    return pieces(Lexer.lexInline(text), style)
  } catch {
    return [{ text, style }]
  }
}

const pieces = (tokens: ReadonlyArray<Token>, style: Style): ReadonlyArray<Piece> =>
  tokens.flatMap((token) => piece(token as MarkedToken, style)) // no extension is registered, so there are no other tokens

const piece = (token: MarkedToken, style: Style): ReadonlyArray<Piece> => {
  switch (token.type) {
    case "strong":
      return marked("**", pieces(token.tokens, { ...style, bold: true }), style)
    case "em":
      return marked("*", pieces(token.tokens, { ...style, italic: true }), style)
    case "del":
      return marked("~~", pieces(token.tokens, { ...style, dim: true }), style)
    case "codespan":
      return marked("`", [{ text: token.text, style: { ...style, color: "cyan" } }], style)
    case "br":
      return [{ text: "\n", style }]
    case "link":
      return linked(pieces(token.tokens, { ...style, color: "blue" }), token.text, token.href, style)
    case "image":
      return linked([{ text: `image: ${token.text}`, style }], token.text, token.href, style)
    case "text":
      return "tokens" in token && token.tokens !== undefined
        ? pieces(token.tokens, style)
        : [{ text: entities(token.text.replaceAll("\n", " ")), style }]
    case "escape":
      return [{ text: token.text, style }]
    default:
      return [{ text: token.raw.replaceAll("\n", " "), style }]
  }
}

const marked = (mark: string, inner: ReadonlyArray<Piece>, style: Style): ReadonlyArray<Piece> =>
  marksKept() ? [{ text: mark, style }, ...inner, { text: mark, style }] : inner

const linked = (inner: ReadonlyArray<Piece>, text: string, href: string, style: Style): ReadonlyArray<Piece> =>
  href === "" || href === text || href === `mailto:${text}`
    ? inner
    : [...inner, { text: ` (${href})`, style: { ...style, dim: true } }]

const names: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: " " }

const entities = (text: string): string =>
  text.includes("&")
    ? text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/giu, (whole, ten, hex, name) => {
        const code = ten === undefined ? (hex === undefined ? undefined : Number.parseInt(hex, 16)) : Number(ten)
        if (code === undefined) return names[String(name).toLowerCase()] ?? whole
        return code > 0x10ffff ? whole : String.fromCodePoint(code)
      })
    : text
