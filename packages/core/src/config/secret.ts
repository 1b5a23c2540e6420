/**
 * Takes known secret values out of text before it is shown, logged or stored.
 *
 * Owns: the set of known values and the replacing. Does not own: where secrets come from, text in chunks (who cuts text must
 * keep `longest - 1` characters back).
 * Invariants: a value is found in the forms in which it travels (raw, inside JSON, percent-encoded); values under eight characters
 * are not taken, because they would eat ordinary words.
 */
import { Context } from "effect"

export const MASK = "[secret]"
const SHORTEST = 8

export interface SecretSet {
  readonly add: (value: string) => void
  readonly scrub: (text: string) => string
  /** Length of the longest form. */
  readonly longest: () => number
}

export const makeSecretSet = (values: Iterable<string> = []): SecretSet => {
  let forms: ReadonlyArray<string> = []
  const add = (value: string): void => {
    if (value.length < SHORTEST) return
    const all = new Set([...forms, value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())])
    // the longest first: one secret may be the beginning of another
    forms = [...all].toSorted((a, b) => b.length - a.length)
  }
  for (const value of values) add(value)
  const scrub = (text: string): string =>
    forms.reduce((clean, form) => (clean.includes(form) ? clean.replaceAll(form, MASK) : clean), text)
  return { add, scrub, longest: () => forms[0]?.length ?? 0 }
}

/** The secrets this process knows; loggers and edges scrub with it. */
export const Secrets = Context.Reference<SecretSet>("@signalbox/core/config/Secrets", {
  defaultValue: () => processSecrets
})
const processSecrets = makeSecretSet()
