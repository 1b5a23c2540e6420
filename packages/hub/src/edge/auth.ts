/**
 * Who is calling, and whether that may be: the one place where every edge of the hub asks.
 *
 * Owns: from a credential to an actor, kept for moments; the check of what a route needs; the end of what stays open. Does not own:
 * accounts and roles (core's account room), what each route needs (its annotation in the contract, the argument of `rawAuth`).
 * Invariants: the owner's token is compared in the same time wherever it differs; nothing of a credential is logged or echoed; what is
 * kept is dropped the moment that its account changes, so that what was revoked works nowhere any more.
 */
import { createHash, timingSafeEqual } from "node:crypto"
import { Clock, Context, Deferred, Effect, Layer, Option, Redacted } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiSecurity } from "effect/http-api"
import { Accounts } from "@signalbox/core/account/Accounts.ts"
import { localAdmin } from "@signalbox/core/account/name.ts"
import { type Permission, refusalOf } from "@signalbox/core/account/permissions.ts"
import { isToken } from "@signalbox/core/account/token.ts"
import { type Actor, Auth, CurrentActor, Needs } from "@signalbox/core/api/auth.ts"
import { Forbidden, Unauthorized, Unavailable } from "@signalbox/core/api/problems.ts"
import { Draining } from "./Draining.ts"
import { isSession, verifySession } from "../account/session-token.ts"

export interface TokenKeys {
  /** The token of this home's owner. */
  readonly adminToken: Redacted.Redacted
  /** Signs sessions. */
  readonly sessionKey: Redacted.Redacted<Uint8Array>
}

export class Tokens extends Context.Service<
  Tokens,
  {
    readonly actorOf: (credential: Redacted.Redacted) => Effect.Effect<Actor, Unauthorized | Unavailable>
    /** The same, if the role reaches. */
    readonly permit: (
      credential: Redacted.Redacted,
      permission: Permission
    ) => Effect.Effect<Actor, Unauthorized | Forbidden | Unavailable>
    /** Succeeds when the credential does not do any more, however that came. */
    readonly ended: (credential: Redacted.Redacted, permission: Permission) => Effect.Effect<void>
  }
>()("@signalbox/hub/edge/Tokens") {
  static readonly layer = (keys: TokenKeys): Layer.Layer<Tokens, never, Accounts> => Layer.effect(Tokens, make(keys))
}

interface Known {
  readonly actor: Actor
  /** The credential's own end. */
  readonly expiresAt: number
  /** When it is looked up again, although nothing was heard of a change. */
  readonly askAgainAt: number
}
const most = 2_000
const keptMs = 60_000

