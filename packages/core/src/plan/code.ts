/** The short code of a plan's hash, for people: as it is shown, and as they type it. Pure; nothing is imported. */
/** First and last four digits, as screens show the hash: 9c41-e07a. */
export const shortCode = (hash: string): string => `${hash.slice(0, 4)}-${hash.slice(-4)}`

/** As people type it: 9C41 E07A, 9c41…e07a, 9c41e07a. */
export const isShortCode = (typed: string, hash: string): boolean =>
  typed.toLowerCase().replaceAll(/[\s.…_-]/gu, "") === shortCode(hash).replace("-", "")
