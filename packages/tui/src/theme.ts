/**
 * What a state looks like: a glyph, a word and a color, never color alone; and whether there is color at all.
 *
 * Owns: the palette (the 16 colors every terminal has) and the decision on color. Does not own: which states exist (core).
 * Invariant: nothing may be told by color, bold, dim or inverse only, for all of them vanish under NO_COLOR.
 */
import { fit } from "./text.ts"
import { type Color, type Row, type Span, say } from "./row.ts"

export interface Mark {
  readonly glyph: string
  readonly word: string
  readonly color: Color
}

const marks: Readonly<Record<string, Mark>> = {
  queued: { glyph: "◌", word: "queued", color: "gray" },
  starting: { glyph: "◌", word: "starting", color: "cyan" },
  running: { glyph: "▸", word: "running", color: "cyan" },
  waiting: { glyph: "?", word: "waiting", color: "yellow" },
  succeeded: { glyph: "✓", word: "done", color: "green" },
  failed: { glyph: "✗", word: "failed", color: "red" },
  killed: { glyph: "◼", word: "killed", color: "magenta" },
  timed_out: { glyph: "⏱", word: "timed out", color: "red" },
  interrupted: { glyph: "↯", word: "interr.", color: "yellow" },
  lost: { glyph: "…", word: "lost", color: "yellow" },
  unknown: { glyph: "…", word: "unknown", color: "yellow" },
  reachable: { glyph: "●", word: "reachable", color: "green" },
  unreachable: { glyph: "✗", word: "unreachable", color: "red" },
  refused: { glyph: "✗", word: "refused", color: "red" },
  checking: { glyph: "◌", word: "checking", color: "cyan" },
  replying: { glyph: "▸", word: "replying", color: "cyan" },
  idle: { glyph: "○", word: "idle", color: "gray" },
  archived: { glyph: "▫", word: "archived", color: "gray" },
  asked: { glyph: "◌", word: "asking", color: "cyan" },
  "not-understood": { glyph: "✗", word: "unclear", color: "yellow" },
  previewed: { glyph: "▫", word: "dry run", color: "gray" },
  proposed: { glyph: "?", word: "waiting", color: "yellow" },
  approved: { glyph: "◌", word: "approved", color: "cyan" },
  rejected: { glyph: "◼", word: "rejected", color: "magenta" },
  expired: { glyph: "⏱", word: "expired", color: "red" },
  cancelled: { glyph: "◼", word: "stopped", color: "magenta" },
  skipped: { glyph: "–", word: "skipped", color: "gray" },
  pending: { glyph: "◌", word: "waiting", color: "gray" },
  asking: { glyph: "◌", word: "checking", color: "cyan" },
  dispatched: { glyph: "▸", word: "sent", color: "cyan" },
  accepted: { glyph: "▸", word: "acting", color: "cyan" },
  "rolled-back": { glyph: "↩", word: "rolled back", color: "red" },
  online: { glyph: "●", word: "online", color: "green" },
  offline: { glyph: "○", word: "offline", color: "red" },
  unchecked: { glyph: "◌", word: "not checked", color: "gray" }
}

export const mark = (state: string): Mark => marks[state] ?? { glyph: "…", word: state, color: "yellow" }
export const knownStates: ReadonlyArray<string> = Object.keys(marks)

/** The width of the longest state word in lists. */
export const wordWidth = 9

/** A key and what it does, as footers and helps show it. */
export const hint = (key: string, what: string): Row => [say(key, { bold: true }), say(` ${what}`, { dim: true })]

export const label = (name: string, columns: number): Span => say(`${fit(name, columns - 1)} `, { dim: true })

/**
 * What must be so before Ink and React are loaded. Ink's color library does not know NO_COLOR (https://no-color.org: present and
 * not empty means no color). React's development build costs a third more per frame.
 */
export const settleEnvironment = (env: Record<string, string | undefined>): void => {
  if ((env["NO_COLOR"] ?? "") !== "") env["FORCE_COLOR"] = "0"
  env["NODE_ENV"] ??= "production"
}
