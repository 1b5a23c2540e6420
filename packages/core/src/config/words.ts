/**
 * What schemas say, in a person's words.
 *
 * Owns: the translation of effect's "Expected …". Does not own: which thing was refused; the sentence around.
 */

/** "Expected a value between 1 and 9" becomes "must be a value between 1 and 9"; what is no such message stays. */
export const mustBe = (message: string): string =>
  message.startsWith("Expected ") ? `must be ${inWords(message.slice("Expected ".length))}` : message

/** The names of types, as a person calls them. */
export const inWords = (text: string): string =>
  text.replaceAll(/a string representing (a finite|an?) (number|integer)/gu, "a number")
