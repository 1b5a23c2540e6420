/**
 * Files of `key = value` lines: ini with its sections, plain assignments, and assignments that a shell may read.
 *
 * Owns: setting one of them. Does not own: the lines as such (`sshd.ts` shares them).
 * Invariants: comments, order, spacing around `=` and ends of lines stay; a value that a shell reads is one word that means itself; no
 * value goes on in the next line or begins a comment; statements that go on over several lines are left alone, and so is what in them
 * only looks like one.
 */
import { Refused } from "../../outcome.ts"
import type { Edits } from "./Edit.ts"
import { type Line, insertedAt, join, replaced, split } from "./sshd.ts"

export interface Rules {
  readonly sections: boolean
  readonly shell?: true
  /**
   * What begins a comment behind a value: nothing, these characters wherever they stand, or it is not known (then a line that may have
   * one is left alone).
   */
  readonly comments: "none" | "; anywhere" | "# anywhere" | "unknown"
}

interface Assignment {
  readonly n: number
  readonly section: string | null
  readonly value: string
  readonly lead: string
  /** A comment behind the value, with the space before it. */
  readonly tail: string
}

export const editLines = (rules: Rules): Edits => ({
  set: (text, { key, value, section }) => {
    if (section !== undefined && !rules.sections)
      throw new Refused({ why: "This kind of file has no sections. Leave the section out." })
    if (value !== value.trim())
      throw new Refused({ why: "The value begins or ends with a space, which such files do not keep." })
    if (rules.shell === undefined) refuseUnfit(value, rules)
    const lines = split(text)
    const found = assignments(lines, key, rules).filter((one) => section === undefined || one.section === section)
    const [only] = found
    if (found.length > 1)
      throw new Refused({
        why: `${key} stands ${found.length} times${section === undefined && rules.sections ? ", in these sections: " + [...new Set(found.map((one) => one.section ?? "(none)"))].join(", ") : ""}, so it is not clear which one is meant.${section === undefined && rules.sections ? " Name the section." : " Use config.write."}`
      })
    const written = rules.shell ? shellWord(value) : value
    if (only !== undefined) {
      if (goesOn(lines, only.n) || isOpen(only.value, rules))
        throw new Refused({ why: `${key} goes on over several lines. Use config.write.` })
      if (rules.comments === "unknown" && /\s[#;]/u.test(only.value))
        throw new Refused({
          why: `What stands behind ${key} may be a comment or a part of its value, which is not known of this file. Use config.write.`
        })
      return {
        text: join(replaced(lines, only.n, `${only.lead}${written}${only.tail}`)),
        was: rules.shell ? shellValue(only.value) : only.value
      }
    }
    return { text: join(added(lines, key, written, section, rules)), was: null }
  },
  get: (text, { key, section }) => {
    const found = assignments(split(text), key, rules).filter((one) => section === undefined || one.section === section)
    const value = found[0]?.value
    return value === undefined ? null : rules.shell ? shellValue(value) : value
  }
})

const refuseUnfit = (value: string, rules: Rules): void => {
  if (value.endsWith("\\"))
    throw new Refused({ why: "The value ends with a \\, behind which the next line would belong to it." })
  const begins = rules.comments === "unknown" ? /(?:^|\s)[#;]/u.test(value) : parted(value, rules).tail !== ""
  if (begins || isOpen(value, rules))
    throw new Refused({
      why: "The value holds what begins a comment in such a file, or an open quote. Put it in quotes."
    })
}

const assignments = (lines: ReadonlyArray<Line>, key: string, rules: Rules): ReadonlyArray<Assignment> => {
  const found: Array<Assignment> = []
  let section: string | null = null
  let inside = false
  for (const [n, { text }] of lines.entries()) {
    // a comment between the lines of a statement is none of them
    const isComment = /^\s*[#;]/u.test(text)
    const before = inside
    if (!isComment) inside = text.endsWith("\\")
    if (before || isComment) continue
    section = (rules.sections ? sectionName(text) : undefined) ?? section
    const match = /^(\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*)(.*)$/su.exec(text.trimEnd())
    if (match !== null && match[2] === key)
      found.push({ n, section, lead: match[1] ?? "", ...parted(match[3] ?? "", rules) })
  }
  return found
}

/** The value and the comment behind it. */
const parted = (rest: string, { shell, comments }: Rules): { readonly value: string; readonly tail: string } => {
  const mark = shell ? "#" : comments === "; anywhere" ? ";" : comments === "# anywhere" ? "#" : undefined
  if (mark === undefined) return { value: rest, tail: "" }
  let quote = ""
  for (let at = 0; at < rest.length; at++) {
    const one = rest.charAt(at)
    if (one === "\\" && quote !== "'") at++
    else if (quote !== "") quote = one === quote ? "" : quote
    else if (one === '"' || one === "'") quote = one
    else if (one === mark && (!shell || at === 0 || /\s/u.test(rest.charAt(at - 1)))) {
      const value = rest.slice(0, at).trimEnd()
      return { value, tail: rest.slice(value.length) }
    }
  }
  return { value: rest, tail: "" }
}

/** Of a file whose quotes may hold line breaks. */
const isOpen = (value: string, { shell, comments }: Rules): boolean =>
  (shell === true || comments === "; anywhere") && (value.replace(/\\./gsu, "").match(/"/gu) ?? []).length % 2 !== 0

const sectionName = (text: string): string | undefined => /^\s*\[([^\]]+)\]\s*(?:[;#].*)?$/u.exec(text)?.[1]?.trim()

/** By a backslash, or because the next line that says something stands further in. */
const goesOn = (lines: ReadonlyArray<Line>, n: number): boolean => {
  const text = lines[n]?.text ?? ""
  return text.endsWith("\\") || indent(saidAfter(lines, n)) > indent(text)
}

const indent = (text: string): number => /^[ \t]*/u.exec(text)?.[0].length ?? 0

/** The next line that is neither empty nor a comment. */
const saidAfter = (lines: ReadonlyArray<Line>, n: number): string =>
  lines.slice(n + 1).find(({ text }) => /^\s*[^\s#;]/u.test(text))?.text ?? ""

/** Behind its commented default when there is exactly one, else at the end of its section. */
const added = (
  lines: ReadonlyArray<Line>,
  key: string,
  value: string,
  section: string | undefined,
  rules: Rules
): ReadonlyArray<Line> => {
  const spaced = lines.some(({ text }) => /^\s*[A-Za-z_][\w.-]*\s+=\s/u.test(text))
  const statement = `${key}${spaced ? " = " : "="}${value}`
  const sections = rules.sections
    ? lines.flatMap(({ text }, n) => {
        const name = sectionName(text)
        return name === undefined ? [] : [{ name, n }]
      })
    : []
  const start = section === undefined ? undefined : sections.find(({ name }) => name === section)
  if (section !== undefined && start === undefined) {
    const gap = lines.length === 0 ? lines : insertedAt(lines, lines.length, "")
    return insertedAt(insertedAt(gap, gap.length, `[${section}]`), gap.length + 1, statement)
  }
  const from = start === undefined ? 0 : start.n + 1
  const to = start === undefined ? lines.length : (sections.find(({ n }) => n > start.n)?.n ?? lines.length)
  const pattern = new RegExp(`^\\s*[;#]\\s*${key.replaceAll(".", "\\.")}\\s*=`, "u")
  const commented = lines.slice(from, to).flatMap(({ text }, n) => (pattern.test(text) ? [from + n] : []))
  const [hint, another] = commented
  // between the lines of another statement a comment says nothing of where its own is read
  const within =
    hint !== undefined && (indent(saidAfter(lines, hint)) > 0 || lines[hint - 1]?.text.endsWith("\\") === true)
  if (hint !== undefined && another === undefined && !within) return insertedAt(lines, hint + 1, statement)
  if (section === undefined && sections.length > 0)
    throw new Refused({
      why: `${key} is not in this file yet. Name the section: ${sections
        .map(({ name }) => name)
        .slice(0, 20)
        .join(", ")}.`
    })
  if (
    !rules.shell &&
    !lines.some(({ text }) => /^\s*[A-Za-z_][\w.-]*\s*=/u.test(text)) &&
    lines.some(({ text }) => /^\s*[^\s#;[]/u.test(text))
  )
    throw new Refused({
      why: `There is no key = value in this file, so it is not known how ${key} would be written in it. Use config.write.`
    })
  let end = to
  while (end > from && lines[end - 1]?.text.trim() === "") end--
  if (lines[end - 1]?.text.endsWith("\\") === true)
    throw new Refused({ why: `The line behind which ${key} would stand is not at its end. Use config.write.` })
  return insertedAt(lines, end, statement)
}

const plainWord = /^[\w@%+=:,./-]*$/u
/** One word that a shell takes as it is: nothing in it is ever expanded. */
const shellWord = (value: string): string => (plainWord.test(value) ? value : `"${value.replace(/["\\$`]/gu, "\\$&")}"`)
const shellValue = (word: string): string =>
  /^".*"$/su.test(word)
    ? word.slice(1, -1).replace(/\\(["\\$`])/gu, "$1")
    : /^'.*'$/su.test(word)
      ? word.slice(1, -1)
      : word
