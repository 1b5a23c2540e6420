/**
 * The last lines of a file below /var/log.
 *
 * Owns: reading it from its end. Does not own: the journal (`journal.ts`), how files are opened (`file/open.ts`).
 * Invariants: the file lies below /var/log wherever links lead; what is looked for is looked for literally; only the end of a large
 * file is read, and that is said.
 */
import { openPlain, readEnd } from "../file/open.ts"
import { cleanLine, listBytes } from "../text/clean.ts"
import { mark, mask } from "../text/mask.ts"

const window = 16 * 1024 * 1024
const lineLimit = 4_000
/** Bytes of one line in which a text is looked for. */
const searched = 64 * 1024

export interface FileTail {
  readonly path: string
  readonly lines: ReadonlyArray<string>
  /** False: the file has more before what was read. */
  readonly complete: boolean
}

export const tailLogFile = async (
  path: string,
  query: { readonly lines: number; readonly text?: string },
  roots: ReadonlyArray<string>,
  own: ReadonlyArray<string>
): Promise<FileTail> => {
  const opened = await openPlain(path, { roots, own })
  try {
    const { bytes, more } = await readEnd(opened.handle, window)
    const found = linesFromEnd(bytes, query.lines, query.text, more)
    return { path: opened.path, lines: found, complete: !more || found.length >= query.lines }
  } finally {
    await opened.handle.close()
  }
}

/** Oldest first. The first line of a window that begins inside the file is only half of one. */
export const linesFromEnd = (
  bytes: Buffer,
  count: number,
  text: string | undefined,
  more: boolean
): ReadonlyArray<string> => {
  const found: Array<string> = []
  let kept = 0
  let end = bytes.length > 0 && bytes[bytes.length - 1] === 0x0a ? bytes.length - 1 : bytes.length
  // a key is told by its first and last lines only: one that has no last line goes on to the end of the file
  let inKey = bytes.lastIndexOf("-----BEGIN ") > bytes.lastIndexOf("-----END ")
  while (end >= 0 && found.length < count && bytes.length > 0) {
    const at = end === 0 ? -1 : bytes.lastIndexOf(0x0a, end - 1)
    if (at === -1 && more) break
    const whole = bytes.subarray(at + 1, Math.min(end, at + 1 + searched)).toString("utf8")
    if (keyBegins.test(whole)) inKey = false
    const line = inKey && whole !== "" ? mark : mask(whole)
    if (keyEnds.test(whole)) inKey = !keyBegins.test(whole)
    // looked for in what may be told: whoever guesses a secret must not learn that it is there
    if (text === undefined || line.includes(text)) {
      // those that will not fit are only counted
      found.push(kept > listBytes ? "" : cleanLine(line, lineLimit))
      kept += line.length
    }
    if (at === -1) break
    end = at
  }
  return found.toReversed()
}

const keyBegins = /-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|OPENSSH|PGP)/u
const keyEnds = /-----END [A-Z0-9 ]{0,40}(?:PRIVATE KEY|OPENSSH|PGP)/u
