/**
 * An instruction as words.
 *
 * Owns: cutting a text into words, with quoted parts whole and commas and percent signs alone. Does not own: what words mean.
 * Invariants: nothing is dropped but the mark at the end and courtesies; what a terminal or a shell would obey makes no words.
 */
export interface Word {
  /** As written. */
  readonly text: string
  /** For comparing: lower case. A quoted word is only itself. */
  readonly plain: string
  readonly quoted: boolean
}
export type Words = ReadonlyArray<Word>

const longest = 600
const token = /"([^"\p{Cc}]{1,300})"|“([^”\p{Cc}]{1,300})”|'([^'\p{Cc}]{1,300})'|(,)|(%)|([^\s,%"“”\p{Cc}]+)|([^\s])/gu

/** @returns undefined when the text is too long or holds what is no instruction */
export const toWords = (text: string): Words | undefined => {
  const trimmed = text.normalize("NFC").trim()
  if (trimmed.length > longest || /[\p{Cc}\p{Cf}\p{Co}]/u.test(trimmed)) return undefined
  const words: Array<Word> = []
  for (const [, double, curly, single, comma, percent, plain, other] of trimmed
    .replace(/(?<=[^.?!])[.!?]+$/u, "")
    .matchAll(token)) {
    const quoted = double ?? curly ?? single
    if (other !== undefined) return undefined
    if (quoted !== undefined) words.push({ text: quoted, plain: '"', quoted: true })
    else {
      const said = comma ?? percent ?? plain ?? ""
      words.push({ text: said, plain: said.toLowerCase(), quoted: false })
    }
  }
  return withoutCourtesy(words)
}

const before = [
  ["please"],
  ["can", "you"],
  ["could", "you"],
  ["would", "you"],
  ["i", "want", "you", "to"],
  ["i", "need", "you", "to"],
  ["i", "want", "to"],
  ["i", "need", "to"],
  ["let", "us"],
  ["let's"],
  ["go", "ahead", "and"],
  ["now"],
  ["hey"],
  ["hi"],
  ["hello"],
  [","]
]
const after = [
  ["please"],
  ["for", "me"],
  ["now"],
  ["thanks"],
  ["thank", "you"],
  ["right", "now"],
  ["right", "away"],
  [","]
]

const withoutCourtesy = (words: Words): Words => {
  const front = before.find((one) => one.every((said, i) => words[i]?.plain === said))
  if (front !== undefined && words.length > front.length) return withoutCourtesy(words.slice(front.length))
  const back = after.find((one) => one.every((said, i) => words[words.length - one.length + i]?.plain === said))
  return back !== undefined && words.length > back.length ? withoutCourtesy(words.slice(0, -back.length)) : words
}
