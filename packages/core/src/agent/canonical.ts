/**
 * One text for one value, whoever wrote it in which order: what is hashed or signed.
 *
 * Owns: that form of JSON. Does not own: what is hashed (grants, plans).
 * Invariants: keys are sorted by UTF-16 code units, nothing is between them, and equal values give equal bytes. Pure: the agents carry it.
 */
import { createHash } from "node:crypto"
import type { Schema } from "effect"

export const canonicalJson = (value: Schema.Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(",")}}`
}

/** SHA-256 of the canonical text, in hexadecimal digits. */
export const canonicalHash = (value: Schema.Json): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex")
