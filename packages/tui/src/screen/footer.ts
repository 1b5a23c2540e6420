/**
 * The one line at the bottom: the keys that work here and now.
 *
 * Owns: which hints fit. Does not own: which keys there are (`keymap.ts`), whether what they need is so (`situation.ts`).
 * Invariant: a key that would do nothing now is not shown; when the line is short the highest ranks go first.
 */
import { here, keyName, type Need, type Place } from "../keymap.ts"
import { type Row, exactly, rowWidth, say } from "../row.ts"
import { hint } from "../theme.ts"

export const footer = (place: Place, holds: (need: Need) => boolean, columns: number): Row => {
  const offered = here(place).filter((b) => b.footer !== undefined && (b.need === undefined || holds(b.need)))
  const hints = offered.map((b) => ({
    rank: b.footer?.rank ?? 0,
    row: hint(keyName(b.keys[0] ?? ""), b.footer?.text ?? "")
  }))
  let kept = hints
  while (kept.length > 1 && total(kept) > columns) {
    const worst = Math.max(...kept.map((h) => h.rank))
    const last = kept.findLastIndex((h) => h.rank === worst)
    kept = kept.filter((_, i) => i !== last)
  }
  return exactly([say(" "), ...kept.flatMap((h, i): Row => (i === 0 ? h.row : [say("  "), ...h.row]))], columns)
}

const total = (hints: ReadonlyArray<{ readonly row: Row }>): number =>
  hints.reduce((sum, h) => sum + rowWidth(h.row) + 2, 0)
