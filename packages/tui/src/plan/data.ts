/**
 * Whatever an agent answered, as rows: names and values, lists of like things as columns. The same in terminal and command line.
 *
 * Owns: that rendering. Does not own: widths of screens, how much is shown, whether dim is drawn.
 * Invariants: pure; nothing of what a host said, its field names included, leaves here with a control character; one answer is
 * rendered once; sizes and times are for people here, and to the digit in the JSON.
 */
import type { Schema } from "effect"
import { bytes, duration } from "../format.ts"
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
/** The catalogue's answers name sizes `…Bytes` and give times in seconds. */
const isBytes = (name: string): boolean => /^bytes$|Bytes$/u.test(name)
const valueText = (name: string, value: Schema.Json | undefined): string => {
  if (typeof value !== "number") return plainText(value)
  if (isBytes(name)) return bytes(value)
  return name === "uptime" ? duration(value * 1000) : String(value)
}
const plainName = (name: string): string => oneLine(name, 100)

const isFields = (value: Schema.Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** @param under the name that it stands under, where it has one */
const rowsOf = (value: Schema.Json, depth: number, under = ""): ReadonlyArray<Row> => {
  if (typeof value === "string") return value.split("\n").map((line): Row => [say(plainLine(line))])
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isFields)) return columnsOf(value)
    return value.flatMap((one: Schema.Json) => rowsOf(one, depth + 1, under))
  }
  if (!isFields(value)) return [[say(plainText(value))]]
  const entries = Object.entries(value)
    .filter(([, one]) => one !== null)
    .map(([name, one]) => [plainName(name), one, isBytes(under) ? under : name] as const)
  const widest = Math.min(widestName, Math.max(0, ...entries.map(([name]) => name.length)))
  return entries.flatMap(([name, one, kind]): ReadonlyArray<Row> => {
    const short = (text: string): ReadonlyArray<Row> => [[say(name.padEnd(widest), dim), say(`  ${text}`)]]
    if (Array.isArray(one) && one.length === 0) return short("none")
    if (Array.isArray(one) && one.length <= 8 && one.every((each) => typeof each === "number"))
      return short(one.map((each) => valueText(kind, each)).join("  "))
    const long = (typeof one === "string" && one.includes("\n")) || (typeof one === "object" && one !== null)
    if (!long || depth > 3) return short(valueText(kind, one))
    return [[say(name, dim)], ...rowsOf(one, depth + 1, kind).map((row): Row => [say("  "), ...row])]
  })
}

const mostChanges = 8
const longestChange = 40
const short = (value: Schema.Json | undefined): string => {
  const text = plainText(value)
  if (/^[0-9a-f]{32,}$/u.test(text)) return `${text.slice(0, 8)}…`
  return text.length <= longestChange ? text : `${text.slice(0, longestChange - 1)}…`
}

/** What is other than it was, of an act that told both: `mainPid 44 → 643`. */
export const changes = (data: Schema.Json): ReadonlyArray<string> | undefined => {
  if (!isFields(data)) return undefined
  const { before, after } = data
  if (!isFields(before) || !isFields(after)) return undefined
  return Object.keys(after)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `${plainName(name)} ${short(before[name]) || "nothing"} → ${short(after[name]) || "nothing"}`)
    .slice(0, mostChanges)
}

const columnsOf = (rows: ReadonlyArray<Fields>): ReadonlyArray<Row> => {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const titles = names.map(plainName)
  const cells = rows.map((row) => names.map((name) => valueText(name, row[name])))
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
