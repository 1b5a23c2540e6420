/**
 * sshd_config and ssh_config: keywords with values, in which the first one wins, and Match (or Host) blocks that run to the next.
 *
 * Owns: setting one keyword in the global part or in one block. Does not own: what sshd makes of it (sshd -t).
 * Invariants: keywords are the same whatever their case; a new global keyword comes before the first block, because after it it would
 * belong to the block; every other line stays byte for byte.
 */
import { Refused } from "../../outcome.ts"
import type { Edits } from "./Edit.ts"

interface Line {
  readonly text: string
  /** "\n", "\r\n", or "" at the end of the file. */
  readonly eol: string
}

interface Statement {
  readonly n: number
  readonly keyword: string
  readonly value: string
  /** All before the value. */
  readonly lead: string
  /** A comment behind it, with the space before it. */
  readonly tail: string
}

/** Each adds to those before it instead of being passed over. */
const adding = new Set([
  "port",
  "listenaddress",
  "hostkey",
  "acceptenv",
  "setenv",
  "subsystem",
  "allowusers",
  "allowgroups",
  "denyusers",
  "denygroups",
  "permitopen",
  "permitlisten",
  "logverbose",
  "include",
  "identityfile",
  "localforward",
  "remoteforward",
  "sendenv"
])
const opens = new Set(["match", "host"])

export const editSshd: Edits = {
  set: (text, { key, value, section }) => {
    if (value.trim() === "" || value !== value.trim())
      throw new Refused({ why: `${key} needs a value without spaces around it.` })
    if (opens.has(key.toLowerCase())) throw new Refused({ why: `${key} begins a block; use config.write for that.` })
    if (value.includes("#") || (value.match(/"/gu) ?? []).length % 2 !== 0)
      throw new Refused({ why: "The value holds a # or an open quote, which would end it." })
    const lines = split(text)
    const part = partOf(lines, section)
    const found = statements(lines, part).filter(({ keyword }) => keyword === key.toLowerCase())
    const [first] = found
    if (first !== undefined) {
      if (found.length > 1 && adding.has(first.keyword))
        throw new Refused({ why: `${key} stands ${found.length} times and each counts. Use config.write.` })
      return { text: join(replaced(lines, first.n, `${first.lead}${value}${first.tail}`)), was: first.value }
    }
    return { text: join(insertedAt(lines, whereTo(lines, part, key), `${part.indent}${key} ${value}`)), was: null }
  },
  get: (text, { key, section }) => {
    const lines = split(text)
    return statements(lines, partOf(lines, section)).find(({ keyword }) => keyword === key.toLowerCase())?.value ?? null
  }
}

interface Part {
  readonly from: number
  /** The line after its last. */
  readonly to: number
  readonly indent: string
}

const partOf = (lines: ReadonlyArray<Line>, section: string | undefined): Part => {
  const blocks = lines.flatMap((line, n) => {
    const one = statement(line, n)
    return one !== undefined && opens.has(one.keyword) ? [{ ...one, words: words(`${one.keyword} ${one.value}`) }] : []
  })
  if (section === undefined) return { from: 0, to: blocks[0]?.n ?? lines.length, indent: "" }
  const wanted = words(/^(?:match|host)\s/iu.test(section) ? section : `match ${section}`)
  const found = blocks.filter((block) => block.words === wanted)
  const [only] = found
  if (only === undefined) throw new Refused({ why: `There is no block ${section} in this file.` })
  if (found.length > 1)
    throw new Refused({ why: `The block ${section} stands ${found.length} times in this file. Use config.write.` })
  const next = blocks.find((block) => block.n > only.n)
  const sample = lines.slice(only.n + 1, next?.n).find((line) => /^\s+\S/u.test(line.text))
  return { from: only.n + 1, to: next?.n ?? lines.length, indent: /^\s*/u.exec(sample?.text ?? "    ")?.[0] ?? "" }
}

const words = (text: string): string => text.toLowerCase().split(/\s+/u).filter(Boolean).join(" ")

const statements = (lines: ReadonlyArray<Line>, { from, to }: Part): ReadonlyArray<Statement> =>
  lines.slice(from, to).flatMap((line, n) => statement(line, from + n) ?? [])

const statement = (line: Line, n: number): Statement | undefined => {
  const found = /^(\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+))(\S.*)$/su.exec(line.text.trimEnd())
  if (found === null) return undefined
  const [, lead = "", keyword = "", rest = ""] = found
  // words in quotes and others, up to a # that begins one
  const value = /^(?:\s*(?:"[^"]*"|[^\s"#](?:[^\s"]|"[^"]*")*))*/u.exec(rest)?.[0] ?? ""
  const tail = rest.slice(value.length)
  return /^\s+#/u.test(tail)
    ? { n, keyword: keyword.toLowerCase(), value, lead, tail }
    : { n, keyword: keyword.toLowerCase(), value: rest, lead, tail: "" }
}

/** What is included before the keyword is read in the global part: of what stands there the first counts. */
export const includedBefore = (text: string, key: string): ReadonlyArray<string> => {
  const lines = split(text)
  const global = statements(lines, partOf(lines, undefined))
  const own = global.find(({ keyword }) => keyword === key.toLowerCase())?.n ?? Number.POSITIVE_INFINITY
  return global
    .filter(({ keyword, n }) => keyword === "include" && n < own)
    .flatMap(({ value }) => [...value.matchAll(/"([^"]*)"|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? ""))
}

/** Behind the commented default when there is one, else at the end of the part, before its blank lines. */
const whereTo = (lines: ReadonlyArray<Line>, { from, to }: Part, key: string): number => {
  const pattern = new RegExp(`^\\s*#\\s*${key}(?:\\s|=|$)`, "iu")
  const commented = lines.slice(from, to).findIndex((line) => pattern.test(line.text))
  if (commented !== -1) return from + commented + 1
  const skipped = (end: number, is: (text: string) => boolean): number => {
    let at = end
    while (at > from && is(lines[at - 1]?.text.trim() ?? "")) at--
    return at
  }
  const isBlank = (text: string) => text === ""
  const end = skipped(to, isBlank)
  // comments right before a block speak of the block
  return to < lines.length
    ? skipped(
        skipped(end, (text) => text.startsWith("#")),
        isBlank
      )
    : end
}

export const split = (text: string): ReadonlyArray<Line> =>
  [...text.matchAll(/([^\n]*?)(\r?\n|$(?![\s\S]))/gu)].flatMap(([all, line = "", eol = ""]) =>
    all === "" ? [] : [{ text: line, eol }]
  )
export const join = (lines: ReadonlyArray<Line>): string => lines.map(({ text, eol }) => text + eol).join("")
export const replaced = (lines: ReadonlyArray<Line>, n: number, text: string): ReadonlyArray<Line> =>
  lines.map((line, at) => (at === n ? { text, eol: line.eol } : line))

export const insertedAt = (lines: ReadonlyArray<Line>, n: number, text: string): ReadonlyArray<Line> => {
  const eol = lines.find((line) => line.eol !== "")?.eol ?? "\n"
  const before = lines.slice(0, n)
  const last = before.at(-1)
  // a last line without an end gets one
  const closed = last === undefined || last.eol !== "" ? before : [...before.slice(0, -1), { text: last.text, eol }]
  return [...closed, { text, eol }, ...lines.slice(n)]
}
export type { Line }
