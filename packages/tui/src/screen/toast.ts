/**
 * What has to be said: errors stay until they are read, notes go by themselves.
 *
 * Owns: the queue and its row. Does not own: the sentences.
 * Invariants: an error is never pushed out by a note; the same sentence twice is one with a count; no more than 20 wait.
 */
import { type Row, say, spread, rowWidth } from "../row.ts"
import { oneLine, wrap } from "../text.ts"

export interface Toast {
  readonly kind: "error" | "note"
  readonly text: string
  readonly times: number
  readonly at: number
}

const most = 20
/** Milliseconds that a note stays. */
export const noteTime = 4000

export const post = (
  toasts: ReadonlyArray<Toast>,
  kind: Toast["kind"],
  text: string,
  now: number
): ReadonlyArray<Toast> => {
  const kept = toasts.filter((t) => t.kind === "error" || kind === "error")
  const same = kept.find((t) => t.kind === kind && t.text === text)
  if (same !== undefined) return kept.map((t) => (t === same ? { ...t, times: t.times + 1, at: now } : t))
  return [...kept, { kind, text, times: 1, at: now }].slice(-most)
}

export const fresh = (toasts: ReadonlyArray<Toast>, now: number): ReadonlyArray<Toast> =>
  toasts.some((t) => t.kind === "note" && now - t.at >= noteTime)
    ? toasts.filter((t) => t.kind === "error" || now - t.at < noteTime)
    : toasts

/** The oldest error, else the newest note: at most three rows, so that what, why and the mend are all read. */
export const toastRows = (toasts: ReadonlyArray<Toast>, columns: number): ReadonlyArray<Row> => {
  const one = toasts.find((t) => t.kind === "error") ?? toasts.at(-1)
  if (one === undefined) return []
  const text = oneLine(one.text, columns * 3) + (one.times > 1 ? ` (${one.times}×)` : "")
  if (one.kind === "note") return [[say(" · "), say(wrap(text, columns - 4)[0] ?? "", { color: "cyan" })]]
  const more = toasts.filter((t) => t.kind === "error").length - 1
  const end: Row = [say(more > 0 ? ` esc: read, ${more} more ` : " esc: read ", { dim: true })]
  const lines = wrap(text, Math.max(10, columns - 4 - rowWidth(end))).slice(0, 3)
  return lines.map((l, i): Row =>
    spread([say(i === 0 ? " ✗ " : "   ", { color: "red" }), say(l, { color: "red" })], i === 0 ? end : [], columns)
  )
}
