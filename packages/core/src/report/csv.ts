/**
 * Rows as CSV (RFC 4180): for spreadsheets, so nothing in it may act.
 *
 * Invariants: quotes, commas and line breaks survive; a text that a spreadsheet would take as a formula begins with an apostrophe.
 */
import type { Cell, Rows } from "./reports.ts"

export const toCsv = ({ columns, rows }: Rows): string =>
  [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("")

const field = (value: Cell): string => {
  if (value === null) return ""
  if (typeof value !== "string") return String(value)
  const safe = /^[\s]*[=+\-@\t\r]/u.test(value) && !/^[+-]?\d+(\.\d+)?$/u.test(value) ? `'${value}` : value
  return /[",\r\n]/u.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}
