/**
 * How agents come in over HTTP: enroll, challenge, session.
 *
 * Owns: proofs and the throttle of wrong ones. Does not own: invites (core's `Agents`), tokens (`SignIn.ts`).
 */
import { Clock, Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { networkOf } from "@signalbox/core/account/throttle.ts"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { HubApi } from "@signalbox/core/api/contract.ts"
import { Forbidden, Throttled, Unauthorized } from "@signalbox/core/api/problems.ts"
import type { ExecuteError } from "@signalbox/core/log/Commands.ts"
import type { DbError } from "@signalbox/core/postgres/Db.ts"
import { answer } from "../edge/answer.ts"
import { plainAddress } from "../edge/loopback.ts"
import { HubSelf } from "./HubSelf.ts"
import { AgentSignIn, enrollSignatureHolds } from "./SignIn.ts"
import { makeThrottle } from "./throttle.ts"

export const AgentDoorsRoutes = HttpApiBuilder.group(
  HubApi,
  "agentDoors",
  Effect.fnUntraced(function* (handlers) {
    const agents = yield* Agents
    const signIn = yield* AgentSignIn
    const self = yield* HubSelf
    const throttle = makeThrottle()

    /** @param who of many behind one address, as behind a relay, so that one of them does not lock out the others */
    const throttled = <A, R>(
      who: string,
      self: Effect.Effect<A, Unauthorized | Forbidden | ExecuteError | DbError, R>
    ) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const address = `${networkOf(plainAddress(Option.getOrUndefined(request.remoteAddress)))} ${who}`
        const now = yield* Clock.currentTimeMillis
        if (!throttle.allowed(address, now))
          return yield* Effect.fail(
            new Throttled({ detail: "Too many attempts failed from this address. Wait a minute." })
          )
        return yield* self.pipe(
          Effect.tapError((error) =>
            Effect.sync(() => {
              if (error._tag === "Unauthorized" || error._tag === "CommandRejected") throttle.failed(address, now)
            })
          ),
          Effect.catchIf(
            (error): error is ExecuteError | DbError => error._tag !== "Unauthorized" && error._tag !== "Forbidden",
            (error) => answer(Effect.fail(error))
          )
        )
      })

    return handlers.handleAll({
      enroll: ({ payload }) =>
        throttled(
          "",
          Effect.gen(function* () {
            if (!enrollSignatureHolds(payload))
              return yield* Effect.fail(
                new Unauthorized({ detail: "The signature under this enrollment does not hold." })
              )
            const { agentId, name, allows } = yield* agents.enroll(payload)
            return { agentId, name: name ?? agentId, hubKey: self.publicKey, allows }
          })
        ),
      challenge: () => Effect.map(signIn.challenge, (nonce) => ({ nonce })),
      session: ({ payload }) =>
        throttled(
          payload.agentId,
          Effect.map(signIn.session(payload), (token) => ({ token }))
        )
    })
  })
)
