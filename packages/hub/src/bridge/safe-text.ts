/**
 * Text of models and tasks, made harmless for whatever terminal is on the other side of the wire.
 *
 * Invariant: no control character but line feed and tab leaves here, so no escape sequence can.
 */
// oxlint-disable-next-line no-control-regex
const harmful = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/gu

export const safeText = (text: string): string => text.replaceAll("\r\n", "\n").replaceAll(harmful, "").toWellFormed()
