/**
 * Who is calling: the bearer token of a request.
 *
 * Owns: comparing tokens, the actor's name. Does not own: making and storing the token (core's configuration).
 * Invariants: the comparison takes the same time wherever the tokens differ; a token is never logged or echoed.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiSecurity } from "effect/http-api"
import { type Actor, Auth, CurrentActor } from "@signalbox/core/api/auth.ts"
import { Unauthorized } from "@signalbox/core/api/problems.ts"

export class Tokens extends Context.Service<
  Tokens,
  { readonly actorOf: (token: Redacted.Redacted) => Effect.Effect<Actor, Unauthorized> }
>()("@signalbox/hub/edge/Tokens") {
  /** One token, of this machine's owner. */
  static readonly layer = (admin: Redacted.Redacted): Layer.Layer<Tokens> => {
    const expected = digest(Redacted.value(admin))
    return Layer.succeed(
      Tokens,
      Tokens.of({
        actorOf: (token) => {
          const given = Redacted.value(token)
          if (given === "")
            return Effect.fail(new Unauthorized({ detail: "A token is needed: Authorization: Bearer …" }))
          return timingSafeEqual(digest(given), expected)
            ? Effect.succeed<Actor>({ name: "local-admin", role: "admin", alone: true })
            : Effect.fail(new Unauthorized({ detail: "The token is not known to this hub." }))
        }
      })
    )
  }
}

export const AuthLive: Layer.Layer<Auth, never, Tokens> = Layer.effect(
  Auth,
  Effect.map(Tokens, (tokens) =>
    Auth.of({
      bearer: (handler, { credential }) =>
        Effect.flatMap(tokens.actorOf(credential), (actor) => Effect.provideService(handler, CurrentActor, actor))
    })
  )
)

/** The same for raw routes: provide its layer to them. */
export const rawAuth = HttpRouter.middleware<{ provides: CurrentActor; handles: never }>()(
  Effect.map(
    Tokens,
    (tokens) => (handler) =>
      HttpApiBuilder.securityDecode(HttpApiSecurity.bearer).pipe(
        Effect.flatMap(tokens.actorOf),
        Effect.flatMap((actor) => Effect.provideService(handler, CurrentActor, actor))
      )
  )
)

/** Hashes have one length, and where they differ says nothing about where the tokens do. */
const digest = (token: string): Buffer => createHash("sha256").update(token).digest()
