/**
 * Takes what looks like a secret out of text of machines, before a model or a stranger reads it.
 *
 * Owns: the patterns. Does not own: secrets that this process knows (`config/secret.ts`), where it is applied.
 * Invariants: pure; no pattern takes longer than a text's length allows; when in doubt, it is taken out; what was taken out is marked.
 */

import type { Schema } from "effect"

export const redacted = "[redacted]"

interface Pattern {
  readonly find: RegExp
  readonly put: string
}

export const secretNames =
  "password|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credentials?|authorization|cookie|session[_-]?id"

const patterns: ReadonlyArray<Pattern> = [
  // a key that was cut off is taken out to the end
  { find: /-----BEGIN [A-Z0-9 ]{1,40}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,40}-----|$)/gu, put: redacted },
  { find: /\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?/gu, put: redacted },
  { find: /\b(?:AKIA|ASIA)[0-9A-Z]{12,}/gu, put: redacted },
  { find: /\b(?:sk|pk|rk)[-_][\w-]{12,}/gu, put: redacted },
  { find: /\b(?:gh[pousr]|github_pat|glpat|xox[abeoprs]|sbx|hf|npm)[-_][\w-]{10,}/gu, put: redacted },
  { find: /\bAIza[\w-]{20,}/gu, put: redacted },
  { find: /\b(bearer|basic|digest|negotiate)\s+[\w.~+/=-]{6,}/giu, put: `$1 ${redacted}` },
  { find: /(:\/\/[^\s:/@]{1,100}:)[^\s/@]{1,300}@/gu, put: `$1${redacted}@` },
  {
    find: new RegExp(
      `((?<![\\w.-])[\\w.-]*?(?:${secretNames})[\\w.-]{0,40}["']?\\s{0,3}(?:=>|=|:)\\s{0,3})("[^"\\n]*"|'[^'\\n]*'|[^\\s,;&"']+)`,
      "giu"
    ),
    put: `$1${redacted}`
  },
  { find: /((?<![\w-])--?(?:password|passwd|token|secret|api-key)\s+)\S+/giu, put: `$1${redacted}` }
]

export const redact = (text: string): string =>
  patterns.reduce((clean, { find, put }) => clean.replaceAll(find, put), text)

/**
 * Texts of it, and whatever a field holds whose name says that it is a secret. Logs come line by line, and so do the keys in them: what
 * follows the beginning of one is taken out until its end, or as far as keys go.
 */
export const redactJson = (value: Schema.Json): Schema.Json => {
  let left = 0
  const text = (one: string): string => {
    const end = left > 0 ? keyEnd.exec(one) : null
    const within = left > 0 ? one.slice(0, end === null ? undefined : end.index + end[0].length) : ""
    left = end === null ? Math.max(0, left - 1) : 0
    const rest = one.slice(within.length)
    if (keyBegin.test(rest)) left = mostOfKey
    return within.replaceAll(keyBody, redacted).replace(keyEnd, redacted) + redact(rest)
  }
  const walk = (one: Schema.Json): Schema.Json => {
    if (typeof one === "string") return text(one)
    if (Array.isArray(one)) return one.map(walk)
    if (typeof one !== "object" || one === null) return one
    return Object.fromEntries(
      Object.entries(one).map(([name, of]) => [
        redact(name),
        typeof of === "string" && of !== "" && secretField.test(name) ? redacted : walk(of)
      ])
    )
  }
  return walk(value)
}
/** Texts: a line may come with its time and its unit. */
const mostOfKey = 500
const keyBegin = /-----BEGIN [A-Z0-9 ]{1,40}-----(?![\s\S]*-----END )/u
const keyEnd = /-----END [A-Z0-9 ]{1,40}-----/u
const keyBody = /[A-Za-z0-9+/]{16,}={0,2}|[A-Za-z0-9+/]{2,}={1,2}/gu
const secretField = new RegExp(`^[\\w.-]{0,40}(?:${secretNames})$`, "iu")