const make = ({ adminToken, sessionKey }: TokenKeys) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts
    const expected = digest(Redacted.value(adminToken))
    const known = new Map<string, Known>()
    /** Grows with every change of any account: what was begun before one is not kept. */
    let changes = 0
    const waiting = new Set<() => void>()
    yield* accounts.watch((name) => {
      changes++
      for (const [key, one] of known) if (one.actor.name === name) known.delete(key)
      // a snapshot: whoever is woken runs at once and waits again
      const woken = Array.from(waiting)
      for (const wake of woken) wake()
    })

    /** Undefined: it is nobody's, or not any more. */
    const lookUp = Effect.fnUntraced(function* (text: string, now: number) {
      if (isToken(text)) return yield* accounts.ofToken(text)
      const session = isSession(text) ? yield* verifySession(sessionKey, text, now) : undefined
      if (session === undefined) return undefined
      const account = yield* accounts.find(session.name)
      return account === undefined || account.epoch !== session.epoch
        ? undefined
        : { account, expiresAt: session.expiresAt }
    })

    const find = Effect.fnUntraced(function* (text: string, hash: Buffer) {
      const now = yield* Clock.currentTimeMillis
      const key = hash.toString("base64")
      const kept = known.get(key)
      if (kept !== undefined && now < Math.min(kept.expiresAt, kept.askAgainAt)) return kept
      known.delete(key)
      const before = changes
      const found = yield* Effect.catch(lookUp(text, now), (error) =>
        error._tag === "EventNotDecodable" || (error._tag === "DbError" && !error.transient)
          ? Effect.die(error)
          : Effect.fail(new Unavailable({ detail: error.message }))
      )
      if (found === undefined) return undefined
      const { name, role } = found.account
      const one: Known = {
        // the owner of the home can always be asked
        actor: { name, role, alone: false },
        expiresAt: found.expiresAt,
        askAgainAt: now + keptMs
      }
      if (changes === before) known.set(key, one)
      for (const oldest of known.keys()) {
        if (known.size <= most) break
        known.delete(oldest)
      }
      return one
    })

    const actorOf: Tokens["Service"]["actorOf"] = (credential) => {
      const given = Redacted.value(credential)
      if (given === "") return Effect.fail(new Unauthorized({ detail: "A token is needed: Authorization: Bearer …" }))
      const hash = digest(given)
      if (timingSafeEqual(hash, expected))
        return Effect.map(accounts.othersApprove, (others) => ({ name: localAdmin, role: "admin", alone: !others }))
      return Effect.flatMap(find(given, hash), (one) =>
        one === undefined
          ? Effect.fail(new Unauthorized({ detail: "The token is not known to this hub, or it has ended." }))
          : Effect.succeed(one.actor)
      )
    }

    const permit: Tokens["Service"]["permit"] = (credential, permission) =>
      Effect.flatMap(actorOf(credential), (actor): Effect.Effect<Actor, Forbidden> => {
        const refusal = refusalOf(actor, permission)
        return refusal === undefined ? Effect.succeed(actor) : Effect.fail(new Forbidden({ detail: refusal }))
      })

    /** At once, when there was one since. */
    const changeSince = (before: number) =>
      Effect.callback<void>((resume) => {
        if (changes !== before) return resume(Effect.void)
        const wake = (): void => {
          waiting.delete(wake)
          resume(Effect.void)
        }
        waiting.add(wake)
        return Effect.sync(() => waiting.delete(wake))
      })
    const over = (credential: Redacted.Redacted, permission: Permission) =>
      permit(credential, permission).pipe(
        Effect.as(false),
        // a database that is away says nothing about the credential
        Effect.catch((error) => Effect.succeed(error._tag !== "Unavailable"))
      )
    const untilItsEnd = (credential: Redacted.Redacted) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const kept = known.get(digest(Redacted.value(credential)).toString("base64"))
        return Math.max(50, Math.min(keptMs, (kept?.expiresAt ?? Number.POSITIVE_INFINITY) - now))
      })
    const ended: Tokens["Service"]["ended"] = (credential, permission) =>
      timingSafeEqual(digest(Redacted.value(credential)), expected)
        ? Effect.never
        : Effect.gen(function* () {
            while (true) {
              const before = changes
              if (yield* over(credential, permission)) return
              const wait = yield* untilItsEnd(credential)
              yield* Effect.timeoutOption(changeSince(before), wait)
            }
          })

    return Tokens.of({ actorOf, permit, ended })
  })

/** An endpoint that does not say what it needs is for admins only. */
const needOf = (annotations: Context.Context<never>): Permission => {
  const need = Option.getOrUndefined(Context.getOption(annotations, Needs))
  return need === undefined || need === "anyone" ? "account" : need
}

export const AuthLive: Layer.Layer<Auth, never, Tokens> = Layer.effect(
  Auth,
  Effect.map(Tokens, (tokens) =>
    Auth.of({
      bearer: (handler, { credential, endpoint }) =>
        Effect.flatMap(tokens.permit(credential, needOf(endpoint.annotations)), (actor) =>
          Effect.provideService(handler, CurrentActor, actor)
        )
    })
  )
)

/** When a stream that would never end by itself ends: this process stops, or the credential does not do any more. */
export class Parting extends Context.Service<Parting, Effect.Effect<void>>()("@signalbox/hub/edge/Parting") {}

/** The same for raw routes: provide its layer to them. */
export const rawAuth = (permission: Permission) =>
  HttpRouter.middleware<{ provides: CurrentActor | Parting; handles: never }>()(
    Effect.gen(function* () {
      const tokens = yield* Tokens
      const draining = yield* Draining
      return (handler) =>
        Effect.gen(function* () {
          const credential = yield* HttpApiBuilder.securityDecode(HttpApiSecurity.bearer)
          const actor = yield* tokens.permit(credential, permission)
          const parting = Effect.raceFirst(Deferred.await(draining), tokens.ended(credential, permission))
          return yield* handler.pipe(
            Effect.provideService(CurrentActor, actor),
            Effect.provideService(Parting, parting)
          )
        })
    })
  )

/** Hashes have one length, and where they differ says nothing about where the tokens do. */
const digest = (token: string): Buffer => createHash("sha256").update(token).digest()
