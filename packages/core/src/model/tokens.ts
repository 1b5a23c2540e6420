/**
 * How many tokens a text is, about.
 *
 * Owns: the estimate, on the safe side. Does not own: what providers counted (usage), windows (Catalog).
 * Invariant: pure and linear; rather too many than too few, for what does not fit is refused after it was sent.
 */

/** Tokens per UTF-16 code unit, by the kind of character. */
const letter = 0.28
const sign = 0.5
const otherAlphabet = 0.55
const ideograph = 1.1
const half = 1.5

export const tokensOf = (text: string): number => {
  let sum = 0
  for (let i = 0; i < text.length; i++) sum += weightOf(text.charCodeAt(i))
  return Math.ceil(sum)
}

const weightOf = (unit: number): number => {
  // spaces and ASCII letters
  if (unit === 0x20 || (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a)) return letter
  if (unit < 0x80) return sign
  if (unit < 0x700) return otherAlphabet // accents, Greek, Cyrillic, Hebrew, Arabic
  if (unit >= 0xd800 && unit <= 0xdfff) return half // emoji and rare ideographs
  return ideograph
}
