/**
 * Names of accounts and ids of their tokens.
 *
 * Invariants: a name is also how the log names the actor, so no account can be called like something else that acts; a token's id
 * can never be a name.
 */
import { Schema } from "effect"

/** The owner of the home: whoever has its token. It has no stream, cannot be changed and is always there. */
export const localAdmin = "local-admin"

const taken: ReadonlySet<string> = new Set([
  localAdmin,
  "admin-token",
  "agent",
  "anyone",
  "bridge",
  "hub",
  "import",
  "local",
  "model",
  "nobody",
  "person",
  "policy",
  "schedule",
  "signalbox",
  "system",
  "worker"
])

const form = /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/u

export const isAccountName = (name: string): boolean => name.length <= 32 && form.test(name) && !taken.has(name)

/** @returns why it is no name for an account, in one sentence */
export const nameFault = (name: string): string | undefined => {
  if (taken.has(name)) return `The name ${name} means something else here. Choose another.`
  return isAccountName(name)
    ? undefined
    : "An account's name has at most 32 small letters and digits, begins with a letter, and may hold single dots, dashes and underscores in between."
}

export const AccountName = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.isPattern(/^[a-z][a-z0-9._-]*$/u, { expected: "the name of an account" })
)

export const TokenId = Schema.String.check(
  Schema.isPattern(/^T-[A-Z2-9]{10}$/u, { expected: "a token's id, as user list shows it" })
)
