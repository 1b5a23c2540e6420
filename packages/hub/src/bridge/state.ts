/**
 * What one connection remembers, and what follows from it.
 *
 * Does not own: what is done with it (`session.ts`, `chat.ts`).
 */
import { randomUUID } from "node:crypto"
import { Context, Data, Effect, type Redacted } from "effect"
import { Tokens } from "../edge/auth.ts"
import { actorOf, clientOf, type Peer } from "./Peer.ts"
import type { Wire } from "./wire.ts"

export interface BridgeTimes {
  /** Without a line for so long, the connection ends. */
  readonly idleMs: number
  /** The same for who must sign in first. */
  readonly signInMs: number
}
export const BridgeTimes = Context.Reference<BridgeTimes>("@signalbox/hub/bridge/BridgeTimes", {
  defaultValue: () => ({ idleMs: 30 * 60_000, signInMs: 60_000 })
})

/** What the client signed in by does not do any more. */
export class SignedOut extends Data.TaggedError("SignedOut")<{}> {
  override get message(): string {
    return "Your sign-in has ended."
  }
}

export interface Session {
  readonly wire: Wire
  peer: Peer
  /** Whoever has signed in did so by this. */
  credential: Redacted.Redacted | undefined
  /** Of this connection's talk, once it has begun. */
  conversationId: string | undefined
  /** For a talk that has not begun; undefined: what new conversations begin with. */
  model: string | undefined
  /** As CHATS numbered them last. */
  listed: ReadonlyArray<string>
  /** The hashes of plans as they were shown on this connection. */
  readonly plans: Map<string, string>
  refusedTokens: number
}

/** How long the next line may take. */
export const patience = (session: Session): Effect.Effect<number> =>
  Effect.map(BridgeTimes, (times) =>
    session.peer.trusted || session.peer.account !== undefined ? times.idleMs : times.signInMs
  )

/** The account as it is now: asked before everything that a client does. */
export const recognize = (session: Session) =>
  Effect.gen(function* () {
    if (session.credential === undefined) return
    const tokens = yield* Tokens
    const { name, role } = yield* tokens.actorOf(session.credential)
    session.peer = { ...session.peer, account: { name, role } }
  }).pipe(Effect.catchTag("Unauthorized", () => Effect.fail(new SignedOut())))

/** Who does it, by a command of its own. */
export const by = (session: Session) => ({
  commandId: randomUUID(),
  actor: actorOf(session.peer),
  client: clientOf(session.peer)
})
