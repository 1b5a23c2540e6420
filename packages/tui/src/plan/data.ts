/**
 * Whatever an agent answered, as rows: names and values, lists of like things as columns. The same in terminal and command line.
 *
 * Owns: that rendering. Does not own: widths of screens, how much is shown, whether dim is drawn.
 * Invariants: pure; nothing of what a host said, its field names included, leaves here with a control character; one answer is
 * rendered once.
 */
import type { Schema } from "effect"
import { type Row, say } from "../row.ts"
import { oneLine } from "../text.ts"

type Fields = { readonly [key: string]: Schema.Json }

const rendered = new WeakMap<object, ReadonlyArray<Row>>()

/** Rows are as long as they are: whoever draws them cuts or breaks them. */
export const dataRows = (data: Schema.Json): ReadonlyArray<Row> => {
  if (typeof data !== "object" || data === null) return rowsOf(data, 0)
  const known = rendered.get(data)
  if (known !== undefined) return known
  const rows = rowsOf(data, 0)
  rendered.set(data, rows)
  return rows
}

/** Of one value on one line, in characters: as long as the longest argument of any action. */
const longest = 20_000
const widestName = 24
const widestCell = 60
const dim = { dim: true } as const

const plainLine = (text: string): string =>
  text.length <= longest
    ? oneLine(text, text.length)
    : `${oneLine(text.slice(0, longest), longest)}… ${text.length - longest} more characters`
const plainText = (value: unknown): string =>
  value === null || value === undefined ? "" : plainLine(typeof value === "string" ? value : JSON.stringify(value))
const plainName = (name: string): string => oneLine(name, 100)

const isFields = (value: Schema.Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const rowsOf = (value: Schema.Json, depth: number): ReadonlyArray<Row> => {
  if (typeof value === "string") return value.split("\n").map((line): Row => [say(plainLine(line))])
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isFields)) return columnsOf(value)
    return value.flatMap((one: Schema.Json) => rowsOf(one, depth + 1))
  }
  if (!isFields(value)) return [[say(plainText(value))]]
  const entries = Object.entries(value)
    .filter(([, one]) => one !== null)
    .map(([name, one]) => [plainName(name), one] as const)
  const widest = Math.min(widestName, Math.max(0, ...entries.map(([name]) => name.length)))
  return entries.flatMap(([name, one]): ReadonlyArray<Row> => {
    const long = (typeof one === "string" && one.includes("\n")) || (typeof one === "object" && one !== null)
    if (!long || depth > 3) return [[say(name.padEnd(widest), dim), say(`  ${plainText(one)}`)]]
    return [[say(name, dim)], ...rowsOf(one, depth + 1).map((row): Row => [say("  "), ...row])]
  })
}

const columnsOf = (rows: ReadonlyArray<Fields>): ReadonlyArray<Row> => {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const titles = names.map(plainName)
  const cells = rows.map((row) => names.map((name) => plainText(row[name])))
  const widths = titles.map((title, at) =>
    cells.reduce((most, row) => Math.min(widestCell, Math.max(most, row[at]?.length ?? 0)), title.length)
  )
  const line = (parts: ReadonlyArray<string>): string =>
    parts
      .map((part, at) => (at === parts.length - 1 ? part : part.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd()
  return [[say(line(titles), dim)], ...cells.map((row): Row => [say(line(row))])]
}
