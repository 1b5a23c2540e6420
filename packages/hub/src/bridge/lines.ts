/**
 * From bytes to lines.
 *
 * Owns: cutting at `\n` or `\r\n`, the limit, what is not text. Does not own: the socket (`wire.ts`), what a line means.
 * Invariants: holds at most one line of `limit` bytes, however much comes without an end; a line that is too long, not UTF-8 or
 * holds control characters is told as such in its place and never given on in part.
 */
export type Line = { readonly _tag: "Text"; readonly text: string } | { readonly _tag: "Bad"; readonly reason: string }

/** @param limit bytes of a line without its end */
export const makeLines = (limit: number): ((chunk: Uint8Array) => ReadonlyArray<Line>) => {
  let parts: Array<Uint8Array> = []
  let size = 0
  return (chunk) => {
    const lines: Array<Line> = []
    let from = 0
    while (from < chunk.length) {
      const end = chunk.indexOf(newline, from)
      const part = chunk.subarray(from, end === -1 ? chunk.length : end)
      size += part.length
      // one byte more than a line may have is kept, for a carriage return
      if (size <= limit + 1) parts.push(end === -1 ? part.slice() : part)
      else parts = []
      if (end === -1) break
      lines.push(size > limit + 1 ? tooLong(limit) : lineOf(Buffer.concat(parts), limit))
      parts = []
      size = 0
      from = end + 1
    }
    return lines
  }
}

const newline = 0x0a
const utf8 = new TextDecoder("utf-8", { fatal: true })
// oxlint-disable-next-line no-control-regex
const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/u

const lineOf = (bytes: Buffer, limit: number): Line => {
  const whole = bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes
  if (whole.length > limit) return tooLong(limit)
  try {
    const text = utf8.decode(whole)
    return control.test(text)
      ? { _tag: "Bad", reason: "The line holds control characters and was not read. Send plain text." }
      : { _tag: "Text", text }
  } catch {
    return { _tag: "Bad", reason: "The line is not UTF-8 and was not read. Send plain text." }
  }
}

const tooLong = (limit: number): Line => ({
  _tag: "Bad",
  reason: `The line is longer than ${limit / 1024} KiB and was not read. Break it; """ begins and ends a message of several lines.`
})
