/**
 * Ranks a few hundred names by a few letters, as palettes do.
 *
 * Owns: the score. Does not own: what is ranked.
 * Invariants: every letter of the query must be found in order; equal scores keep the given order; an empty query keeps all.
 */

/** Higher is better; undefined: does not match. Words of the query may match in any order. */
export const score = (query: string, text: string): number | undefined => {
  const hay = text.toLowerCase()
  let total = 0
  for (const word of query.toLowerCase().split(/\s+/u)) {
    if (word === "") continue
    const one = scoreWord(word, hay)
    if (one === undefined) return undefined
    total += one
  }
  return total
}

const scoreWord = (word: string, hay: string): number | undefined => {
  const whole = hay.indexOf(word)
  if (whole >= 0)
    return 1000 - Math.min(whole, 200) + (starts(hay, whole) ? 300 : 0) + (hay.length === word.length ? 200 : 0)
  let at = -1
  let points = 0
  for (const letter of word) {
    const next = hay.indexOf(letter, at + 1)
    if (next < 0) return undefined
    points += next === at + 1 ? 8 : starts(hay, next) ? 10 : -Math.min(next - at, 5)
    at = next
  }
  return points
}

const starts = (hay: string, at: number): boolean => at === 0 || /[\s\-_.:/]/u.test(hay[at - 1] ?? " ")

export const rank = <A>(query: string, rows: ReadonlyArray<A>, text: (row: A) => string): ReadonlyArray<A> => {
  if (query.trim() === "") return rows
  return rows
    .map((row, at) => ({ row, at, score: score(query, text(row)) }))
    .filter((one): one is { row: A; at: number; score: number } => one.score !== undefined)
    .toSorted((a, b) => b.score - a.score || a.at - b.at)
    .map((one) => one.row)
}

/** Does a row hold all these words, whatever their order? For `/` filters, where a near miss only confuses. */
export const holds = (query: string, text: string): boolean => {
  const hay = text.toLowerCase()
  return query
    .toLowerCase()
    .split(/\s+/u)
    .every((word) => hay.includes(word))
}
