/**
 * The events of an account: one stream `account/<name>`.
 *
 * Owns: payload schemas. Does not own: what passwords are checked against (`account.password`, outside of the log), roles' meaning.
 * Invariants: no event holds a password, what one could be guessed from, or a token: passwords are named by a reference, tokens by the
 * SHA-256 of their 256 random bits.
 */
import { Schema } from "effect"
import { makeEventTypes } from "../log/Event.ts"
import { TokenId } from "./name.ts"
import { accountRoles } from "./permissions.ts"

export const Role = Schema.Literals(accountRoles)
const PasswordRef = Schema.String.check(Schema.isUUID())
export const TokenHash = Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/u))
export const TokenLabel = Schema.String.check(Schema.isMaxLength(100))
const Address = Schema.String.check(Schema.isMaxLength(100))

export const AccountEvent = Schema.TaggedUnion({
  AccountCreated: { name: Schema.String, role: Role, passwordRef: Schema.optionalKey(PasswordRef) },
  RoleChanged: { role: Role },
  /** Every session that was signed in by the old one has ended. */
  PasswordChanged: { passwordRef: PasswordRef },
  /** By the password. */
  SignedIn: { sessionId: Schema.String, address: Address },
  SignInRefused: { address: Address },
  TokenIssued: {
    tokenId: TokenId,
    hash: TokenHash,
    label: TokenLabel,
    /** ISO 8601; absent: until it is revoked. */
    expiresAt: Schema.optionalKey(Schema.String)
  },
  TokenRevoked: { tokenId: TokenId },
  /** With all its tokens and sessions. */
  AccountRemoved: {}
})
export type AccountEvent = typeof AccountEvent.Type

export const accountEvents = makeEventTypes<AccountEvent>({
  schema: AccountEvent,
  types: [
    "AccountCreated",
    "RoleChanged",
    "PasswordChanged",
    "SignedIn",
    "SignInRefused",
    "TokenIssued",
    "TokenRevoked",
    "AccountRemoved"
  ]
})

const prefix = "account/"
export const accountStream = (name: string): string => `${prefix}${name}`
/** Undefined: the stream is of something else. */
export const accountOf = (stream: string): string | undefined =>
  stream.startsWith(prefix) ? stream.slice(prefix.length) : undefined
