/**
 * An account as sign-in, lists and decisions see it: the fold of its events.
 *
 * Invariants: pure and bounded: only tokens that still stand are kept; a name that is given again begins without anything of the old
 * account, and what belonged to that never works again.
 */
import { Schema } from "effect"
import type { AccountEvent } from "./events.ts"
import { Role } from "./events.ts"

export const AccountToken = Schema.Struct({
  tokenId: Schema.String,
  hash: Schema.String,
  label: Schema.String,
  issuedAt: Schema.String,
  issuedBy: Schema.String,
  expiresAt: Schema.NullOr(Schema.String)
})
export type AccountToken = typeof AccountToken.Type

export const AccountView = Schema.Struct({
  name: Schema.String,
  role: Role,
  removed: Schema.Boolean,
  passwordRef: Schema.NullOr(Schema.String),
  /** Grows when all sessions end: a session that was made under a smaller one is over. */
  epoch: Schema.Int,
  tokens: Schema.Array(AccountToken),
  /** Since the last time that it was the right password. */
  refusals: Schema.Int,
  refusedAt: Schema.NullOr(Schema.String),
  signedInAt: Schema.NullOr(Schema.String),
  createdAt: Schema.String,
  createdBy: Schema.String,
  version: Schema.Int
}).annotate({ identifier: "AccountView" })
export type AccountView = typeof AccountView.Type

export const evolveAccount = (
  view: AccountView | undefined,
  event: AccountEvent,
  meta: { readonly at: string; readonly actor: string; readonly version: number }
): AccountView | undefined => {
  if (event._tag === "AccountCreated")
    return {
      name: event.name,
      role: event.role,
      removed: false,
      passwordRef: event.passwordRef ?? null,
      epoch: (view?.epoch ?? 0) + 1,
      tokens: [],
      refusals: 0,
      refusedAt: null,
      signedInAt: null,
      createdAt: meta.at,
      createdBy: meta.actor,
      version: meta.version
    }
  if (view === undefined) return undefined
  const next = { ...view, version: meta.version }
  switch (event._tag) {
    case "RoleChanged":
      return { ...next, role: event.role }
    case "PasswordChanged":
      return { ...next, passwordRef: event.passwordRef, epoch: view.epoch + 1, refusals: 0, refusedAt: null }
    case "SignedIn":
      return { ...next, signedInAt: meta.at, refusals: 0, refusedAt: null }
    case "SignInRefused":
      return { ...next, refusals: view.refusals + 1, refusedAt: meta.at }
    case "TokenIssued": {
      const { tokenId, hash, label, expiresAt = null } = event
      const token = { tokenId, hash, label, issuedAt: meta.at, issuedBy: meta.actor, expiresAt }
      return { ...next, tokens: [...view.tokens, token] }
    }
    case "TokenRevoked":
      return { ...next, tokens: view.tokens.filter((token) => token.tokenId !== event.tokenId) }
    case "AccountRemoved":
      return { ...next, removed: true, passwordRef: null, epoch: view.epoch + 1, tokens: [] }
  }
}
