/**
 * The part of the HTTP contract that is about accounts and signing in.
 *
 * Owns: paths, payloads and limits. Does not own: an account's life (account room), who may do what (`permissions.ts`).
 * Invariants: no answer holds a password or what one is checked against; a token stands in the answer to whoever asked for it, once.
 */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Role, TokenLabel } from "../account/events.ts"
import { AccountName, TokenId } from "../account/name.ts"
import { Accepted, Auth, command, failures, Needs } from "./auth.ts"
import { Throttled, Unauthorized, Unavailable } from "./problems.ts"

const NewName = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(100))
const Password = Schema.String.check(Schema.isMaxLength(1_000))

export const AccountInfo = Schema.Struct({
  name: Schema.String,
  role: Role,
  /** Whether it can sign in by a password. */
  password: Schema.Boolean,
  tokens: Schema.Array(
    Schema.Struct({
      tokenId: Schema.String,
      label: Schema.String,
      issuedAt: Schema.String,
      issuedBy: Schema.String,
      expiresAt: Schema.NullOr(Schema.String)
    })
  ),
  signedInAt: Schema.NullOr(Schema.String),
  /** Null: the owner of the hub's home, who is always there. */
  createdAt: Schema.NullOr(Schema.String),
  createdBy: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Account" })
export type AccountInfo = typeof AccountInfo.Type

const one = { params: { name: AccountName }, success: Accepted, error: failures } as const

export class AccountsGroup extends HttpApiGroup.make("accounts")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Struct({ accounts: Schema.Array(AccountInfo), position: Schema.Int }),
      error: [Unavailable]
    }).annotate(Needs, "read"),
    /** Who asks. */
    HttpApiEndpoint.get("me", "/me", {
      success: Schema.Struct({ name: Schema.String, role: Role, alone: Schema.Boolean })
    }).annotate(Needs, "read"),
    HttpApiEndpoint.post("add", "/", {
      payload: Schema.Struct({ ...command, name: NewName, role: Role, password: Schema.optionalKey(Password) }),
      success: Accepted.pipe(HttpApiSchema.status(201)),
      error: failures
    }).annotate(Needs, "account"),
    HttpApiEndpoint.post("changeRole", "/:name/role", {
      ...one,
      payload: Schema.Struct({ ...command, role: Role })
    }).annotate(Needs, "account"),
    /** Ends the sessions of the old password; tokens stay. */
    HttpApiEndpoint.post("changePassword", "/:name/password", {
      ...one,
      payload: Schema.Struct({ ...command, password: Password })
    }).annotate(Needs, "account"),
    /** With all its tokens and sessions. */
    HttpApiEndpoint.delete("remove", "/:name", one).annotate(Needs, "account"),
    /** The token is told here and never again: a repeat of the command is refused. */
    HttpApiEndpoint.post("issueToken", "/:name/tokens", {
      params: { name: AccountName },
      payload: Schema.Struct({
        ...command,
        label: Schema.optionalKey(TokenLabel),
        /** ISO 8601; absent: until it is revoked. */
        expiresAt: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(40)))
      }),
      success: Schema.Struct({ tokenId: TokenId, token: Schema.String, position: Schema.Int }).pipe(
        HttpApiSchema.status(201)
      ),
      error: failures
    }).annotate(Needs, "account"),
    HttpApiEndpoint.delete("revokeToken", "/tokens/:tokenId", {
      params: { tokenId: TokenId },
      success: Schema.Struct({ account: Schema.String, position: Schema.Int }),
      error: failures
    }).annotate(Needs, "account")
  )
  .middleware(Auth)
  .prefix("/api/v1/accounts") {}

export class SignInGroup extends HttpApiGroup.make("signIn", { topLevel: true }).add(
  /** A session by name and password: the token works for an hour, and until the account or its password changes. */
  HttpApiEndpoint.post("signIn", "/api/v1/sign-in", {
    payload: Schema.Struct({ name: NewName, password: Password }),
    success: Schema.Struct({ token: Schema.String, expiresAt: Schema.String, name: Schema.String, role: Role }),
    error: [Unauthorized, Throttled, Unavailable]
  }).annotate(Needs, "anyone")
) {}
