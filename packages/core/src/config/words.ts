/**
 * What schemas say, in a person's words.
 *
 * Owns: the translation of effect's "Expected …". Does not own: which thing was refused; the sentence around.
 */

/** "Expected a value between 1 and 9" becomes "must be a value between 1 and 9"; what is no such message stays. */
export const mustBe = (message: string): string => {
  if (!message.startsWith("Expected ")) return message
  const what = message.slice("Expected ".length)
  const [, bound, length] = /^a value with a length of at (least|most) (\d+)$/u.exec(what) ?? []
  if (bound === undefined) return `must be ${inWords(what)}`
  return bound === "most"
    ? `must not be longer than ${length}`
    : length === "1"
      ? "must not be empty"
      : `must not be shorter than ${length}`
}

/** The names of types, as a person calls them. */
export const inWords = (text: string): string =>
  text.replaceAll(/a string representing (a finite|an?) (number|integer)/gu, "a number")
