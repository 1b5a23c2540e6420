/**
 * Sessions as clients hold them: short JSON web tokens, signed by the key of this home.
 *
 * Owns: their form, lifetime and signature. Does not own: whether the account still stands (`edge/auth.ts` asks at every request).
 * Invariants: one algorithm, one issuer, one audience; what is not signed by this home's key, or is over, is nothing.
 */
import { Effect, Redacted, Result, Schema } from "effect"
import { errors, jwtVerify, SignJWT } from "jose"

export const sessionMs = 60 * 60_000
const issuer = "signalbox"
const audience = "signalbox-hub"
const longest = 2_048

/** What a session says. */
export interface SessionClaims {
  readonly name: string
  readonly epoch: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}
const Payload = Schema.Struct({ sub: Schema.String, epo: Schema.Int, exp: Schema.Int })
const decode = Schema.decodeUnknownResult(Payload)

type Key = Redacted.Redacted<Uint8Array>

export const signSession = (
  key: Key,
  { name, epoch, sessionId, now }: { name: string; epoch: number; sessionId: string; now: number }
): Effect.Effect<{ readonly token: Redacted.Redacted; readonly expiresAt: number }> => {
  const exp = Math.floor((now + sessionMs) / 1000)
  return Effect.map(
    Effect.promise(() =>
      new SignJWT({ epo: epoch })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(name)
        .setJti(sessionId)
        .setIssuedAt(Math.floor(now / 1000))
        .setExpirationTime(exp)
        .sign(Redacted.value(key))
    ),
    (token) => ({ token: Redacted.make(token), expiresAt: exp * 1000 })
  )
}

/** By its look alone. */
export const isSession = (text: string): boolean =>
  text.length <= longest && /^[\w-]{10,}\.[\w-]{10,}\.[\w-]{40,}$/u.test(text)

/** Undefined: it is not one of ours, or it is over. */
export const verifySession = (key: Key, text: string, now: number): Effect.Effect<SessionClaims | undefined> =>
  Effect.map(
    Effect.promise(() =>
      jwtVerify(text, Redacted.value(key), {
        algorithms: ["HS256"],
        issuer,
        audience,
        currentDate: new Date(now),
        requiredClaims: ["sub", "exp", "jti"]
      }).then(
        ({ payload }) => payload,
        (cause: unknown) => {
          if (cause instanceof errors.JOSEError) return undefined
          throw cause
        }
      )
    ),
    (payload) => {
      const found = decode(payload)
      return Result.isSuccess(found)
        ? { name: found.success.sub, epoch: found.success.epo, expiresAt: found.success.exp * 1000 }
        : undefined
    }
  )
