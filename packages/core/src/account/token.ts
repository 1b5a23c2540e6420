/**
 * API tokens: 256 random bits, known to nobody but their holder.
 *
 * Invariants: what is kept of one is its SHA-256; with so many random bits that says nothing of the token, so it needs no salt.
 */
import { createHash, randomBytes, randomInt } from "node:crypto"
import { Redacted } from "effect"

export const makeToken = (): Redacted.Redacted => Redacted.make(`sbx_${randomBytes(32).toString("base64url")}`)

const form = /^sbx_[A-Za-z0-9_-]{43}$/u
export const isToken = (text: string): boolean => form.test(text)

export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex")

const letters = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
export const makeTokenId = (): string =>
  `T-${Array.from({ length: 10 }, () => letters[randomInt(letters.length)] ?? "A").join("")}`
