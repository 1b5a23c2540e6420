/**
 * Files of `key = value` lines: ini with its sections, plain assignments, and assignments that a shell may read.
 *
 * Owns: setting one of them. Does not own: the lines as such (`sshd.ts` shares them).
 * Invariants: comments, order, spacing around `=` and ends of lines stay; a value that a shell reads is one word that means itself;
 * statements that go on over several lines are left alone.
 */
import { Refused } from "../../outcome.ts"
import type { Edits } from "./Edit.ts"
import { type Line, insertedAt, join, replaced, split } from "./sshd.ts"

interface Rules {
  readonly sections: boolean
  readonly shell: boolean
}

interface Assignment {
  readonly n: number
  readonly section: string | null
  readonly value: string
  readonly lead: string
}

export const editLines = (rules: Rules): Edits => ({
  set: (text, { key, value, section }) => {
    if (section !== undefined && !rules.sections)
      throw new Refused({ why: "This kind of file has no sections. Leave the section out." })
    if (value !== value.trim())
      throw new Refused({ why: "The value begins or ends with a space, which such files do not keep." })
    const lines = split(text)
    const found = assignments(lines, key, rules).filter((one) => section === undefined || one.section === section)
    const [only] = found
    if (found.length > 1)
      throw new Refused({
        why: `${key} stands ${found.length} times${section === undefined && rules.sections ? ", in these sections: " + [...new Set(found.map((one) => one.section ?? "(none)"))].join(", ") : ""}, so it is not clear which one is meant.${section === undefined && rules.sections ? " Name the section." : " Use config.write."}`
      })
    const written = rules.shell ? shellWord(value) : value
    if (only !== undefined) {
      refuseContinued(lines, only.n, key)
      return {
        text: join(replaced(lines, only.n, `${only.lead}${written}`)),
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

const assignments = (lines: ReadonlyArray<Line>, key: string, rules: Rules): ReadonlyArray<Assignment> => {
  const found: Array<Assignment> = []
  let section: string | null = null
  for (const [n, { text }] of lines.entries()) {
    section = (rules.sections ? sectionName(text) : undefined) ?? section
    const match = /^(\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*)(.*)$/u.exec(text.trimEnd())
    if (match !== null && match[2] === key) found.push({ n, section, value: match[3] ?? "", lead: match[1] ?? "" })
  }
  return found
}

const sectionName = (text: string): string | undefined => /^\s*\[([^\]]+)\]\s*(?:[;#].*)?$/u.exec(text)?.[1]?.trim()

const refuseContinued = (lines: ReadonlyArray<Line>, n: number, key: string): void => {
  if (lines[n]?.text.endsWith("\\") || /^[ \t]+[^\s#;=[]+[^=]*$/u.test(lines[n + 1]?.text ?? ""))
    throw new Refused({ why: `${key} goes on over several lines. Use config.write.` })
}

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
  if (hint !== undefined && another === undefined) return insertedAt(lines, hint + 1, statement)
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
