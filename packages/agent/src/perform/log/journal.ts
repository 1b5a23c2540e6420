/**
 * The journal, line by line, as `journalctl -o json` tells it.
 *
 * Owns: the reading of entries, the limits on lines and bytes. Does not own: files of /var/log (`file.ts`).
 * Invariants: MESSAGE may be text, bytes, several or null, and is text of strangers in each case; the text that is looked for is looked
 * for here, literally, and never as a pattern; nothing after the limits is read.
 */
import { Schema } from "effect"
import { run } from "../child.ts"
import { NotDone } from "../outcome.ts"
import { clean, cleanLine } from "../text/clean.ts"
import { mask } from "../text/mask.ts"
import { sinceArgument } from "./since.ts"

export interface JournalQuery {
  readonly unit?: string
  readonly lines: number
  readonly since?: string
  readonly level?: string
  readonly text?: string
}

export interface JournalLine {
  /** ISO 8601; empty when the entry has none. */
  readonly at: string
  readonly level: string
  readonly source: string
  readonly pid: number | null
  readonly text: string
}

export const levels = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const

const lineLimit = 4_000
/** One entry that is longer than this is passed over: the journal allows 64 MiB and more. */
const entryLimit = 4 * 1024 * 1024
/** Read in all, at most, when a text is looked for. */
const scanLimit = 256 * 1024 * 1024

const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const One = Schema.Union([Schema.String, Bytes, Schema.Null])
const Field = Schema.optionalKey(Schema.Union([One, Schema.Array(One)]))
type Field = typeof Field.Type
const Entry = Schema.fromJsonString(
  Schema.Struct({
    MESSAGE: Field,
    PRIORITY: Field,
    __REALTIME_TIMESTAMP: Field,
    SYSLOG_IDENTIFIER: Field,
    _SYSTEMD_UNIT: Field,
    _COMM: Field,
    _PID: Field
  })
)
const decodeEntry = Schema.decodeUnknownOption(Entry)
const isBytes = Schema.is(Bytes)

/** A field may be there several times: the first counts. */
export const fieldText = (field: Field | undefined): string => {
  if (field === undefined || field === null) return ""
  if (typeof field === "string") return field
  if (isBytes(field)) return Buffer.from(field).toString("utf8")
  return fieldText(field[0])
}

export const journalLine = (json: string): JournalLine | undefined => {
  const decoded = decodeEntry(json)
  if (decoded._tag === "None") return undefined
  const entry = decoded.value
  const micros = Number(fieldText(entry.__REALTIME_TIMESTAMP))
  const at = new Date(Math.floor(micros / 1000))
  const pid = fieldText(entry._PID)
  return {
    at: micros > 0 && Number.isFinite(at.getTime()) ? at.toISOString() : "",
    level: levels[Number(fieldText(entry.PRIORITY) || 6)] ?? "info",
    source: clean(fieldText(entry.SYSLOG_IDENTIFIER) || fieldText(entry._COMM) || fieldText(entry._SYSTEMD_UNIT), 100),
    pid: /^\d{1,10}$/u.test(pid) ? Number(pid) : null,
    text: cleanLine(mask(fieldText(entry.MESSAGE).slice(0, lineLimit * 4)).replaceAll("\n", " ⏎ "), lineLimit)
  }
}

/** Oldest first. */
export const journalTail = async (query: JournalQuery, signal: AbortSignal): Promise<ReadonlyArray<JournalLine>> =>
  (await readJournal(query, signal)).lines

export const readJournal = async (
  query: JournalQuery,
  signal: AbortSignal
): Promise<{ readonly lines: ReadonlyArray<JournalLine>; readonly complete: boolean }> => {
  const { unit, lines, since, level, text } = query
  const args = [
    "--output=json",
    "--no-pager",
    "--quiet",
    "--all",
    "--reverse",
    "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,_COMM,_PID",
    ...(text === undefined ? [`--lines=${lines}`] : []),
    ...(unit === undefined ? [] : [`--unit=${unit}`]),
    ...(level === undefined ? [] : [`--priority=${level}`]),
    ...(since === undefined ? [] : [`--since=${sinceArgument(since, Date.now())}`])
  ]
  const found: Array<JournalLine> = []
  let read = 0
  const take = (json: string): boolean => {
    const line = journalLine(json)
    if (line !== undefined && (text === undefined || line.text.includes(text))) found.push(line)
    return found.length < lines
  }
  const split = splitter("\n", entryLimit, take)
  const ran = await run("journalctl", args, {
    signal,
    timeoutMs: 25_000,
    onChunk: (chunk) => {
      read += chunk.length
      return split(chunk) && read < scanLimit
    }
  })
  if (ran.ended === "by itself" && ran.code !== 0 && found.length === 0)
    throw new NotDone({ why: `journalctl could not read the journal: ${clean(ran.stderr, 500) || `code ${ran.code}`}` })
  const complete = ran.ended === "by itself" || found.length >= lines
  return { lines: found.toReversed(), complete }
}

/** Pieces of a stream between separators; a piece that is longer than the limit is dropped. `false` from `take` ends it. */
export const splitter = (separator: string, limit: number, take: (piece: string) => boolean) => {
  const mark = separator.charCodeAt(0)
  let held: Array<Buffer> = []
  let size = 0
  let dropping = false
  let going = true
  return (chunk: Buffer): boolean => {
    let from = 0
    while (going) {
      const at = chunk.indexOf(mark, from)
      const piece = chunk.subarray(from, at === -1 ? undefined : at)
      size += piece.length
      if (size > limit) {
        dropping = true
        held = []
      }
      if (!dropping) held.push(piece)
      if (at === -1) break
      if (!dropping && size > 0) going = take(Buffer.concat(held).toString("utf8"))
      held = []
      size = 0
      dropping = false
      from = at + 1
    }
    return going
  }
}
