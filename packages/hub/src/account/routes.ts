/**
 * The accounts group of the API, and signing in: thin handlers over `Accounts`.
 *
 * Owns: from requests to the service and back. Does not own: the rules (core), what a session is (`session-token.ts`).
 */
import { randomUUID } from "node:crypto"
import { Clock, DateTime, Effect, Option, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { AccountInfo } from "@signalbox/core/api/accounts.ts"
import { Accounts } from "@signalbox/core/account/Accounts.ts"
import { localAdmin } from "@signalbox/core/account/name.ts"
import type { AccountView } from "@signalbox/core/account/view.ts"
import { CurrentActor } from "@signalbox/core/api/auth.ts"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Throttled, Unauthorized } from "@signalbox/core/api/problems.ts"
import { ReadModels } from "@signalbox/core/api/ReadModels.ts"
import { answer, origin, read, readOr, seen } from "../edge/answer.ts"
import { plainAddress } from "../edge/loopback.ts"
import { signSession } from "./session-token.ts"

export const AccountsRoutes = HttpApiBuilder.group(
  HubApi,
  "accounts",
  Effect.fnUntraced(function* (handlers) {
    const accounts = yield* Accounts
    const models = yield* ReadModels
    /** Whoever asks after the answer finds it so. */
    const shown = <A extends { readonly position: number }, E, R>(self: Effect.Effect<A, E, R>) =>
      Effect.tap(self, ({ position }) => Effect.provideService(seen(position), ReadModels, models))

    return handlers.handleAll({
      list: () =>
        read(
          Effect.gen(function* () {
            const position = yield* models.position
            return { accounts: [owner, ...(yield* accounts.list).map(info)], position }
          })
        ),
      me: () => CurrentActor,
      add: ({ payload: { commandId, name, role, password } }) =>
        answer(
          shown(
            Effect.flatMap(origin(given(commandId)), (by) =>
              accounts.add({ name, role, ...(password === undefined ? {} : { password: Redacted.make(password) }) }, by)
            )
          )
        ),
      changeRole: ({ params: { name }, payload: { role, ...rest } }) =>
        answer(shown(Effect.flatMap(origin(rest), (by) => accounts.changeRole(name, role, by)))),
      changePassword: ({ params: { name }, payload: { password, ...rest } }) =>
        answer(shown(Effect.flatMap(origin(rest), (by) => accounts.changePassword(name, Redacted.make(password), by)))),
      remove: ({ params: { name } }) => answer(shown(Effect.flatMap(origin(), (by) => accounts.remove(name, by)))),
      issueToken: ({ params: { name }, payload: { commandId, label = "", expiresAt } }) =>
        answer(
          shown(
            Effect.gen(function* () {
              const by = yield* origin(given(commandId))
              const asked = { label, ...(expiresAt === undefined ? {} : { expiresAt }) }
              const { tokenId, token, position } = yield* accounts.issue(name, asked, by)
              return { tokenId, token: Redacted.value(token), position }
            })
          )
        ),
      revokeToken: ({ params: { tokenId } }) =>
        answer(shown(Effect.flatMap(origin(), (by) => accounts.revoke(tokenId, by))))
    })
  })
)

/** @param key signs the sessions */
export const signInRoutes = (key: Redacted.Redacted<Uint8Array>) =>
  HttpApiBuilder.group(
    HubApi,
    "signIn",
    Effect.fnUntraced(function* (handlers) {
      const accounts = yield* Accounts
      return handlers.handleAll({
        signIn: ({ payload: { name, password }, request }) =>
          readOr(
            Effect.gen(function* () {
              const address = plainAddress(Option.getOrUndefined(request.remoteAddress)).slice(0, 100)
              const sessionId = randomUUID()
              const account = yield* accounts.signIn({ name, password: Redacted.make(password), address, sessionId })
              const now = yield* Clock.currentTimeMillis
              const session = yield* signSession(key, { name, epoch: account.epoch, sessionId, now })
              return {
                token: Redacted.value(session.token),
                expiresAt: DateTime.formatIso(DateTime.makeUnsafe(session.expiresAt)),
                name,
                role: account.role
              }
            }).pipe(
              Effect.catchTags({
                SignInFailed: (error) => Effect.fail(new Unauthorized({ detail: error.message })),
                SignInThrottled: (error) => Effect.fail(new Throttled({ detail: error.message })),
                EventNotDecodable: (error) => Effect.die(error)
              })
            )
          )
      })
    })
  )

const owner: AccountInfo = {
  name: localAdmin,
  role: "admin",
  password: false,
  tokens: [],
  signedInAt: null,
  createdAt: null,
  createdBy: null
}

const info = ({ name, role, passwordRef, tokens, signedInAt, createdAt, createdBy }: AccountView): AccountInfo => ({
  name,
  role,
  password: passwordRef !== null,
  // what a token is recognized by is nobody's business
  tokens: tokens.map(({ tokenId, label, issuedAt, issuedBy, expiresAt }) => ({
    tokenId,
    label,
    issuedAt,
    issuedBy,
    expiresAt
  })),
  signedInAt,
  createdAt,
  createdBy
})

const given = (commandId: string | undefined) => (commandId === undefined ? {} : { commandId })
