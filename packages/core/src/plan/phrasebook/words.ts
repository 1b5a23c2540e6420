/**
 * An instruction as words.
 *
 * Owns: cutting a text into words, with quoted parts whole and commas, percent signs and closing colons alone. Does not own: what words mean.
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
    else for (const said of parted(comma ?? percent ?? plain ?? "")) words.push(said)
  }
  return withoutCourtesy(words)
}

const contracted: { readonly [said: string]: string } = {
  "let's": "us",
  "isn't": "not",
  "aren't": "not",
  "what's": "is",
  "who's": "is",
  "how's": "is",
  "it's": "is",
  "that's": "is",
  "there's": "is"
}

/** "what's" is two words, "web1's" is a name and what it has, "web1:" is who is addressed. */
const parted = (text: string): Words => {
  const word = (part: string): Word => ({ text: part, plain: part.toLowerCase(), quoted: false })
  const said = text.replaceAll("’", "'")
  const second = contracted[said.toLowerCase()]
  if (second !== undefined) return [word(said.replace(/(?:n't|'s)$/iu, "")), word(second)]
  if (/^[^:]+:$/u.test(text)) return [word(text.slice(0, -1)), word(":")]
  return /^[A-Za-z0-9._-]+'s$/iu.test(said) ? [word(said.slice(0, -2)), word("'s")] : [word(text)]
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
  ["i", "would", "like", "you", "to"],
  ["i'd", "like", "you", "to"],
  ["i", "would", "like", "to"],
  ["i'd", "like", "to"],
  ["let", "us"],
  ["kindly"],
  ["just"],
  ["ok"],
  ["okay"],
  ["sudo"],
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
  ["immediately"],
  ["asap"],
  ["as", "soon", "as", "possible"],
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
