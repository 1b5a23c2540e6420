/**
 * Pieces of text on their way: what can be stored and sent unchanged, cut where it may be cut.
 *
 * Owns: making a model's text storable, cutting it, putting pieces together again. Does not own: where pieces go.
 * Invariants: pure; every function keeps offsets (UTF-16 code units) as they are; no cut splits a surrogate pair.
 */
import type { Schema } from "effect"

/** NUL and lone halves of pairs cannot be stored; each becomes one replacement character, so that no offset moves. */
export const storableText = (text: string): string => text.replaceAll("\0", "\uFFFD").toWellFormed()

/** Where at or before `at` the text may be cut. */
export const cutAt = (text: string, at: number): number => {
  const before = text.charCodeAt(at - 1)
  return at > 0 && at < text.length && before >= 0xd800 && before <= 0xdbff ? at - 1 : at
}

/** What of `text` may go now, when more may come: half of a pair at its end waits for its other half. */
export const ready = (text: string): { readonly now: string; readonly later: string } => {
  const last = text.charCodeAt(text.length - 1)
  const at = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length
  return { now: text.slice(0, at), later: text.slice(at) }
}

/** Parts that each take at most `bytes` as a JSON string in UTF-8. @param bytes at least 16 */
export const splitByBytes = (text: string, bytes: number): ReadonlyArray<string> => {
  if (text.length * 6 <= bytes || Buffer.byteLength(JSON.stringify(text)) <= bytes) return [text]
  const middle = cutAt(text, Math.ceil(text.length / 2))
  return [...splitByBytes(text.slice(0, middle), bytes), ...splitByBytes(text.slice(middle), bytes)]
}

export interface TextPiece {
  readonly from: number
  readonly text: string
}

/** `text` with what the piece adds at its end; undefined: there is a gap before the piece. */
export const joined = (text: string, piece: TextPiece): string | undefined => {
  if (piece.from > text.length) return undefined
  return piece.from + piece.text.length <= text.length ? text : text + piece.text.slice(text.length - piece.from)
}

/** JSON that the log takes: texts made storable, numbers that are not exact as text. Other than that unchanged. */
export const storableJson = (value: Schema.Json, depth = 1): Schema.Json => {
  if (typeof value === "string") return storableText(value)
  if (typeof value === "number")
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? value : String(value)
  if (typeof value !== "object" || value === null) return value
  if (depth > deepest) return storableText(deepText(value))
  if (Array.isArray(value)) return value.map((one: Schema.Json) => storableJson(one, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [storableText(key), storableJson(one, depth + 1)])
  )
}
/** The log takes 100 levels, the event's own included. */
const deepest = 90
/** Of what was nested thousands of levels deep on purpose, nobody wants to read the rest. */
const deepText = (value: Schema.Json): string => {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    if (cause instanceof RangeError) return "(nested too deeply)"
    throw cause
  }
}
