/**
 * Who an agent is: a nonce of ours, signed by its key, for a token of a few minutes that opens the socket.
 *
 * Owns: nonces and tokens. Does not own: keys of agents (agent room), the socket.
 * Invariants: any hub of the installation accepts the nonce and the token of any other, for both hang on the key that they share; a nonce
 * works once at the hub that sees it, and for a minute; the algorithm of tokens is fixed; a revoked agent gets no token.
 */
import {
  createHmac,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  timingSafeEqual,
  verify
} from "node:crypto"
import { Clock, Context, Effect, Layer } from "effect"
import { jwtVerify, SignJWT } from "jose"
import { Agents } from "@signalbox/core/agent/Agents.ts"
import { enrollText, type EnrollRequest, type SessionRequest, sessionText } from "@signalbox/core/agent/enrollment.ts"
import { publicKeyFrom } from "@signalbox/core/agent/grant.ts"
import { Forbidden, Unauthorized } from "@signalbox/core/api/problems.ts"
import type { ExecuteError } from "@signalbox/core/log/Commands.ts"
import { HubSelf } from "./HubSelf.ts"

const nonceMillis = 60_000
const tokenSeconds = 300
const audience = "signalbox-agents"
const issuer = "signalbox-hub"
const mostRemembered = 100_000

export class AgentSignIn extends Context.Service<
  AgentSignIn,
  {
    readonly challenge: Effect.Effect<string>
    /** @returns the token */
    readonly session: (request: SessionRequest) => Effect.Effect<string, Unauthorized | Forbidden | ExecuteError>
    /** @returns the agent's id */
    readonly verify: (token: string) => Effect.Effect<string, Unauthorized>
  }
>()("@signalbox/hub/agent/AgentSignIn") {
  static readonly layer: Layer.Layer<AgentSignIn, never, Agents | HubSelf> = Layer.effect(
    AgentSignIn,
    Effect.gen(function* () {
      const agents = yield* Agents
      const { key } = yield* HubSelf
      const publicKey = createPublicKey(key)
      const nonces = makeNonces(key)

      return AgentSignIn.of({
        challenge: Effect.map(Clock.currentTimeMillis, nonces.make),
        session: Effect.fnUntraced(function* (request) {
          if (!nonces.use(request.nonce, yield* Clock.currentTimeMillis))
            return yield* Effect.fail(new Unauthorized({ detail: "This nonce is not ours, or its time is over." }))
          const view = yield* agents.load(request.agentId)
          const text = sessionText({ agentId: request.agentId, nonce: request.nonce })
          if (view?.publicKey === undefined || !signatureHolds(text, request.signature, view.publicKey))
            return yield* Effect.fail(new Unauthorized({ detail: "This hub does not know such an agent." }))
          if (view.status === "revoked") return yield* Effect.fail(new Forbidden({ detail: "This agent was revoked." }))
          return yield* Effect.promise(() =>
            new SignJWT({})
              .setProtectedHeader({ alg: "EdDSA" })
              .setSubject(request.agentId)
              .setAudience(audience)
              .setIssuer(issuer)
              .setJti(randomUUID())
              .setIssuedAt()
              .setExpirationTime(`${tokenSeconds}s`)
              .sign(key)
          )
        }),
        verify: (token) =>
          Effect.tryPromise({
            try: async () => {
              const { payload } = await jwtVerify(token, publicKey, {
                algorithms: ["EdDSA"],
                audience,
                issuer,
                requiredClaims: ["exp", "sub", "jti"],
                clockTolerance: 5
              })
              return payload.sub ?? ""
            },
            catch: () => new Unauthorized({ detail: "The token does not hold any more; sign in again." })
          })
      })
    })
  )
}

/** Whoever enrolls holds the key that it shows. */
export const enrollSignatureHolds = (request: EnrollRequest): boolean =>
  signatureHolds(enrollText(request), request.signature, request.publicKey)

const signatureHolds = (text: string, signature: string, publicKey: string): boolean => {
  const key = publicKeyFrom(publicKey)
  const bytes = Buffer.from(signature, "base64")
  return key !== undefined && bytes.length === 64 && verify(null, Buffer.from(text), key, bytes)
}

/** They carry their end and our mark, so nothing has to be kept until one comes back. */
const makeNonces = (key: KeyObject) => {
  const secret = Buffer.from(
    hkdfSync("sha256", key.export({ type: "pkcs8", format: "der" }), "", "signalbox agent nonce", 32)
  )
  const used = new Map<string, number>()
  const mark = (body: string): Buffer => createHmac("sha256", secret).update(body).digest()
  return {
    make: (now: number): string => {
      const body = `${(now + nonceMillis).toString(36)}.${randomBytes(16).toString("base64url")}`
      return `${body}.${mark(body).toString("base64url")}`
    },
    use: (nonce: string, now: number): boolean => {
      const [ends = "", random = "", given = ""] = nonce.split(".")
      const expected = mark(`${ends}.${random}`)
      const shown = Buffer.from(given, "base64url")
      if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return false
      if (now > Number.parseInt(ends, 36) || used.has(nonce)) return false
      if (used.size >= mostRemembered)
        for (const [old, until] of used) {
          if (until > now && used.size < mostRemembered) break
          used.delete(old)
        }
      used.set(nonce, now + nonceMillis)
      return true
    }
  }
}
