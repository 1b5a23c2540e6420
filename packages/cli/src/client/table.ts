/**
 * Tables for people: cleaned, aligned, no wider than the terminal.
 *
 * Invariants: nothing that came from elsewhere can move the cursor or change colors; into a pipe nothing is cut.
 */
import { fit, oneLine, width } from "@signalbox/tui/text.ts"
import { style } from "../paint.ts"

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  /** Takes what the others leave, and is cut first. */
  readonly flexible?: boolean
  /** Cut last: an id that is cut names nothing. */
  readonly keep?: boolean
  readonly color?: (row: Row) => "red" | "green" | "yellow" | "dim" | undefined
}

/** Undefined: as wide as it is. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? (process.stdout.columns ?? 80) : undefined

export const table = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  total: number | undefined = terminalWidth()
): string => {
  const reach = total ?? 2000
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row), reach)))
  const natural = columns.map((column, at) =>
    Math.max(width(column.title), ...cells.map((row) => width(row[at] ?? "")))
  )
  const widths = total === undefined ? natural : squeeze(columns, natural, total)
  const line = (parts: ReadonlyArray<string>, paint: (text: string, at: number) => string): string => {
    const fitted = parts.map((text, at) => paint(fit(text, widths[at] ?? 0), at)).join("  ")
    return fitted.trimEnd()
  }
  const heading = line(
    columns.map((column) => column.title),
    (text) => style("dim", text)
  )
  const body = rows.map((row, index) =>
    line(cells[index] ?? [], (text, at) => {
      const color = columns[at]?.color?.(row)
      return color === undefined ? text : style(color, text)
    })
  )
  return [heading, ...body].join("\n")
}

/** Takes from flexible columns first, then from the widest of the others, from kept ones last. */
const squeeze = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  natural: ReadonlyArray<number>,
  total: number
): ReadonlyArray<number> => {
  const widths = [...natural]
  let over = widths.reduce((sum, one) => sum + one, 2 * (columns.length - 1)) - total
  const rounds: ReadonlyArray<readonly [(column: Column<Row>) => boolean, number]> = [
    [(column) => column.flexible === true, 12],
    [(column) => column.keep !== true && column.flexible !== true, 4],
    [(column) => column.flexible === true, 4],
    [() => true, 1]
  ]
  for (const [takes, least] of rounds) {
    while (over > 0) {
      let widest = -1
      for (const [at, column] of columns.entries())
        if (takes(column) && (widths[at] ?? 0) > Math.max(least, widths[widest] ?? 0)) widest = at
      if (widest < 0) break
      widths[widest] = (widths[widest] ?? 0) - 1
      over--
    }
  }
  return widths
}

/** "name  value" lines; values that are empty are left out. */
export const facts = (pairs: ReadonlyArray<readonly [string, string | number | null | undefined]>): string => {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
  const widest = Math.max(0, ...shown.map(([name]) => name.length))
  return shown
    .map(([name, value]) => {
      const lines = String(value)
        .split("\n")
        .map((one) => oneLine(one, 10_000))
      return `${style("dim", name.padEnd(widest))}  ${lines.join(`\n${" ".repeat(widest + 2)}`)}`
    })
    .join("\n")
}
