/**
 * What may happen to an account. Pure.
 *
 * Owns: the rules. Does not own: who may command it (`permissions.ts`, at the edge), passwords and tokens themselves.
 */
import { Result, Schema } from "effect"
import type { AccountEvent } from "./events.ts"
import { nameFault } from "./name.ts"
import type { AccountRole } from "./permissions.ts"
import { accountWait } from "./throttle.ts"
import type { AccountView } from "./view.ts"

export const mostTokens = 50

export class AccountRejection extends Schema.TaggedError<AccountRejection>()("AccountRejection", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export type AccountCommand =
  | { readonly _tag: "Create"; readonly name: string; readonly role: AccountRole; readonly passwordRef?: string }
  | { readonly _tag: "ChangeRole"; readonly role: AccountRole }
  | { readonly _tag: "ChangePassword"; readonly passwordRef: string }
  /** It was the password that `passwordRef` names. */
  | {
      readonly _tag: "SignIn"
      readonly sessionId: string
      readonly address: string
      readonly passwordRef: string
      readonly now: number
    }
  | { readonly _tag: "RefuseSignIn"; readonly address: string; readonly now: number }
  | {
      readonly _tag: "IssueToken"
      readonly tokenId: string
      readonly hash: string
      readonly label: string
      readonly expiresAt?: string
      readonly now: number
    }
  | { readonly _tag: "RevokeToken"; readonly tokenId: string }
  | { readonly _tag: "Remove" }

type Decision = Result.Result<ReadonlyArray<AccountEvent>, AccountRejection>

export const decideAccount = (view: AccountView | undefined, command: AccountCommand): Decision => {
  if (command._tag === "Create") return create(view, command)
  if (view === undefined || view.removed) return reject("There is no such account. See user list.")
  switch (command._tag) {
    case "ChangeRole":
      return view.role === command.role ? events() : events({ _tag: "RoleChanged", role: command.role })
    case "ChangePassword":
      return events({ _tag: "PasswordChanged", passwordRef: command.passwordRef })
    case "SignIn":
      if (view.passwordRef !== command.passwordRef || accountWait(view, command.now) > 0)
        return reject("The account was changed meanwhile; sign in again.")
      return events({ _tag: "SignedIn", sessionId: command.sessionId, address: command.address })
    case "RefuseSignIn":
      return accountWait(view, command.now) > 0 ? events() : events({ _tag: "SignInRefused", address: command.address })
    case "IssueToken":
      return issue(view, command)
    case "RevokeToken":
      return view.tokens.some((token) => token.tokenId === command.tokenId)
        ? events({ _tag: "TokenRevoked", tokenId: command.tokenId })
        : reject(`There is no token ${command.tokenId.slice(0, 40)}. See user list.`)
    case "Remove":
      return events({ _tag: "AccountRemoved" })
  }
}

const create = (view: AccountView | undefined, command: Extract<AccountCommand, { readonly _tag: "Create" }>) => {
  const { _tag, ...made } = command
  const fault = nameFault(made.name)
  if (fault !== undefined) return reject(fault)
  return view === undefined || view.removed
    ? events({ _tag: "AccountCreated", ...made })
    : reject(`There is an account ${made.name} already.`)
}

const issue = (view: AccountView, command: Extract<AccountCommand, { readonly _tag: "IssueToken" }>): Decision => {
  const { _tag, now, ...token } = command
  if (view.tokens.length >= mostTokens)
    return reject(`${view.name} has ${mostTokens} tokens, which is the most there may be. Revoke one: user revoke ID.`)
  if (token.expiresAt !== undefined && !(Date.parse(token.expiresAt) > now))
    return reject(`A token that ends at ${token.expiresAt.slice(0, 40)} would be of no use: that is over.`)
  return events({ _tag: "TokenIssued", ...token })
}

const events = (...made: ReadonlyArray<AccountEvent>): Decision => Result.succeed(made)
const reject = (reason: string): Decision => Result.fail(new AccountRejection({ reason }))
