/**
 * A message that is being written: text, pastes that are too long to be shown, and the way back through what was written before.
 *
 * Owns: writing, pasting, history, what is sent. Does not own: editing keys (`line.ts`), which key does what, drawing
 * (`composer.ts`).
 * Invariants: what is sent is what was typed and pasted, character by character, without control characters but tabs and line
 * breaks; a long paste is one character of the line, so that it is deleted at once; nothing is ever cut silently.
 */
import { longestMessage } from "@signalbox/core/api/conversations.ts"
import type { EditId } from "../keymap.ts"
import { edit, type Line, line, vertical } from "../line.ts"
import { count } from "../format.ts"

export interface Draft {
  readonly line: Line
  /** What stands for `mark + i` in the line. */
  readonly pastes: ReadonlyArray<string>
  /** How far back in what was written before; with what was being written then. */
  readonly back?: { readonly steps: number; readonly kept: Line }
}

export const emptyDraft: Draft = { line: line(), pastes: [] }

/** Of plane 16, which is private to programs: nobody types these. */
const mark = 0x10_00_00
const marks = /[\u{100000}-\u{10fffd}]/gu
const longPaste = { lines: 10, characters: 2000 }

/** Everything that a message may not have. */
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]|\p{Cs}/gu
const tidy = (text: string): string => text.replace(/\r\n?/gu, "\n").replace(controls, "").replace(marks, "")

export const wholeText = (draft: Draft): string =>
  draft.line.text.replace(marks, (one) => draft.pastes[(one.codePointAt(0) ?? 0) - mark] ?? "")

/** Text with `[pasted 120 lines]` where a paste stands. */
export const shownText = (draft: Draft, text: string): string =>
  text.replace(marks, (one) => `[pasted ${sizeOf(draft.pastes[(one.codePointAt(0) ?? 0) - mark] ?? "")}]`)

const sizeOf = (paste: string): string => {
  const lines = paste.split("\n").length - (paste.endsWith("\n") ? 1 : 0)
  return lines > 1 ? `${count(lines)} lines` : `${count(paste.length)} characters`
}

export type Written = { readonly draft: Draft; readonly problem?: string }

/** Typed text, or a short paste. */
export const write = (draft: Draft, text: string): Written => insert(draft, tidy(text), draft.pastes)

export const paste = (draft: Draft, text: string): Written => {
  const kept = tidy(text)
  const lines = kept.split("\n").length
  if (lines < longPaste.lines && kept.length < longPaste.characters) return insert(draft, kept, draft.pastes)
  return insert(draft, String.fromCodePoint(mark + draft.pastes.length), [...draft.pastes, kept], kept.length)
}

const insert = (draft: Draft, text: string, pastes: Draft["pastes"], weight = text.length): Written => {
  const size = wholeText(draft).length + weight
  if (size > longestMessage) {
    const what = `A message has at most ${count(longestMessage)} characters, and with this it would have ${count(size)}`
    return { draft, problem: `${what}, so it was not taken. Send it in parts, or as a file with signalbox chat.` }
  }
  const { text: before, cursor } = draft.line
  const next = { text: before.slice(0, cursor) + text + before.slice(cursor), cursor: cursor + text.length }
  return { draft: { line: next, pastes } }
}

export const editDraft = (draft: Draft, id: EditId): Draft => ({ ...draft, line: edit(draft.line, id) })

/** What an editor made of it. */
export const fromEditor = (text: string): Written => paste(emptyDraft, text.replace(/\n$/u, ""))

/**
 * Up and down: through the lines of what is written, and beyond the first one through what was written before.
 *
 * @param before oldest first
 */
export const stepDraft = (draft: Draft, by: -1 | 1, before: ReadonlyArray<string>): Draft => {
  const moved = vertical(draft.line, by)
  if (moved !== undefined) return { ...draft, line: moved }
  const steps = (draft.back?.steps ?? 0) - by
  const kept = draft.back?.kept ?? draft.line
  if (steps < 0 || steps > before.length || steps === draft.back?.steps) return draft
  if (steps === 0) return { line: kept, pastes: draft.pastes }
  const found = paste({ ...emptyDraft, pastes: draft.pastes }, before[before.length - steps] ?? "").draft
  return { ...found, back: { steps, kept } }
}

/** A backslash at the very end asks for another line instead of sending. */
export const continued = (draft: Draft): Draft | undefined => {
  const { text, cursor } = draft.line
  if (cursor !== text.length || !text.endsWith("\\")) return undefined
  const next = `${text.slice(0, -1)}\n`
  return { ...draft, line: { text: next, cursor: next.length } }
}
