/**
 * Text as search sees it, in any language.
 *
 * Owns: folding (case, accents, width), cutting scripts that write no spaces, turning what a person asks into a query for
 * Postgres' `websearch_to_tsquery('simple', …)`, the excerpt. Does not own: the index and its SQL (`search.ts`, the projection).
 * Invariants: text and question are folded alike; a character of a script without spaces is a word of its own, and a run of
 * them in a question is a phrase; an excerpt is the original text, bounded, with « and » around what was found.
 */

/** Of one message: Postgres indexes no more than 1 MiB of words, and 200,000 characters are always below that. */
export const indexed = 200_000

/** By extension: the mark that lengthens a vowel belongs to two scripts. */
const spaceless = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u
const runs = new RegExp(`${spaceless.source}+`, "gu")
const ascii = /^[\x20-\x7e\n\t\r]*$/u

/** Case, accents of Latin, Greek and Cyrillic, and compatibility forms make no difference. */
const fold = (text: string): string =>
  ascii.test(text)
    ? text.toLowerCase()
    : text
        .normalize("NFKD")
        .replace(/[\u0300-\u036f]/gu, "")
        .normalize("NFKC")
        .toLowerCase()
        .replaceAll("ß", "ss")

const apart = (run: string): string => (run.match(/\P{M}\p{M}*|\p{M}+/gu) ?? []).join(" ")

/** What goes into the index. Dots, slashes and the like end a word, so that parts of paths and addresses are found. */
export const forIndex = (text: string): string =>
  bare(fold(text.slice(0, indexed).toWellFormed())).replace(runs, (run) => ` ${apart(run)} `)

const bare = (text: string): string => text.replace(/[^\p{L}\p{N}\p{M}\s]/gu, " ")

/** Words, "phrases", or and -not, as web searches have them. Empty: there is nothing to look for. */
export const forQuery = (asked: string): string =>
  parts(asked)
    .map(({ text, not }) => `${not ? "-" : ""}${text}`)
    .join(" ")

interface Part {
  readonly text: string
  readonly not: boolean
  /** What to mark in the text; none for what must not be there. */
  readonly words: ReadonlyArray<string>
}

const parts = (asked: string): ReadonlyArray<Part> => {
  const found: Array<Part> = []
  for (const [, minus, phrase, word] of asked.matchAll(/(-?)(?:"([^"]*)"?|([^\s"]+))/gu)) {
    const not = minus === "-"
    if (phrase === undefined && word?.toLowerCase() === "or" && !not) {
      found.push({ text: "or", not: false, words: [] })
      continue
    }
    // a run of a script without spaces is marked as a whole, and asked for as a phrase of its characters
    const folded = bare(fold((phrase ?? word ?? "").toWellFormed()))
      .replace(runs, (run) => ` ${run} `)
      .split(/\s+/u)
      .filter((one) => one !== "")
    if (folded.length === 0) continue
    const single = folded.map((one) => one.replace(runs, apart)).join(" ")
    found.push({
      text: single.includes(" ") || single === "or" ? `"${single}"` : single,
      not,
      words: not ? [] : folded
    })
  }
  return found
}

const before = 60
const longest = 240

/** About 240 characters of `text` around the first place where the question's words are. */
export const excerptOf = (text: string, asked: string): string => {
  const words = [...new Set(parts(asked).flatMap((part) => part.words))]
  const { folded, origin } = foldedWithOrigin(text)
  const marks = words.length === 0 ? [] : placesOf(folded, words)
  const first = marks[0]?.[0] ?? 0
  const start = boundary(text, Math.max(0, (origin[first] ?? 0) - before))
  const end = Math.min(text.length, start + longest)
  let shown = start > 0 ? "…" : ""
  let at = start
  for (const [from, to] of marks) {
    const [begins, ends] = [origin[from] ?? text.length, origin[to] ?? text.length]
    if (begins < at || ends > end) continue
    shown += `${text.slice(at, begins)}«${text.slice(begins, ends)}»`
    at = ends
  }
  shown += text.slice(at, end) + (end < text.length ? "…" : "")
  return shown.replaceAll(/\s+/gu, " ").trim().toWellFormed()
}

/** Folding changes lengths: `origin[i]` is where in the text the folded character `i` came from. */
const foldedWithOrigin = (text: string): { readonly folded: string; readonly origin: ReadonlyArray<number> } => {
  const origin: Array<number> = []
  let folded = ""
  let at = 0
  for (const character of text.slice(0, indexed)) {
    const piece = fold(character)
    for (let i = 0; i < piece.length; i++) origin.push(at)
    folded += piece
    at += character.length
  }
  origin.push(at)
  return { folded, origin }
}

const inWord = /[\p{L}\p{N}\p{M}]/u

/** Whole words only, except in scripts without spaces; in order, not overlapping, a few. */
const placesOf = (folded: string, words: ReadonlyArray<string>): ReadonlyArray<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  for (const word of words) {
    let at = folded.indexOf(word)
    for (let tries = 0; at >= 0 && tries < 200 && found.length < 200; tries++, at = folded.indexOf(word, at + 1)) {
      const end = at + word.length
      const loose = spaceless.test(word)
      if (loose || !(inWord.test(folded[at - 1] ?? " ") || inWord.test(folded[end] ?? " "))) found.push([at, end])
    }
  }
  found.sort((a, b) => a[0] - b[0])
  const apartFrom: Array<readonly [number, number]> = []
  for (const place of found) {
    const last = apartFrom.at(-1)
    if (last === undefined || place[0] >= last[1]) apartFrom.push(place)
  }
  return apartFrom
}

/** Not in the middle of a word or of a surrogate pair. */
const boundary = (text: string, at: number): number => {
  if (at === 0) return 0
  const space = text.slice(at, at + 20).search(/\s/u)
  if (space >= 0) return at + space + 1
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at
}
