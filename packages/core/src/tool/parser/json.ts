/**
 * Reading JSON of a program that may change its format tomorrow.
 *
 * Owns: total readers of lines and fields, and making foreign text harmless. Does not own: any vendor's events.
 * Invariants: nothing throws; a field of another type is an absent field; text that leaves this file holds no escape sequences,
 * no control characters, no lone surrogates and no direction overrides.
 */
import { Option, Schema } from "effect"

export type Fields = Readonly<Record<string, unknown>>

/** A line longer than this is not read. */
export const jsonLineLimit = 1024 * 1024

const decodeFields = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const isFields = Schema.is(Schema.Record(Schema.String, Schema.Unknown))
const isList = Schema.is(Schema.Array(Schema.Unknown))
const isCount = Schema.is(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
const isAmount = Schema.is(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)))

/** A line as a JSON object; undefined when it is anything else. */
export const readLine = (line: string): Fields | undefined => {
  if (line.length > jsonLineLimit || !/^\s*\{/u.test(line)) return undefined
  return Option.getOrUndefined(decodeFields(line))
}

const field = (from: Fields | undefined, name: string): unknown =>
  from !== undefined && Object.hasOwn(from, name) ? from[name] : undefined

export const raw = field

export const object = (from: Fields | undefined, name: string): Fields | undefined => {
  const value = field(from, name)
  return isFields(value) && !Array.isArray(value) ? value : undefined
}

export const objects = (from: Fields | undefined, name: string): ReadonlyArray<Fields> => {
  const value = field(from, name)
  return isList(value) ? value.filter((one): one is Fields => isFields(one) && !Array.isArray(one)) : []
}

/** Verbatim: for comparing and for `clean` later. */
export const string = (from: Fields | undefined, name: string): string | undefined => {
  const value = field(from, name)
  return typeof value === "string" ? value : undefined
}

export const strings = (from: Fields | undefined, name: string): ReadonlyArray<string> => {
  const value = field(from, name)
  return isList(value) ? value.filter((one): one is string => typeof one === "string") : []
}

export const count = (from: Fields | undefined, name: string): number | undefined => {
  const value = field(from, name)
  return isCount(value) ? value : undefined
}

export const amount = (from: Fields | undefined, name: string): number | undefined => {
  const value = field(from, name)
  return isAmount(value) ? value : undefined
}

/** The text of "content" as a string or as blocks of text. */
export const textOf = (from: Fields | undefined, name: string): string | undefined =>
  string(from, name) ??
  (isList(field(from, name))
    ? objects(from, name)
        .map((block) => string(block, "text") ?? "")
        .join("\n")
    : undefined)

// ── Harmless text ──────────────────────────────────────────────────────────────────────────────────────────────────────────

// CSI, then OSC/DCS/APC/PM/SOS with its end (or the rest, when it has none), then other two-character escapes.
const escapes =
  // oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]?|(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)?|\u001B[ -/]*[0-~]?/gu

// Control characters but tab and newline, and what reorders or hides text.
const controls =
  // oxlint-disable-next-line no-control-regex -- as above
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu

/** Safe for a terminal and for the log; line breaks stay. */
export const clean = (text: string): string =>
  text.replaceAll("\r\n", "\n").replaceAll(escapes, "").replaceAll("\r", "\n").replaceAll(controls, "").toWellFormed()

/** One line for the screen. */
export const oneLine = (text: string, limit = 200): string => {
  const line = clean(text.length > limit * 8 ? text.slice(0, limit * 8) : text)
    .replaceAll(/\s+/gu, " ")
    .trim()
  return line.length > limit ? `${line.slice(0, limit - 1).toWellFormed()}…` : line
}

/** An answer is kept whole up to here; the output on the host has the rest. */
export const answerLimit = 64 * 1024

export const answerOf = (text: string): string => {
  const harmless = clean(text.length > answerLimit * 2 ? text.slice(0, answerLimit * 2) : text)
  return harmless.length > answerLimit
    ? `${harmless.slice(0, answerLimit).toWellFormed()}\n[… the answer goes on]`
    : harmless
}

/** Identifiers: short, one line, no blanks. */
export const idOf = (text: string | undefined): string | undefined => {
  const id = text === undefined ? "" : oneLine(text, 256).replaceAll(" ", "")
  return id === "" ? undefined : id
}
