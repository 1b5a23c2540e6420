/**
 * Untrusted text made harmless, and cut to exact widths.
 *
 * Owns: cleaning, fitting, wrapping. Does not own: numbers and times (`format.ts`), styles (`row.ts`).
 * Invariants: nothing that leaves here carries a control character or an escape sequence; `fit` and `fitMiddle` answer exactly
 * `columns` wide; the cost depends on `columns`, not on the length of what came in.
 */
import stringWidth from "string-width"

/** Made when it is needed: it takes longer than a whole table of plain text. */
let segmenter: Intl.Segmenter | undefined
const graphemesOf = (text: string): Intl.Segments =>
  (segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })).segment(text)
const plain = /^[\x20-\x7e]*$/u
/** Escape sequences of terminals, unfinished ones at the end of the text too. */
// oxlint-disable-next-line no-control-regex
export const escapes = /\x1b\[[0-9;:?<=>]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]/gu

/** Patterns with properties are read by the engine where they stand: here, so that who says plain text only does not wait for them. */
const harmless = (text: string): string =>
  text
    .replace(escapes, "")
    .replace(/\t/gu, "    ")
    .replace(/\u200d.[\ufe0f\p{Emoji_Modifier}]*/gu, "")
    .replace(
      /[\p{Cc}\p{Cs}\p{Me}\p{Variation_Selector}\p{Emoji_Modifier}\u200b-\u200f\u00ad\ufeff\u2028-\u202e\u2060-\u206f\u{e0000}-\u{e0fff}]/gu,
      ""
    )
/** One line, harmless and equally wide in every terminal. Line breaks vanish: split first where they matter. */
export const clean = (text: string): string => (plain.test(text) ? text : harmless(text))

/** Cleaned text of which no more than `columns` can ever be seen: breaks become spaces, the rest is never looked at. */
export const oneLine = (text: string, columns: number): string => {
  const reach = columns * 8 + 512
  const part = text.length > reach ? text.slice(0, reach) : text
  return clean(part.replace(/\s*[\r\n]+\s*/gu, " "))
}

export const width = (text: string): number => (plain.test(text) ? text.length : stringWidth(text))

/** Exactly `columns` wide, the end cut. The text must be clean. */
export const fit = (text: string, columns: number): string => {
  if (columns <= 0) return ""
  if (plain.test(text)) return text.length <= columns ? text.padEnd(columns) : text.slice(0, columns - 1) + "…"
  const total = stringWidth(text)
  if (total <= columns) return text + " ".repeat(columns - total)
  const { head, used } = take(text, columns - 1)
  return head + "…" + " ".repeat(columns - 1 - used)
}

/** Exactly `columns` wide, the text at the right; the end is cut. */
export const fitRight = (text: string, columns: number): string => {
  const w = width(text)
  return w >= columns ? fit(text, columns) : " ".repeat(columns - w) + text
}

/** Exactly `columns` wide, the middle cut and more of the end kept: the end of an id tells it from the others. */
export const fitMiddle = (text: string, columns: number): string => {
  if (columns <= 0) return ""
  if (width(text) <= columns) return fit(text, columns)
  const tail = Math.ceil(((columns - 1) * 7) / 12)
  if (plain.test(text)) return text.slice(0, columns - 1 - tail) + "…" + (tail === 0 ? "" : text.slice(-tail))
  const parts = Array.from(graphemesOf(text), (s) => s.segment)
  let end = ""
  for (let i = parts.length - 1; i >= 0 && width(parts[i] + end) <= tail; i--) end = parts[i] + end
  return fit(take(text, columns - 1 - tail).head + "…" + end, columns)
}

/** The rows that clean text takes at `columns`; never empty. Words stay whole where they are short enough. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  if (columns <= 0) return [""]
  if (width(text) <= columns) return [text]
  const rows: Array<string> = []
  let rest = text
  while (rest !== "") {
    if (width(rest.slice(0, columns * 2 + 2)) <= columns && rest.length <= columns * 2 + 2) {
      rows.push(rest)
      break
    }
    const { head } = take(rest, columns)
    const space = rest[head.length] === " " ? head.length : head.lastIndexOf(" ")
    const cut = space > columns / 2 ? space : Math.max(1, head.length)
    rows.push(rest.slice(0, cut))
    rest = rest.slice(cut).replace(/^ /u, "")
  }
  return rows
}

/** The longest beginning that is no wider than `columns`. */
const take = (text: string, columns: number): { readonly head: string; readonly used: number } => {
  const near = text.slice(0, columns * 8 + 64)
  if (plain.test(near)) {
    const head = near.slice(0, columns)
    return { head, used: head.length }
  }
  let head = ""
  let used = 0
  for (const { segment } of graphemesOf(near)) {
    const w = stringWidth(segment)
    if (used + w > columns) break
    head += segment
    used += w
  }
  return { head, used }
}
