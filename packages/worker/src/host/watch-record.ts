/**
 * The watcher's protocol: bytes in, records out, however they are cut.
 *
 * Owns: the parser. Does not own: the watchers (`script/watch-*.ts`), the connection (`watch.ts`).
 * Invariants: pure but for its own buffer; offsets are bytes and a character cut in two stays two byte pieces; output that lies
 * whole in one chunk is passed on without a copy; nothing that is not of the protocol is guessed at; at most 1 MiB is held.
 */
import { frameStart, isTaskId } from "./reply.ts"

export type WatchRecord =
  | { readonly _tag: "Started"; readonly id: string; readonly pid: number; readonly bootId: string }
  | {
      readonly _tag: "Output"
      readonly id: string
      readonly stream: "out" | "err"
      readonly offset: number
      readonly bytes: Uint8Array
    }
  /** The file has become shorter: what follows starts at 0 again. */
  | { readonly _tag: "Truncated"; readonly id: string; readonly stream: "out" | "err"; readonly size: number }
  | { readonly _tag: "Exited"; readonly id: string; readonly code: number; readonly at: number }
  | { readonly _tag: "Beat" }

export type Parsed = { readonly records: ReadonlyArray<WatchRecord>; readonly problem?: string }

const maxRecord = 1024 * 1024
const maxLine = 1024
/** What login files may print before the watcher starts. */
const maxNoise = 64 * 1024

const newline = 10

export const makeWatchParser = (): ((chunk: Uint8Array) => Parsed) => {
  let rest: Uint8Array = new Uint8Array(0)
  let started = false
  let noise = 0
  let broken: string | undefined

  return (chunk) => {
    const records: Array<WatchRecord> = []
    const stop = (problem: string): Parsed => {
      broken = problem
      rest = new Uint8Array(0)
      return { records, problem }
    }
    if (broken !== undefined) return { records, problem: broken }
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(newline, at)
      if (lineEnd < 0) {
        if (bytes.length - at > (started ? maxLine : maxNoise)) return stop("a line without end")
        break
      }
      if (!started) {
        noise += lineEnd - at + 1
        if (noise > maxNoise) return stop("more than 64 KiB before the watcher's first word")
        started = text(bytes, at, lineEnd) === frameStart
        at = lineEnd + 1
        continue
      }
      if (lineEnd - at > maxLine) return stop("a line that is too long")
      const line = text(bytes, at, lineEnd)
      const head = parseLine(line)
      if (head === undefined) return stop(`not of the protocol: ${JSON.stringify(line.slice(0, 80))}`)
      if (head._tag !== "Data") {
        records.push(head)
        at = lineEnd + 1
        continue
      }
      const end = lineEnd + 1 + head.length
      if (end >= bytes.length) break
      if (bytes[end] !== newline) return stop("output that is shorter than it was said to be")
      records.push({
        _tag: "Output",
        id: head.id,
        stream: head.stream,
        offset: head.offset,
        bytes: bytes.subarray(lineEnd + 1, end)
      })
      at = end + 1
    }
    // A copy of the little that is left, so that a large chunk is not kept for it.
    rest = at === bytes.length ? new Uint8Array(0) : Uint8Array.prototype.slice.call(bytes, at)
    return { records }
  }
}

type Head =
  | WatchRecord
  | {
      readonly _tag: "Data"
      readonly id: string
      readonly stream: "out" | "err"
      readonly offset: number
      readonly length: number
    }

const parseLine = (line: string): Head | undefined => {
  if (line === ".") return { _tag: "Beat" }
  const [kind, id = "", a = "", b = "", c = "", d = "", e] = line.split(" ")
  if (!isTaskId(id) || e !== undefined) return undefined
  const stream = a === "out" || a === "err" ? a : undefined
  switch (kind) {
    case "P":
      return count(a) !== undefined && /^[0-9a-f-]{36}$/u.test(c) && count(d) !== undefined
        ? { _tag: "Started", id, pid: Number(a), bootId: c }
        : undefined
    case "D": {
      const offset = count(b)
      const length = count(c)
      return stream === undefined || offset === undefined || length === undefined || length > maxRecord || d !== ""
        ? undefined
        : { _tag: "Data", id, stream, offset, length }
    }
    case "T": {
      const size = count(b)
      return stream === undefined || size === undefined || c !== ""
        ? undefined
        : { _tag: "Truncated", id, stream, size }
    }
    case "X": {
      const code = count(a)
      const at = count(b)
      return code === undefined || code > 255 || at === undefined || c !== ""
        ? undefined
        : { _tag: "Exited", id, code, at }
    }
    default:
      return undefined
  }
}

const count = (word: string): number | undefined => (/^\d{1,15}$/u.test(word) ? Number(word) : undefined)

const text = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1")
