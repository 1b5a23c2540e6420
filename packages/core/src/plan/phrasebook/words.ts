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

/** What the phrasebook reads; what is longer is no routine. */
export const longest = 600
export const mostWords = 80
const token = /"([^"\p{Cc}]{1,300})"|“([^”\p{Cc}]{1,300})”|'([^'\p{Cc}]{1,300})'|(,)|(%)|([^\s,%"“”\p{Cc}]+)|([^\s])/gu

/** @returns undefined when the text is longer than what is read, or holds what is no instruction */
export const toWords = (text: string): Words | undefined => {
  const trimmed = text
    .trim()
    .slice(0, longest + 1)
    .normalize("NFC")
  if (text.trim().length > longest || /[\p{Cc}\p{Cf}\p{Co}]/u.test(trimmed)) return undefined
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
  let [from, to] = [0, words.length]
  const said = (one: ReadonlyArray<string>, at: number) =>
    to - from > one.length && one.every((plain, i) => words[at + i]?.plain === plain)
  for (;;) {
    const front = before.find((one) => said(one, from))
    const back = front === undefined ? after.find((one) => said(one, to - one.length)) : undefined
    if (front === undefined && back === undefined) return words.slice(from, to)
    from += front?.length ?? 0
    to -= back?.length ?? 0
  }
}
