/**
 * Cuts a stream of bytes into lines.
 *
 * Owns: finding the lines of chunks cut anywhere, and each line's place. Does not own: reading files, meaning of lines.
 * Invariants: pure; a multi-byte character cut by a chunk is whole in its line; the offset of a line is that of its first byte
 * in the file, so it depends on the bytes alone and never on the chunks; memory is bounded by `lineLimit`.
 */

/** Bytes of a line that are kept; what is longer is cut and marked. */
export const lineLimit = 1024 * 1024

export interface Line {
  /** Of the line's first byte in the stream. */
  readonly offset: number
  /** Bytes including its newline: the next line begins at offset + bytes. */
  readonly bytes: number
  /** Without newline and without the carriage return before it; bytes that are not UTF-8 become U+FFFD. */
  readonly text: string
  /** The line was longer than `lineLimit`: `text` is its beginning. */
  readonly cut: boolean
}

export interface Splitter {
  /** Where the unfinished line begins: everything before it has been told as lines. Start here after a crash. */
  readonly offset: number
  /** The unfinished line's bytes, at most `lineLimit`. */
  readonly kept: Uint8Array
  /** All bytes of the unfinished line, kept or not. */
  readonly bytes: number
}

const nothing = new Uint8Array(0)
const newline = 0x0a

export const splitterAt = (offset: number): Splitter => ({ offset, kept: nothing, bytes: 0 })

export const split = (
  state: Splitter,
  chunk: Uint8Array
): { readonly state: Splitter; readonly lines: ReadonlyArray<Line> } => {
  const lines: Array<Line> = []
  let { offset, kept, bytes } = state
  let at = 0
  for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, at)) {
    const whole = bytes + (end - at)
    lines.push({ offset, bytes: whole + 1, text: decode(join(kept, chunk, at, end), true), cut: whole > lineLimit })
    offset += whole + 1
    kept = nothing
    bytes = 0
    at = end + 1
  }
  const rest = chunk.length - at
  return {
    state:
      rest === 0 ? { offset, kept, bytes } : { offset, kept: join(kept, chunk, at, chunk.length), bytes: bytes + rest },
    lines
  }
}

/** The unfinished line as far as its characters are whole; "" when there is none. */
export const unfinished = (state: Splitter): string => (state.bytes === 0 ? "" : decode(state.kept, false))

/** At the end of the stream the unfinished line is a line. */
export const last = (state: Splitter): Line | undefined =>
  state.bytes === 0
    ? undefined
    : { offset: state.offset, bytes: state.bytes, text: decode(state.kept, true), cut: state.bytes > lineLimit }

/** Copies: a chunk's memory may be used again by whoever read it. */
const join = (kept: Uint8Array, chunk: Uint8Array, from: number, to: number): Uint8Array => {
  const take = Math.min(to - from, lineLimit - kept.length)
  if (take <= 0) return kept
  const joined = new Uint8Array(kept.length + take)
  joined.set(kept)
  joined.set(chunk.subarray(from, from + take), kept.length)
  return joined
}

/** `ignoreBOM`: a byte order mark is text of its line, so that no byte is lost. */
const decode = (bytes: Uint8Array, whole: boolean): string => {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: !whole })
  return text.endsWith("\r") ? text.slice(0, -1) : text
}
