/**
 * Text of strangers made fit for screens and JSON: no control characters, no terminal sequences, no direction overrides, no end.
 *
 * Owns: what is taken out and how text is cut. Does not own: secrets (`mask.ts`).
 * Invariants: the result of `clean` is one line without any character of category Cc; cutting never leaves half of a character.
 */

// CSI, OSC (to BEL or ST), other two-character escapes
const escapes =
  // oxlint-disable-next-line no-control-regex -- control characters are the very subject
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])?/gu
/** Characters that turn the direction of what follows, and those that cannot be seen. */
const invisible = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** Cc, and halves of characters, which no encoding has. */
const controls = /\p{Cc}|\p{Cs}/gu

/** One line: breaks and tabs become spaces, other control characters go. */
export const clean = (text: string, limit: number): string =>
  cut(
    text
      .slice(0, limit * 4)
      .replace(escapes, "")
      .replace(/\s+/gu, " ")
      .replace(controls, "")
      .replace(invisible, "")
      .trim(),
    limit
  )

/** The same for one line of a log or a file, whose spaces and tabs mean something. */
export const cleanLine = (text: string, limit: number): string =>
  cut(
    text
      .slice(0, limit * 4)
      .replace(escapes, "")
      .replace(controls, (one) => (one === "\t" ? one : ""))
      .replace(invisible, ""),
    limit
  )

/** The same for several lines. */
export const cleanLines = (text: string, limit: number): string =>
  cut(
    text
      .slice(0, limit * 4)
      .replaceAll("\r\n", "\n")
      .replace(escapes, "")
      .replace(controls, (one) => (one === "\t" || one === "\n" ? one : ""))
      .replace(invisible, ""),
    limit
  )

const cut = (text: string, limit: number): string => {
  if (text.length <= limit) return text
  const end = /[\ud800-\udbff]/u.test(text[limit - 2] ?? "") ? limit - 2 : limit - 1
  return `${text.slice(0, end)}…`
}

/** As many of the items as fit into a number of bytes of JSON, and whether some were left out. */
export const fitting = <T>(
  items: ReadonlyArray<T>,
  bytes: number
): { readonly items: ReadonlyArray<T>; readonly left: number } => {
  let used = 0
  for (const [n, item] of items.entries()) {
    used += Buffer.byteLength(JSON.stringify(item)) + 1
    if (used > bytes) return { items: items.slice(0, n), left: items.length - n }
  }
  return { items, left: 0 }
}

/** Of lists in a result, so that the whole stays well below what one result may carry. */
export const listBytes = 160 * 1024
