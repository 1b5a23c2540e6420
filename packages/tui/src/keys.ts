/**
 * From what Ink tells of a key press to the names that the keymap uses: `j G ctrl-k alt-b shift-tab enter pagedown`.
 *
 * Owns: the names. Does not own: their meaning (`keymap.ts`).
 * Invariant: one report of Ink may carry several characters (fast typing, auto-repeat): each becomes a press of its own.
 */
import type { Key } from "ink"

/** A named key, or text that was typed. */
export interface Press {
  readonly key: string
  /** What it would write in a text field; undefined for a key that writes nothing. */
  readonly text?: string
}

const flags = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "pageup"],
  ["pageDown", "pagedown"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["tab", "tab"],
  ["backspace", "backspace"],
  ["delete", "delete"]
] as const satisfies ReadonlyArray<readonly [keyof Key, string]>

export const presses = (input: string, key: Key): ReadonlyArray<Press> => {
  if (key.eventType === "release") return []
  const named = flags.find(([flag]) => key[flag])?.[1]
  const modifiers = `${key.ctrl ? "ctrl-" : ""}${key.meta && named !== "escape" ? "alt-" : ""}`
  if (named !== undefined) return [{ key: `${modifiers}${key.shift ? "shift-" : ""}${named}` }]
  if (modifiers !== "") return input === "" ? [] : [{ key: `${modifiers}${input.toLowerCase()}` }]
  return Array.from(input, single)
}

const controls: Readonly<Record<string, string>> = {
  "\t": "tab",
  "\r": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x1b": "escape"
}

/** Keys that came in one report with others have lost their flags: what is left of tab or enter is the control character. */
const single = (char: string): Press => {
  const code = char.codePointAt(0) ?? 0
  const key = controls[char] ?? (code < 32 ? `ctrl-${String.fromCodePoint(code + 96)}` : undefined)
  return key === undefined ? { key: char === " " ? "space" : char, text: char } : { key }
}
