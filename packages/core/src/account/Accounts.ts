/**
 * What people do with accounts, whatever edge they come by, and whose a token is.
 *
 * Owns: the interface, and the errors of its callers. Does not own: its work (`AccountsLive.ts`), the rules (`decider.ts`), who may do it
 * (`permissions.ts`, at the edge), sessions as clients hold them (hub).
 * Invariants: a token is told once, to whoever asked for it; whether one stands is read from the account's own stream and never from what
 * lags behind it; every change is told to `watch` within moments, whichever process made it.
 */
import { Context, type Effect, type Redacted, Schema, type Scope } from "effect"
import type { ExecuteError } from "../log/Commands.ts"
import type { DbError } from "../postgres/Db.ts"
import type { AccountRole } from "./permissions.ts"
import type { AccountView } from "./view.ts"

export class AccountNotFound extends Schema.TaggedError<AccountNotFound>()("AccountNotFound", { what: Schema.String }) {
  override get message(): string {
    return `There is no ${this.what.slice(0, 80)}. See user list.`
  }
}
/** The name or the password cannot be one. */
export class AccountInvalid extends Schema.TaggedError<AccountInvalid>()("AccountInvalid", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}
/** Never says what was wrong. */
export class SignInFailed extends Schema.TaggedError<SignInFailed>()("SignInFailed", {}) {
  override get message(): string {
    return "The name and the password do not belong together, or the account cannot sign in by a password."
  }
}
export class SignInThrottled extends Schema.TaggedError<SignInThrottled>()("SignInThrottled", { seconds: Schema.Int }) {
  override get message(): string {
    return `There were too many tries. Try again in ${this.seconds} ${this.seconds === 1 ? "second" : "seconds"}.`
  }
}

export interface AccountBy {
  readonly commandId: string
  readonly actor: string
}
interface Done {
  readonly position: number
}
type CommandError = ExecuteError | DbError
type LookupError = Exclude<CommandError, { readonly _tag: "CommandRejected" | "CommandIdReused" | "EventNotStorable" }>

export class Accounts extends Context.Service<
  Accounts,
  {
    /** Without a password it has tokens only. */
    readonly add: (
      account: { readonly name: string; readonly role: AccountRole; readonly password?: Redacted.Redacted },
      by: AccountBy
    ) => Effect.Effect<Done, CommandError | AccountInvalid>
    readonly changeRole: (
      name: string,
      role: AccountRole,
      by: AccountBy
    ) => Effect.Effect<Done, CommandError | AccountNotFound>
    /** Ends the sessions that the old one began. */
    readonly changePassword: (
      name: string,
      password: Redacted.Redacted,
      by: AccountBy
    ) => Effect.Effect<Done, CommandError | AccountNotFound | AccountInvalid>
    /** With its tokens and sessions. */
    readonly remove: (name: string, by: AccountBy) => Effect.Effect<Done, CommandError | AccountNotFound>
    /** Once only: a repeat of the command is refused, for the token is not known here any more. */
    readonly issue: (
      name: string,
      token: { readonly label: string; readonly expiresAt?: string },
      by: AccountBy
    ) => Effect.Effect<
      Done & { readonly tokenId: string; readonly token: Redacted.Redacted },
      CommandError | AccountNotFound | AccountInvalid
    >
    /** @returns whose it was */
    readonly revoke: (
      tokenId: string,
      by: AccountBy
    ) => Effect.Effect<Done & { readonly account: string }, CommandError | AccountNotFound>
    /** By name, from the read model. */
    readonly list: Effect.Effect<ReadonlyArray<AccountView>, DbError>
    /** As the log has it now; undefined: there is none. */
    readonly find: (name: string) => Effect.Effect<AccountView | undefined, LookupError>
    /** The account of a token that stands, and until when. */
    readonly ofToken: (
      token: string
    ) => Effect.Effect<{ readonly account: AccountView; readonly expiresAt: number } | undefined, LookupError>
    /** By the password; the answer to what is wrong takes its time. */
    readonly signIn: (tried: {
      readonly name: string
      readonly password: Redacted.Redacted
      readonly address: string
      readonly sessionId: string
    }) => Effect.Effect<AccountView, SignInFailed | SignInThrottled | LookupError>
    /** Whether an account other than the owner of the home may approve. As of moments ago. */
    readonly othersApprove: Effect.Effect<boolean>
    /** As long as the scope lives, `hear` is told the name of every account that has changed. */
    readonly watch: (hear: (name: string) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@signalbox/core/account/Accounts") {}
