/**
 * What the groups of the HTTP API share: who calls, the id of a command, its answer and its errors.
 *
 * Owns: the contract's side of sign-in. Does not own: how a token is checked (hub).
 */
import { Context, Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { AccountRole, Permission } from "../account/permissions.ts"
import { Forbidden, Invalid, NotFound, Rejected, Unauthorized, Unavailable } from "./problems.ts"

export interface Actor {
  readonly name: string
  readonly role: AccountRole
  /** No other account of this installation may approve what this one asks for: there is nobody else to ask. */
  readonly alone: boolean
}

export class CurrentActor extends Context.Service<CurrentActor, Actor>()("@signalbox/core/api/CurrentActor") {}

export class Auth extends HttpApiMiddleware.Service<Auth, { provides: CurrentActor }>()("@signalbox/core/api/Auth", {
  requiredForClient: true,
  security: { bearer: HttpApiSecurity.bearer },
  error: [Unauthorized, Forbidden, Unavailable]
}) {}

/**
 * What an endpoint needs, as its annotation; `anyone`: it is open. One that says nothing is open to nobody but an admin, and fails a test.
 * Whose own it is, and what a plan's risk asks for, is said by the rooms.
 */
export class Needs extends Context.Service<Needs, Permission | "anyone">()("@signalbox/core/api/Needs") {}

const CommandId = Schema.String.check(Schema.isUUID())
export const command = { commandId: Schema.optionalKey(CommandId) }
export const Accepted = Schema.Struct({ position: Schema.Int }).annotate({ identifier: "Accepted" })
export const failures = [NotFound, Rejected, Invalid, Unavailable] as const
export const Limit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))
