/**
 * Color, and columns.
 *
 * Invariants: color is for a terminal that wants it; nothing is imported, because commands that only read begin at once.
 */
type Style = "bold" | "dim" | "red" | "green" | "yellow"
const codes: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39]
}

/** Colour is for a terminal that wants it: not with NO_COLOR set to anything, TERM=dumb, or a pipe. */
export const wantsColor = (stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb"

export const style = (kind: Style, text: string): string => {
  if (!wantsColor(process.stdout, process.env)) return text
  const [on, off] = codes[kind]
  return `\u001b[${on}m${text}\u001b[${off}m`
}

/** Columns of equal width, two spaces apart; the last one as it is. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths: Array<number> = []
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  "))
    .join("\n")
}
